"""Runs one part of the conformance tests. usage: main.py PART BINARY FIXTURE CACHE OUT"""

import pathlib
import sys

import eras
import issuer
import oauth
import parsers
import servers
import upstream_side
from stage import Stage
from suite import Suite

PARTS = {"servers": servers.main, "eras": eras.main, "issuer": issuer.main, "oauth": oauth.main, "parsers": parsers.main, "upstream-side": upstream_side.main}


def main(part: str, *paths: str) -> int:
    binary, fixture, cache, out = map(pathlib.Path, paths)
    out.mkdir(parents=True, exist_ok=True)
    with Stage(binary, fixture, cache, out) as stage:
        return 0 if PARTS[part](stage, Suite(stage.node, stage.modules, out)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
