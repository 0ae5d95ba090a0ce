"""The suite's client under test: "a client, then the gateway, then the suite's server". Has the running test put a server at the URL
behind the gateway, and lets the client call it there; once more where the admin had to connect the server anew.

usage: through.py CONTROL NODE SCENARIO.MJS URL
"""

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request

control, node, client, url = sys.argv[1:]


def ask(what: str, **details: str) -> dict:
    with urllib.request.urlopen(f"{control}/{what}?{urllib.parse.urlencode(details)}", timeout=900) as answer:
        return json.load(answer)


def call(place: dict) -> int:
    return subprocess.run([node, client, place["url"], place["key"]], env=os.environ, check=False, timeout=120).returncode


place = ask("put", url=url, scenario=os.environ["MCP_CONFORMANCE_SCENARIO"], context=os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
status = call(place)
if place["again"]:
    ask("again", server=place["server"])
    status = call(place)
sys.exit(status)
