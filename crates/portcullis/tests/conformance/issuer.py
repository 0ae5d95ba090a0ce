"""The suite's scenarios for authorization servers, against ours: its metadata, and a whole code grant."""

import json
import re
import shutil
import subprocess
import threading
import urllib.request

from mlflow import free_port
from person import Person
from stage import ALLOW_ALL, Stage
from suite import Run, Suite

LATEST_S = 120


def register(origin: str, redirect: str) -> str:
    """A public client, as apps register themselves; its id."""
    client = {"client_name": "Conformance suite", "redirect_uris": [redirect], "token_endpoint_auth_method": "none",
              "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}
    request = urllib.request.Request(origin + "/register", json.dumps(client).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["client_id"]


def run(suite: Suite, person: Person, resource: str) -> Run:
    port, origin = free_port(), person.product.origin
    client = register(origin, f"http://127.0.0.1:{port}/callback")
    folder = suite.out / "issuer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [*suite.command, "authorization", "--url", origin, "--client-id", client, "--resource", resource, "--port", str(port),
               "-o", folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = threading.Timer(LATEST_S, process.kill)
    end.start()
    with open(folder / "suite.log", "w") as log:
        for line in process.stdout:
            log.write(line)
            address = re.search(r"(http\S+/authorize\?\S+)", line)
            if address:
                person.return_to(person.allow(address.group(1)))
    process.wait()
    end.cancel()
    return Run.read(folder)


def main(stage: Stage, suite: Suite) -> bool:
    product = stage.start_product()
    product.register_url("other", "fixture", stage.start_fixture("both"))
    product.policy("fixture", ALLOW_ALL)
    product.grant_me("fixture")
    seen = run(suite, Person(product), product.url("fixture"))
    scenarios = {scenario for scenario, _ in seen.checks}
    good = len(scenarios) == 2 and not seen.failed()
    print(f"{'ok  ' if good else 'FAIL'} {len(scenarios)} of 2 scenarios, {seen.passed()} checks passed, {seen.failed()} not", flush=True)
    for (scenario, check), states in seen.checks.items():
        if set(states) - {"SUCCESS"}:
            print(f"     {scenario}: {check}: {seen.messages.get((scenario, check), states)}", flush=True)
    return good
