"""Records the pickles in pickles.json: each value in all protocols. Run with Python 3.8 or later."""

import base64
import collections
import datetime
import decimal
import json
import pickle
import sys
import types
import uuid


def module(name, **members):
    """Stands in for a module, so that Celery need not be installed."""
    made = types.ModuleType(name)
    for key, member in members.items():
        member.__module__ = name
        member.__qualname__ = member.__name__ = key
        setattr(made, key, member)
    sys.modules[name] = made
    return made


class Ignore(Exception):
    pass


class Wrapper(Exception):
    pass


def signature(data):
    return Signature(data)


class Signature(dict):
    def __reduce__(self):
        return sys.modules["celery.canvas"].signature, (dict(self),)


module("celery")
module("celery.exceptions", Ignore=Ignore)
module("celery.utils")
module("celery.utils.serialization", UnpickleableExceptionWrapper=Wrapper)
module("celery.canvas", signature=signature)

utc = datetime.timezone.utc
west = datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))
shared = [1]
circle = []
circle.append(circle)
noted = ValueError("noted")
noted.extra = 1

VALUES = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, 2**53 - 1, 2**53 + 1, -(2**63), 2**64, 2**200],
    "floats": [0.5, -1e300, float("inf"), float("-inf")],
    "nan": float("nan"),
    "texts": ["", "abc", "h\u00e9llo \u4e16\U0001f96c", "a\nb\\u1234\r\0'\"", "x" * 300],
    "bytes": [b"", b"abc", bytes([0, 127, 128, 255]), b"y" * 300, bytearray(b"\0\xff"), bytearray()],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "dict": {"a": 1, "b": {"c": [1, 2]}, "__proto__": 1},
    "mixed dict": {1: "a", "b": 2, (1, 2): 3, None: 4},
    "sets": [set(), {1}, frozenset([2]), frozenset()],
    "datetimes": [
        datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=utc),
        datetime.datetime(2026, 1, 2, 3, 4, 5),
        datetime.datetime(2026, 1, 2, tzinfo=west),
        datetime.datetime(2026, 1, 2, fold=1),
    ],
    "dates": [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)],
    "times": [datetime.time(3, 4, 5), datetime.time(3, 4, 5, 6, tzinfo=utc)],
    "timedeltas": [datetime.timedelta(days=-1, seconds=5, microseconds=7)],
    "zones": [utc, west],
    "decimals": [decimal.Decimal("1.10"), decimal.Decimal("NaN")],
    "uuids": [uuid.UUID("5d9b1c1e-0c1e-4b57-9d2f-5a1b5a0d9d11"), uuid.UUID(int=5)],
    "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
    "exceptions": [ValueError("bad", 1), KeyError("k"), noted, Ignore("why")],
    "wrapped": Wrapper("proj.errors", "BadMoon", ("rising", 1), "BadMoon('rising', 1)"),
    "signature": Signature(task="proj.add", args=(1, 2)),
    "shared": [shared, shared],
    "circle": circle,
}

records = [
    [name, protocol, base64.b64encode(pickle.dumps(value, protocol=protocol)).decode()]
    for name, value in VALUES.items()
    for protocol in range(6)
]
print("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]")
