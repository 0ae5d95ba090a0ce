"""Never judged as one thing and read as another: a corpus of odd JSON through the gateway's own reader and through servers made
with the official SDKs, which say what they read of the same bytes."""

import base64
import concurrent.futures
import decimal
import http.client
import json
import subprocess
import sys

import corpus
from mlflow import answers, free_port, wait_for
from stage import Stage

MUTATIONS = 3000


class Parser:
    """A running server that answers with what it read."""

    def __init__(self, stage: Stage, name: str, command: list):
        self.name, self.port = name, free_port()
        process = stage.spawn(f"parser-{name.split()[0].lower()}", [*command, str(self.port)])
        wait_for(name, lambda: answers(f"http://127.0.0.1:{self.port}/mcp/"), process, seconds=60)

    def read(self, message: bytes) -> dict | None:
        """Which handler ran, with what; `None` when none did."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/mcp/", message, {
                "Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
            answer = connection.getresponse().read()
        finally:
            connection.close()
        try:
            result = json.loads(answer).get("result") or {}
        except (ValueError, AttributeError):
            return None
        blocks = result.get("content") or [m["content"] for m in result.get("messages", [])] or result.get("contents", [])
        texts = [block["text"] for block in blocks] + [tool["description"] for tool in result.get("tools", [])]
        return json.loads(texts[0]) if texts and texts[0].startswith('{"method"') else None


def judged(binary, messages: list[bytes]) -> list[dict]:
    lines = "\n".join(base64.b64encode(message).decode() for message in messages) + "\n"
    done = subprocess.run([binary], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.split("\n") if line]


class Rounded(Exception):
    """A number that a server with floating point cannot hold as it was judged."""


def same(ours: object, theirs: object) -> bool:
    """Whether a value as judged (numbers as decimals) is the value that was read."""
    if isinstance(ours, decimal.Decimal):
        return number(ours, theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs


def number(ours: decimal.Decimal, theirs: object) -> bool:
    if isinstance(theirs, dict) and theirs.keys() == {"number out of range"}:
        theirs = float(theirs["number out of range"].replace("Infinity", "inf"))
    if isinstance(theirs, bool) or not isinstance(theirs, int | float):
        return False
    if decimal.Decimal(repr(theirs)) == ours:
        return True
    if float(ours) == float(theirs):
        raise Rounded
    return False


def verdict(ours: dict, theirs: dict | None) -> str:
    if "refused" in ours:
        return "refused before policy"
    if theirs is None:
        return "no handler ran"
    if ours["kind"] != "request" or (ours["method"], ours["named"]) != (theirs["method"], theirs["named"]):
        return "DIFFERENT"
    # Without arguments and with none is the same to a tool.
    arguments = json.loads(ours["arguments"] or "{}", parse_int=decimal.Decimal, parse_float=decimal.Decimal)
    try:
        return "read as judged" if same(arguments, theirs["arguments"] or {}) else "DIFFERENT"
    except Rounded:
        return "rounded by the server"


def main(stage: Stage, _) -> bool:
    # What is read comes back nested as deep as it was sent.
    sys.setrecursionlimit(50_000)
    messages = corpus.every(MUTATIONS)
    ours = judged(stage.binary.parent / "examples/judged", list(messages.values()))
    parsers = [Parser(stage, "Python SDK", [stage.python, stage.here / "readers/python_sdk.py"]),
               Parser(stage, "TypeScript SDK", [stage.node, stage.clients / "parser.mjs"])]
    good = True
    for parser in parsers:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            read = list(pool.map(parser.read, messages.values()))
        counts: dict[str, int] = {}
        for (name, message), mine, theirs in zip(messages.items(), ours, read):
            outcome = verdict(mine, theirs)
            counts[outcome] = counts.get(outcome, 0) + 1
            if outcome in ("DIFFERENT", "rounded by the server"):
                print(f"     {outcome}: {name}: {message[:160]!r}: judged {str(mine)[:160]}, read {str(theirs)[:160]}", flush=True)
        print(f"{'FAIL' if 'DIFFERENT' in counts else 'ok  '} {parser.name}, {len(messages)} messages: {counts}", flush=True)
        good = good and "DIFFERENT" not in counts and counts.get("read as judged", 0) > 100
    return good
