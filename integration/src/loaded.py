"""Loads configurations as Supervisor does, and says what it understood.

Standard input is a JSON list of {"argv", "cwd", "environment", "reread"}; standard output a JSON list
of what each became, in the shape of `fleetvisord check -o json`. One process for all of them: what
Supervisor keeps in the process (environment, directory) is set anew for each.
"""

import io
import json
import os
import pwd
import socket
import sys
import tempfile

from supervisor import datatypes, events, loggers, options

# Ours have this many bits, Python's have no end (COMPAT-60).
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
MODE_BITS = 0xFFFFFFFF

EVENTS = {
    kind: name for name, kind in vars(events.EventTypes).items() if name.isupper()
}


def integer(value):
    return max(INTEGER_MIN, min(INTEGER_MAX, value))


def octal(mode):
    if isinstance(mode, str):  # a default that is given as it would be typed
        mode = int(mode, 8)
    return None if mode is None else "%04o" % (mode & MODE_BITS)


def user(uid):
    if uid is None:
        return None
    record = pwd.getpwuid(uid)
    return {"uid": uid, "gid": record.pw_gid, "name": record.pw_name}


def owner(pair):
    if pair is None or pair == (-1, -1):
        return None
    return {"uid": pair[0], "gid": pair[1]}


def level(number):
    for name in ("blather", "trace", "debug", "info", "warn", "error", "critical"):
        if loggers.getLevelNumByDescription(name) == number:
            return name
    raise ValueError("no level %r" % number)


def signal_name(number):
    if number == 0:
        return "SIG_DFL"
    return options.signame(number)


def log_file(value):
    if value is datatypes.Automatic:
        return "AUTO"
    return value or "NONE"  # an empty path is no log, wherever it is used


def restart(value):
    return {
        datatypes.RestartUnconditionally: True,
        datatypes.RestartWhenExitUnexpected: "unexpected",
    }.get(value, value)


def process(config):
    shown = {
        "name": config.name,
        "command": config.command,
        "directory": config.directory,
        "umask": octal(config.umask),
        "priority": integer(config.priority),
        "autostart": config.autostart,
        "autorestart": restart(config.autorestart),
        "startsecs": integer(config.startsecs),
        "startretries": integer(config.startretries),
        "stopsignal": signal_name(config.stopsignal),
        "stopwaitsecs": integer(config.stopwaitsecs),
        "stopasgroup": config.stopasgroup,
        "killasgroup": config.killasgroup,
        "exitcodes": config.exitcodes,
        "user": user(config.uid),
        "redirect_stderr": config.redirect_stderr,
        "environment": config.environment,
        "serverurl": "AUTO" if config.serverurl is None else config.serverurl,
    }
    for channel in ("stdout", "stderr"):
        def of(key):
            return getattr(config, "%s_%s" % (channel, key))

        shown[channel + "_logfile"] = log_file(of("logfile"))
        for key in ("logfile_maxbytes", "logfile_backups", "capture_maxbytes"):
            shown["%s_%s" % (channel, key)] = integer(of(key))
        for key in ("events_enabled", "syslog"):
            shown["%s_%s" % (channel, key)] = of(key)
    return shown


def group(config):
    shown = {
        "name": config.name,
        "kind": "program",
        "priority": integer(config.priority),
        "processes": [process(one) for one in config.process_configs],
    }
    if isinstance(config, options.EventListenerPoolConfig):
        handler = config.result_handler
        shown["kind"] = "eventlistener"
        shown["buffer_size"] = integer(config.buffer_size)
        shown["events"] = sorted(EVENTS[kind] for kind in config.pool_events)
        shown["result_handler"] = "%s:%s" % (handler.__module__, handler.__name__)
    if isinstance(config, options.FastCGIGroupConfig):
        of = config.socket_config
        shown["kind"] = "fcgi-program"
        shown["socket"] = of.url
        shown["socket_owner"] = owner(getattr(of, "owner", None))
        shown["socket_mode"] = octal(getattr(of, "mode", None))
        shown["socket_backlog"] = of.backlog
    return shown


def server(config):
    shown = {"section": config["section"], "username": config["username"] or None}
    if config["family"] == socket.AF_INET:
        shown.update(host=config["host"], port=config["port"])
    else:
        shown["file"] = config["file"]
        shown["chmod"] = octal(config["chmod"])
        shown["chown"] = owner(config["chown"])
    return shown


def messages(read):
    said = (
        ("critical", read.parse_criticals),
        ("warn", read.parse_warnings),
        ("info", read.parse_infos),
    )
    return [{"level": name, "text": text} for name, texts in said for text in texts]


def whole(read):
    section = read.configroot.supervisord
    return {
        "file": read.configfile,
        "here": read.here,
        "daemon": {
            "logfile": read.logfile,
            "logfile_maxbytes": integer(read.logfile_maxbytes),
            "logfile_backups": integer(read.logfile_backups),
            "loglevel": level(read.loglevel),
            "pidfile": read.pidfile,
            "nodaemon": bool(read.nodaemon),
            "silent": bool(read.silent),
            "minfds": integer(read.minfds),
            "minprocs": integer(read.minprocs),
            "umask": octal(read.umask),
            "user": user(read.uid),
            "directory": read.directory,
            "identifier": read.identifier,
            "childlogdir": read.childlogdir,
            "nocleanup": bool(read.nocleanup),
            "strip_ansi": bool(read.strip_ansi),
            "environment": section.environment,
            "serverurl": read.serverurl,
        },
        "servers": [server(config) for config in read.server_configs],
        "rpc_interfaces": [name for name, _, _ in read.rpcinterface_factories],
        "groups": [group(config) for config in read.process_group_configs],
        "messages": messages(read),
    }


class Ended(Exception):
    """Supervisor would have ended here."""


def end(code):
    raise Ended(code)


def load(case):
    os.environ.clear()
    os.environ.update(case["environment"])
    os.chdir(case["cwd"])
    tempfile.tempdir = None  # asked for anew, as at a start
    said = io.StringIO()
    try:
        read = options.ServerOptions()
        read.stderr, read.stdout, read.exit = said, said, end
        read.realize(case["argv"][1:], doc="", progname=case["argv"][0])
        return whole(read)
    except Ended:
        text = said.getvalue()
        first = text.rsplit("\nFor help, use ", 1)[0]
        return {"error": {"text": first[len("Error: "):]}}
    except Exception as error:  # a defect of Supervisor's: it would end with a traceback
        return {"error": {"crash": "%s: %s" % (type(error).__name__, error)}}


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    json.dump([load(case) for case in cases], sys.stdout)
