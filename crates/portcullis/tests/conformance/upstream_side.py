"""The suite's scenarios for clients, with the gateway as the client's upstream side: each server of the suite is registered and
granted, and an official client calls it through the gateway."""

import http.server
import json
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.parse

from stage import ALLOW_ALL, Stage
from suite import Run, Suite

REVISIONS = ["2025-11-25", "2026-07-28"]


class Control(http.server.BaseHTTPRequestHandler):
    """Puts a server behind the gateway; tells its URL there and a key."""

    lock, made, product = threading.Lock(), 0, None

    def do_GET(self):
        url = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["url"][0]
        with self.lock:
            Control.made += 1
            slug = f"scenario-{self.made}"
            self.product.register_url("other", slug, url)
            self.product.policy(slug, ALLOW_ALL)
            key = self.product.grant(slug, f"client-{self.made}")
        body = json.dumps({"url": self.product.url(slug), "key": key}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def run(stage: Stage, suite: Suite, control: str, revision: str) -> Run:
    folder = suite.out / f"client-{revision}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, stage.here / "through.py", control, stage.node, stage.clients / "scenario.mjs"]
    with open(folder / "suite.log", "wb") as log:
        subprocess.run([*suite.command, "client", "--command", shlex.join(map(str, command)), "--requirements", revision, "--timeout",
                        "60000", "-o", folder], stdout=log, stderr=log, check=False, timeout=1200)
    return Run.read(folder)


def main(stage: Stage, suite: Suite) -> bool:
    Control.product = stage.start_product()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    control = f"http://127.0.0.1:{server.server_port}"
    for revision in REVISIONS:
        seen = run(stage, suite, control, revision)
        scenarios: dict[str, list[int]] = {}
        for (scenario, _), states in seen.checks.items():
            counts = scenarios.setdefault(scenario, [0, 0])
            counts[0] += sum(state == "SUCCESS" for state in states)
            counts[1] += sum(state != "SUCCESS" for state in states)
        print(f"{revision}: {seen.passed()} checks passed, {seen.failed()} not, in {len(scenarios)} scenarios", flush=True)
        for scenario, (passed, failed) in sorted(scenarios.items()):
            print(f"{'FAIL' if failed else 'ok  '} {scenario}: {passed} passed, {failed} not", flush=True)
        for (scenario, check), message in sorted(seen.messages.items()):
            print(f"     {scenario}: {check}: {message[:200]}", flush=True)
    # For information as long as servers that want OAuth need a person to connect them.
    return True
