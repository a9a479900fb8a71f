"""The original's own entry point, with everything imported before it begins, so that it can go on as
a user who may not read the modules, and so that many short runs cost one start of Python.

    original.py as UID ARGV0 WORD...     becomes the user, then the program
    original.py many < ROWS > CODES      each row in a child of its own, one after another

A row is {"argv", "cwd", "environment", "stdout", "stderr"}; the answer is a list of exit codes, a
death by signal as 128 and the number.
"""

import encodings.idna  # noqa: F401
import json
import os
import signal
import sys
import traceback

import supervisor.http  # noqa: F401
import supervisor.rpcinterface  # noqa: F401
import supervisor.web  # noqa: F401
import supervisor.xmlrpc  # noqa: F401
from supervisor import supervisord

# A row that does not end is a row that is wrong.
SECONDS_MAX = 30


def become(uid):
    if uid and not os.getuid():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def run(argv):
    sys.argv[:] = argv
    supervisord.main()


def child(row):
    signal.alarm(SECONDS_MAX)
    os.chdir(row["cwd"])
    os.environ.clear()
    os.environ.update(row["environment"])
    for fd, path in (0, os.devnull), (1, row["stdout"]), (2, row["stderr"]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), fd)
    code = 0
    try:
        run(row["argv"])
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def code_of(row):
    pid = os.fork()
    if not pid:
        child(row)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if sys.argv[1] == "many":
    print(json.dumps([code_of(row) for row in json.load(sys.stdin)]))
else:
    become(int(sys.argv[2]))
    run(sys.argv[3:])
