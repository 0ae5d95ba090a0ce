"""The same session through the gateway in the four combinations of era, with two official SDKs: nobody sees a difference, apart
from what policy denies."""

import json
import pathlib
import subprocess
import threading

from product import Product
from stage import Stage

POLICY = {"version": "1", "default": "allow", "tools": {"greet": {"action": "deny", "reason": "Not for robots."}}}
AFTER = POLICY | {"hide": ["echo"]}
LATEST_S = 240


class Session:
    """One run of a session program: what became of each step."""

    def __init__(self, command: list, log: pathlib.Path):
        self.seen: dict[str, object] = {}
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.end = threading.Timer(LATEST_S, self.process.kill)

    def run(self, change) -> dict[str, object]:
        self.end.start()
        for line in self.process.stdout:
            step = json.loads(line)
            if "ready" in step:
                change()
                print("changed", file=self.process.stdin, flush=True)
            else:
                self.seen |= step
        self.process.wait()
        self.end.cancel()
        return self.seen


def programs(stage: Stage) -> dict[str, list]:
    clients = stage.clients
    return {"python": [stage.python, stage.here / "clients/session.py"], "typescript": [stage.node, clients / "session.mjs"]}


def expected(direct: dict[str, object]) -> dict[str, object]:
    """A direct session of one era, with what the policies change of it."""
    return direct | {
        "denied": [True, "denied"],
        "told of the change": True,
        "list after": [tool for tool in direct.get("list", []) if tool != "echo"],
    }


def through(stage: Stage, product: Product, server: str, url: str, command: list, mode: str) -> dict[str, object]:
    product.register_url("other", server, url)
    product.policy(server, json.dumps(POLICY))
    key = product.grant(server, f"agent-{server}")
    session = Session([*command, product.url(server), key, mode], stage.out / f"session-{server}.log")
    return session.run(lambda: product.publish(server, json.dumps(AFTER), 1))


def told(label: str, seen: dict[str, object], baseline: dict[str, object]) -> bool:
    """Prints what differs; whether nothing does."""
    differs = [step for step in baseline if seen.get(step) != baseline[step]]
    print(f"{'FAIL' if differs else 'ok  '} {label}", flush=True)
    for step in differs:
        if step not in seen:
            print(f"     {step}: the session ended before it", flush=True)
            break
        print(f"     {step}: {json.dumps(seen[step])[:300]} instead of {json.dumps(baseline[step])[:300]}", flush=True)
    return not differs


def main(stage: Stage, _) -> bool:
    product = stage.start_product()
    urls = {era: stage.start_fixture(era) for era in ["legacy", "modern"]}
    good = True
    for language, command in programs(stage).items():
        baseline = None
        for client, server in [("legacy", "legacy"), ("modern", "modern"), ("modern", "legacy"), ("legacy", "modern")]:
            if client == server:
                log = stage.out / f"session-direct-{language}-{client}.log"
                direct = Session([*command, urls[server], "none", client], log).run(lambda: None)
                baseline = baseline or expected(direct)
            name = f"{language[:2]}-{client}-to-{server}"
            seen = through(stage, product, name, urls[server], command, client)
            good = told(f"{language}, {client} client, {server} server", seen, baseline) and good
    return good
