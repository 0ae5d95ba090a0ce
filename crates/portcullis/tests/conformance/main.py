"""Runs one part of the conformance tests. usage: main.py PART BINARY FIXTURE NODE MODULES OUT"""

import pathlib
import sys

import servers
from stage import Stage
from suite import Suite

PARTS = {"servers": servers.main}


def main(part: str, *paths: str) -> int:
    binary, fixture, node, modules, out = map(pathlib.Path, paths)
    out.mkdir(parents=True, exist_ok=True)
    with Stage(binary, fixture, node, out) as stage:
        return 0 if PARTS[part](stage, Suite(node, modules, out)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
