import { describe, expect, it } from 'vitest'
import { renamePython } from '../../../src/cli/python-names.ts'
import { applyEdits, toSnakeCase } from '../../../src/cli/setting-edits.ts'

function renamed(source: string): string {
  return applyEdits(source, renamePython(source, toSnakeCase))
}

describe('renamePython changes', () => {
  it.each([
    ['BROKER_URL = "redis://"', 'broker_url = "redis://"'],
    [
      'if x:\n    BROKER_URL = 1\nelse:\n    BROKER_URL = 2\n',
      'if x:\n    broker_url = 1\nelse:\n    broker_url = 2\n',
    ],
    ['CELERY_IMPORTS: list = []\nCELERY_IMPORTS += ["a"]', 'imports: list = []\nimports += ["a"]'],
    ['BROKER_URL = 1; CELERYD_CONCURRENCY = 2', 'broker_url = 1; worker_concurrency = 2'],
    ['BROKER_URL = "a"\nX = BROKER_URL + "b"', 'broker_url = "a"\nX = broker_url + "b"'],
    ['app.conf.BROKER_URL = 1', 'app.conf.broker_url = 1'],
    ["app.conf['BROKER_URL'] = 1", "app.conf['broker_url'] = 1"],
    [
      'app.conf.update(\n    BROKER_URL=1,  # why\n    CELERYD_CONCURRENCY=2)',
      'app.conf.update(\n    broker_url=1,  # why\n    worker_concurrency=2)',
    ],
    [
      'x = {\n  "BROKER_URL": 1,\n  \'CELERYD_CONCURRENCY\': 2}',
      'x = {\n  "broker_url": 1,\n  \'worker_concurrency\': 2}',
    ],
    ['BROKER_URL = (\n  "a" )\r\nCELERYD_POOL = \\\n 1', 'broker_url = (\n  "a" )\r\nworker_pool = \\\n 1'],
  ])('%j', (source, expected) => {
    expect(renamed(source)).toBe(expected)
  })
})

describe('renamePython leaves', () => {
  it.each([
    '# BROKER_URL = 1',
    '"""\nBROKER_URL = 1\n"""',
    "x = 'BROKER_URL = 1'",
    "x = os.environ['BROKER_URL']",
    "x = os.environ.get('BROKER_URL', 1)",
    'from other import BROKER_URL\nx = BROKER_URL',
    'import BROKER_URL',
    'from other import (\n  BROKER_URL)\nBROKER_URL = BROKER_URL or 1',
    'x = other.BROKER_URL',
    'x = BROKER_URL == 1',
    'f(BROKER_URL)',
    'MY_BROKER_URL = 1',
    "broker_url = 'a'",
    'TIME_ZONE = "UTC"\nDEBUG = True',
    'x[BROKER_URL:2]',
  ])('%j', (source) => {
    expect(renamed(source)).toBe(source)
  })

  it('what mentions a name, next to what is one', () => {
    const source = "BROKER_URL = os.environ.get('BROKER_URL')  # BROKER_URL\n"
    expect(renamed(source)).toBe("broker_url = os.environ.get('BROKER_URL')  # BROKER_URL\n")
  })
})
