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
    """A direct session, with what the policies change of it."""
    return direct | {
        "denied": denial(),
        "told of the change": True,
        "list after": [tool for tool in direct.get("list", []) if tool["name"] != "echo"],
    }


def denial() -> dict:
    decision = {"outcome": "deny", "code": "denied", "rule": "/tools/greet/action", "retry_after_ms": None, "approval": None}
    return {"isError": True, "content": [{"type": "text", "text": "[POLICY DENIED] Not for robots."}],
            "_meta": {"dev.portcullis/decision": decision}}


def without_id(seen: dict[str, object]) -> dict[str, object]:
    """Each decision has its own id."""
    decision = (seen.get("denied") or {}).get("_meta", {}).get("dev.portcullis/decision")
    if decision:
        decision.pop("id", None)
    return seen


class Ways:
    """The ways to a fixture: by its own URL, over the account's URL, through a tunnel."""

    def __init__(self, stage: Stage, product: Product):
        self.stage, self.product, self.opened = stage, product, 0

    def open(self, way: str, upstream: str) -> tuple[str, str, str]:
        """Registers a server; its URL for a client, the key, and the server's slug."""
        self.opened += 1
        # As short as can be: with a long one the longest names on the account's URL are shortened.
        slug = f"s{self.opened:02}"
        if way == "tunnel":
            self.stage.connect(slug, self.product, self.product.register_tunnel("other", slug), ["--url", upstream])
        else:
            self.product.register_url("other", slug, upstream)
        self.product.policy(slug, json.dumps(POLICY))
        key = self.product.grant(slug, f"agent-{slug}")
        if way == "account":
            origin = self.stage.with_key(self.product.origin, key, slug)
            return f"{origin}/{self.product.account}/mcp", key, slug
        return self.product.url(slug), key, slug

    def run(self, way: str, upstream: str, command: list, client: str) -> dict[str, object]:
        url, key, slug = self.open(way, upstream)
        session = Session([*command, url, key, client], self.stage.out / f"session-{slug}.log")
        return without_id(session.run(lambda: self.product.publish(slug, json.dumps(AFTER), 1)))


def told(label: str, seen: dict[str, object], baseline: dict[str, object]) -> bool:
    """Prints what differs; whether nothing does."""
    differs = [step for step in baseline if seen.get(step) != baseline[step]]
    print(f"{'FAIL' if differs else 'ok  '} {label}, {len(baseline)} steps", flush=True)
    for step in differs:
        if step not in seen:
            print(f"     {step}: the session ended before it", flush=True)
            break
        print(f"     {step}: {difference(seen[step], baseline[step])}", flush=True)
    return not differs


def difference(seen: object, wanted: object, path: str = "") -> str:
    """Where two values differ first, and how."""
    if isinstance(seen, dict) and isinstance(wanted, dict):
        inner = [key for key in seen.keys() | wanted.keys() if seen.get(key, ...) != wanted.get(key, ...)]
        if inner and inner[0] in seen and inner[0] in wanted:
            return difference(seen[inner[0]], wanted[inner[0]], f"{path}/{inner[0]}")
    if isinstance(seen, list) and isinstance(wanted, list) and len(seen) == len(wanted):
        at = next(at for at, pair in enumerate(zip(seen, wanted)) if pair[0] != pair[1])
        return difference(seen[at], wanted[at], f"{path}/{at}")
    return f"at {path or '/'}: {json.dumps(seen)[:300]} instead of {json.dumps(wanted)[:300]}"


def main(stage: Stage, _) -> bool:
    ways = Ways(stage, stage.start_product())
    urls = {era: stage.start_fixture(era) for era in ["legacy", "modern"]}
    good = True
    for language, command in programs(stage).items():
        baselines = {}
        for era, url in urls.items():
            log = stage.out / f"session-direct-{language}-{era}.log"
            baselines[era] = expected(Session([*command, url, "none", era], log).run(lambda: None))
        # What a server says of a resource that is not there is the revision's: -32002, later -32602.
        same = baselines["modern"] | {"missing resource": baselines["legacy"].get("missing resource")}
        good = told(f"{language}: the direct sessions of both eras", same, baselines["legacy"]) and good
        for way in ["server", "account", "tunnel"]:
            for client, server in [("legacy", "legacy"), ("modern", "modern"), ("modern", "legacy"), ("legacy", "modern")]:
                seen = ways.run(way, urls[server], command, client)
                good = told(f"{language}, {way}: {client} client, {server} server", seen, baselines[client]) and good
    return good
