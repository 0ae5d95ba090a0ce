"""The suite's scenarios for clients, with the gateway as the client's upstream side: each server of the suite is registered and
granted, connected by an admin where it wants OAuth, and an official client calls it through the gateway."""

import http.server
import json
import shlex
import shutil
import subprocess
import sys
import threading
import traceback
import urllib.parse

import listed
from admin import Admin
from product import Product
from stage import ALLOW_ALL, Stage
from suite import Run, Suite

REVISIONS = ["2025-11-25", "2026-07-28"]
# Their servers refuse a connection after it was made: the admin sees that and connects again.
AGAIN = {"auth/scope-step-up", "auth/scope-retry-limit", "auth/authorization-server-migration"}
# The one id of a client metadata document that this scenario's authorization server knows.
CLIENT_IDS = {"auth/basic-cimd": "https://conformance-test.local/client-metadata.json"}


class Places:
    """The servers of the suite behind the gateway."""

    def __init__(self, product: Product):
        self.product, self.admin = product, Admin(product)
        self.lock, self.made = threading.Lock(), 0

    def put(self, url: str, scenario: str, context: str) -> dict:
        """Puts a server behind the gateway; its URL there and a key."""
        with self.lock:
            self.made += 1
            slug = f"scenario-{self.made}"
            self.product.register_url("other", slug, url)
            self.product.policy(slug, ALLOW_ALL)
            key = self.product.grant(slug, f"client-{self.made}")
            if scenario.startswith("auth/"):
                given = json.loads(context)
                client_id = given.get("client_id", CLIENT_IDS.get(scenario, ""))
                self.admin.set_oauth(slug, client_id, given.get("client_secret", ""))
                print(f"     {scenario}: {self.admin.connect(slug)[:300]}", flush=True)
        return {"url": self.product.url(slug), "key": key, "server": slug, "again": scenario in AGAIN}

    def again(self, server: str) -> dict:
        """Connects a server anew, once it has refused its connection."""
        with self.lock:
            said = self.admin.wait_until_needed(server)
            print(f"     {server}: {said[:300]}; then: {self.admin.connect(server)[:300]}", flush=True)
        return {}


class Control(http.server.BaseHTTPRequestHandler):
    places: Places

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        details = {name: values[0] for name, values in urllib.parse.parse_qs(address.query).items()}
        try:
            body, status = getattr(self.places, address.path.strip("/"))(**details), 200
        except (Exception, SystemExit):
            traceback.print_exc()
            body, status = {}, 500
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def run(stage: Stage, suite: Suite, control: str, revision: str) -> Run:
    folder = suite.out / f"client-{revision}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, stage.here / "through.py", control, stage.node, stage.clients / "scenario.mjs"]
    with open(folder / "suite.log", "wb") as log:
        subprocess.run([*suite.command, "client", "--command", shlex.join(map(str, command)), "--requirements", revision, "--timeout",
                        "900000", "-o", folder], stdout=log, stderr=log, check=False, timeout=1800)
    return Run.read(folder)


def told(revision: str, seen: Run, scored: set[str]) -> bool:
    """Prints what became of each scenario; whether each that counts, and applies to a gateway, passes."""
    counts, beside = seen.by_scenario(), listed.not_for_gateways(revision)
    print(f"{revision}: {seen.passed()} checks passed, {seen.failed()} not; {len(scored)} scenarios count", flush=True)
    good = True
    for scenario in sorted(counts.keys() | scored):
        passed, failed = counts.get(scenario, (0, 0))
        whole = passed > 0 and failed == 0
        if scenario in beside:
            # What passes nevertheless is to be taken off the list.
            sign, good = ("FAIL", False) if whole else ("n/a ", good)
        elif scenario in scored:
            sign, good = ("ok  ", good) if whole else ("FAIL", False)
        else:
            sign = "info"
        print(f"{sign} {scenario}: {passed} passed, {failed} not. {beside.get(scenario, '')}", flush=True)
        for (_, check), message in sorted(entry for entry in seen.messages.items() if entry[0][0] == scenario):
            print(f"     {check}: {message[:200]}", flush=True)
    return good


def main(stage: Stage, suite: Suite) -> bool:
    Control.places = Places(stage.start_product())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    control = f"http://127.0.0.1:{server.server_port}"
    runs = {revision: run(stage, suite, control, revision) for revision in REVISIONS}
    return all([told(revision, seen, suite.scored_of_clients(revision)) for revision, seen in runs.items()])
