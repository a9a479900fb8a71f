"""Supervisor's own parsers, asked over pipes by `integration::parsers`.

A request is one line of JSON, {"target": NAME, "names": {...}, "inputs": [[TEXT, ...], ...]}; the reply is
one line as well: for each input {"ok": VALUE} or {"err": TEXT}.
"""

import io
import json
import os
import shlex
import sys

import loaded

from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import UnhosedConfigParser, expand


def ini(texts, _names):
    """Reads the first text, then each further one as an included file."""
    parser = UnhosedConfigParser()
    for number, text in enumerate(texts):
        opened = io.TextIOWrapper(io.BytesIO(text.encode("utf-8")), encoding="utf-8")
        parser.read_file(opened, "file-%d" % number)
        if len(texts) > 1:
            parser.expand_here("/here-%d" % number)
    return [[name, dict(parser.items(name))] for name in parser.sections()]


def load(texts, names):
    """Reads the first text as the main file, with the others beside it as inc-1.conf and so on."""
    directory = names["dir"]
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(directory):
        os.remove(os.path.join(directory, name))
    for number, text in enumerate(texts):
        name = "inc-%d.conf" % number if number else "s.conf"
        with open(os.path.join(directory, name), "wb") as file:
            file.write(text.encode("utf-8"))
    environment = {"PATH": "/usr/bin:/bin", "HOME": directory, "A": "env-a", "P": "5%"}
    argv = ["supervisord", "-c", os.path.join(directory, "s.conf")]
    return loaded.load({"argv": argv, "cwd": directory, "environment": environment})


TARGETS = {
    "ini": ini,
    "expand": lambda texts, names: expand(texts[0], names, "section.key"),
    "command": lambda texts, _names: shlex.split(texts[0]),
    "load": load,
    "environment": lambda texts, _names: dict_of_key_value_pairs(texts[0]),
}


def answer(target, texts, names):
    try:
        return {"ok": TARGETS[target](texts, names)}
    except Exception as error:  # what supervisord would print
        return {"err": str(error)}


for line in sys.stdin:
    request = json.loads(line)
    target, names = request["target"], request["names"]
    answers = [answer(target, texts, names) for texts in request["inputs"]]
    print(json.dumps(answers), flush=True)
