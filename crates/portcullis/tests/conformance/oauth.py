"""Real clients that are given nothing but a URL: each finds out that it has to be authorized, registers, sends the person to the
consent page, and then lists the tools and calls one."""

import json
import os
import pathlib
import pty
import re
import subprocess
import threading

from person import Person
from stage import ALLOW_ALL, Stage

LATEST_S = 120


class Run:
    """A client that runs; ended if it takes too long."""

    def __init__(self, stage: Stage, name: str, command: list, **options):
        home = stage.out / f"home-{name}"
        home.mkdir(parents=True, exist_ok=True)
        # No browser is to open on this machine, and nothing that an earlier run kept is to be found.
        environment = os.environ | {"HOME": str(home), "MCP_REMOTE_CONFIG_DIR": str(home), "BROWSER": "true", "PATH": f"{no_browser(stage)}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(command, env=environment, **options)
        self.end = threading.Timer(LATEST_S, self.process.kill)
        self.end.start()

    def close(self) -> None:
        self.end.cancel()
        self.process.kill()
        self.process.wait()


def no_browser(stage: Stage) -> pathlib.Path:
    folder = stage.out / "no-browser"
    folder.mkdir(exist_ok=True)
    program = folder / "xdg-open"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return folder


def program(stage: Stage, person: Person, name: str, command: list, own_callback: bool) -> dict:
    """A client that prints where to go; one without a callback server of its own reads where the person came back to."""
    with open(stage.out / f"oauth-{name}.log", "wb") as log:
        run = Run(stage, name, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    seen: dict = {}
    for line in run.process.stdout:
        step = json.loads(line)
        if "visit" not in step:
            seen |= step
            continue
        address = person.allow(step["visit"])
        if own_callback:
            person.return_to(address)
        else:
            print(address, file=run.process.stdin, flush=True)
    run.close()
    return seen


def inspector(stage: Stage, person: Person, url: str) -> dict:
    """The Inspector's command line asks only where there is a terminal."""
    seen: dict = {}
    call = ["--tool-name", "echo", "--tool-args-json", json.dumps({"message": "from nothing but a URL"})]
    for method, rest in [("tools/list", []), ("tools/call", call)]:
        said = terminal(stage, person, [stage.node, stage.modules / ".bin/mcp-inspector", "--cli", "--server-url", url, "--transport",
                                        "http", "--connect-timeout", "60000", "--format", "json", "--method", method, *rest])
        start = said.find('{"result"') if '{"result"' in said else said.find("{\r\n")
        result = json.JSONDecoder().raw_decode(said[start:].replace("\r\n", "\n"))[0] if start >= 0 else {}
        result = result.get("result", result)
        if method == "tools/list":
            seen["tools"] = [tool["name"] for tool in result.get("tools", [])]
        else:
            seen["called"] = (result.get("content") or [{}])[0].get("text")
    return seen


def terminal(stage: Stage, person: Person, command: list) -> str:
    ours, theirs = pty.openpty()
    run = Run(stage, "inspector", command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said, visited = "", False
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        said += data.decode(errors="replace")
        address = re.search(r"(https?://[^\s\x07\x1b]+/authorize\?[^\s\x07\x1b]+)[\s\x07\x1b]", said)
        if address and not visited:
            visited = True
            person.return_to(person.allow(address.group(1)))
    (stage.out / "oauth-inspector.log").write_text(said)
    os.close(ours)
    run.close()
    return said


def main(stage: Stage, _) -> bool:
    product = stage.start_product()
    product.register_url("other", "fixture", stage.start_fixture("both"))
    product.policy("fixture", ALLOW_ALL)
    product.grant_me("fixture")
    person, url, good = Person(product), product.url("fixture"), True
    oauth = stage.here / "clients/oauth.py"
    runs = {
        "Python SDK": lambda: program(stage, person, "python", [stage.python, oauth, url], False),
        "TypeScript SDK v1": lambda: program(stage, person, "typescript-v1", [stage.node, stage.clients / "oauth.mjs", "v1", url], False),
        "TypeScript SDK v2": lambda: program(stage, person, "typescript-v2", [stage.node, stage.clients / "oauth.mjs", "v2", url], False),
        "mcp-remote": lambda: program(stage, person, "mcp-remote", [stage.node, stage.clients / "remote.mjs", url], True),
        "Inspector": lambda: inspector(stage, person, url),
    }
    for name, run in runs.items():
        try:
            seen = run()
        except (Exception, SystemExit) as error:
            seen = {"error": repr(error)}
        ok = "echo" in seen.get("tools", []) and seen.get("called") == "from nothing but a URL"
        print(f"{'ok  ' if ok else 'FAIL'} {name}: from nothing but the URL, {len(seen.get('tools', []))} tools listed and one called"
              f"{'' if ok else f': {seen}'}", flush=True)
        good = good and ok
    return good
