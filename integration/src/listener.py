"""An event listener as people write them: it notes each event in a file and says OK."""

import json
import sys

from supervisor import childutils


def main(notes):
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        header = " ".join(f"{key}:{value}" for key, value in headers.items())
        notes.write(f"{header} {json.dumps(payload, ensure_ascii=False)}\n")
        notes.flush()
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        main(file)
