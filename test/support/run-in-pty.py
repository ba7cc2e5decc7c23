"""Runs a program in a pseudo-terminal: run-in-pty.py COLUMNS ROWS PROGRAM ARGUMENT...

In, a JSON line each:   {"keys": "j"}  {"resize": [columns, rows]}
Out, a JSON line each:  {"data": what the program wrote}  {"code": how it ended, "echo": does the terminal echo again?}
"""
import codecs
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def say(**facts):
    print(json.dumps(facts), flush=True)


def echoes(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


columns, rows, *command = sys.argv[1:]
master, slave = pty.openpty()
resize(master, int(columns), int(rows))
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.execvp(command[0], command)

decoder = codecs.getincrementaldecoder('utf-8')('replace')
orders = b''
status = None
while True:
    ready, _, _ = select.select([0, master], [], [], 0.05)
    if master in ready:
        say(data=decoder.decode(os.read(master, 65536)))
        continue
    if status is not None:
        break
    if 0 in ready:
        got = os.read(0, 65536)
        if not got:
            os.kill(pid, signal.SIGKILL)
        *lines, orders = (orders + got).split(b'\n')
        for line in lines:
            order = json.loads(line)
            if 'keys' in order:
                os.write(master, order['keys'].encode())
            else:
                resize(master, *order['resize'])
    ended, code = os.waitpid(pid, os.WNOHANG)
    if ended:
        status = os.waitstatus_to_exitcode(code)
say(code=status, echo=echoes(slave), pid=pid)
