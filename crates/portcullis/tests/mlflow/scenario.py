"""The main job on real input: a real MLflow behind its two real MCP servers, real MCP clients in front.

usage: scenario.py PORTCULLIS-BINARY CACHE-FOLDER
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from mlflow import Mlflow, answers, free_port, wait_for
from product import Product, decision

HERE = pathlib.Path(__file__).parent
SEED_POLICY = (HERE.parent / "it/seed-policy.json").read_text()
OWN_POLICY = json.dumps({
    "version": "1", "default": "deny", "hide": ["delete_*"],
    "tools": {"search_experiments": {"limits": [{"window": "minute", "max": 3}]}, "get_experiment": {},
              "create_run": {"action": "deny", "reason": "Runs are made by the training jobs."}}}, indent=2)
RULE = "/tools/set_model_alias/limits/0"


class Check:
    passed = failed = 0

    @classmethod
    def that(cls, true: bool, what: str, seen: object = "") -> None:
        cls.passed, cls.failed = cls.passed + bool(true), cls.failed + (not true)
        print(f"{'ok  ' if true else 'FAIL'} {what}{'' if true else f': {seen}'}", flush=True)


class Clients:
    def __init__(self, cache: pathlib.Path):
        self.python = cache / "mcp-venv/bin/python"
        self.node = cache / "clients/node_modules/.bin/node"
        self.clients = cache / "clients"

    def sdk(self, language: str, url: str, key: str, mode: str, tool: str, arguments: dict, times: int) -> dict:
        program = [self.python, HERE / "client_python.py"] if language == "python" else [
            self.node, self.clients / "client_typescript.mjs"]
        return self.run([*program, url, key, mode, tool, json.dumps(arguments), str(times)])

    def inspector(self, url: str, key: str, *rest: str) -> dict:
        return self.run([self.node, self.clients / "node_modules/.bin/mcp-inspector", "--cli", "--server-url", url,
                         "--transport", "http", "--connect-timeout", "60000", "--header", f"Authorization: Bearer {key}", "--format", "json", *rest])

    @staticmethod
    def run(command: list) -> dict:
        done = subprocess.run(command, capture_output=True, text=True, timeout=170)
        if not done.stdout.strip():
            raise SystemExit(f"{command[:3]} said nothing: {done.stderr[-2000:]}")
        return json.loads(done.stdout)


def sdk_hits_the_limit(name: str, product: Product, mlflow: Mlflow, clients: Clients, language: str, mode: str) -> None:
    url, key = product.url("mlflow"), product.grant("mlflow", name)
    arguments = {"name": mlflow.MODEL, "alias": name, "version": "1"}
    seen = clients.sdk(language, url, key, mode, "set_model_alias", arguments, 31)
    Check.that(len(seen["tools"]) == 40, f"{name}: 40 tools", len(seen["tools"]))
    passed = [not call.get("isError") for call in seen["calls"]]
    Check.that(passed == [True] * 30 + [False], f"{name}: 30 calls pass, the 31st does not", passed)
    check_denial(name, seen["calls"][-1])
    Check.that(mlflow.alias(name) == "1", f"{name}: MLflow's own API shows the alias", mlflow.alias(name))
    check_delete_run(name, mlflow, clients.sdk(language, url, key, mode, "delete_run", {"run_id": mlflow.run_id}, 1))


def check_denial(name: str, result: dict) -> None:
    told = decision(result)
    Check.that(told.get("code") == "rate_limited" and told.get("rule") == RULE, f"{name}: denied by {RULE}", result)
    Check.that(0 < (told.get("retry_after_ms") or 0) <= 64_000, f"{name}: told when to try again", told)


def check_delete_run(name: str, mlflow: Mlflow, seen: dict) -> None:
    told = decision(seen["calls"][0])
    Check.that(told.get("code") == "default_deny" and told.get("rule") == "/default", f"{name}: delete_run denied", seen)
    Check.that(mlflow.run_is_there(), f"{name}: the run is still there")


def inspector_hits_the_limit(product: Product, mlflow: Mlflow, clients: Clients) -> None:
    url, key = product.url("mlflow"), product.grant("mlflow", "inspector")
    tools = clients.inspector(url, key, "--method", "tools/list")["result"]["tools"]
    Check.that(len(tools) == 40, "inspector: 40 tools", len(tools))
    arguments = {"name": mlflow.MODEL, "alias": "inspector", "version": "2"}
    call = ["--method", "tools/call", "--tool-name", "set_model_alias", "--tool-args-json", json.dumps(arguments)]
    first = clients.inspector(url, key, *call)["result"]
    Check.that(not first.get("isError") and mlflow.alias("inspector") == "2", "inspector: a call passes", first)
    clients.sdk("python", url, key, "auto", "set_model_alias", arguments, 29)
    last = clients.inspector(url, key, *call)["result"]
    Check.that(last.get("isError") is True, "inspector: the 31st call is denied", last)
    check_denial("inspector", last)
    seen = clients.inspector(url, key, "--method", "tools/call", "--tool-name", "delete_run", "--tool-args-json",
                             json.dumps({"run_id": mlflow.run_id}))
    check_delete_run("inspector", mlflow, {"calls": [seen["result"]]})


def retry_is_true(product: Product, mlflow: Mlflow, clients: Clients) -> None:
    """After the time that a denial tells, the same call passes."""
    url, key = product.url("mlflow"), product.grant("mlflow", "patient")
    arguments = {"name": mlflow.MODEL, "alias": "patient", "version": "1"}
    seen = clients.sdk("python", url, key, "auto", "set_model_alias", arguments, 31)
    time.sleep(decision(seen["calls"][-1])["retry_after_ms"] / 1000)
    again = clients.sdk("python", url, key, "auto", "set_model_alias", arguments, 1)["calls"][0]
    Check.that(not again.get("isError"), "after retry_after_ms the same call passes", again)


def own_server(product: Product, mlflow: Mlflow, clients: Clients, venv: pathlib.Path, log) -> subprocess.Popen:
    """MLflow's own MCP server over Streamable HTTP, with a policy for its tools."""
    port = free_port()
    process = subprocess.Popen([venv / "bin/mlflow", "mcp", "run"], stdout=log, stderr=log, env=os.environ | {
        "FASTMCP_TRANSPORT": "http", "FASTMCP_HOST": "127.0.0.1", "FASTMCP_PORT": str(port), "MLFLOW_MCP_TOOLS": "all",
        "MLFLOW_TRACKING_URI": mlflow.url})
    wait_for("mlflow mcp run", lambda: answers(f"http://127.0.0.1:{port}/mcp"), process)
    product.register_url("other", "mlflow-own", f"http://127.0.0.1:{port}/mcp")
    product.policy("mlflow-own", OWN_POLICY)
    url = product.url("mlflow-own")
    for name, language, mode in [("own-python", "python", "auto"), ("own-typescript", "typescript", "legacy")]:
        key = product.grant("mlflow-own", name)
        seen = clients.sdk(language, url, key, mode, "search_experiments", {}, 4)
        hidden = [tool for tool in seen["tools"] if tool.startswith("delete_")]
        Check.that(len(seen["tools"]) > 20 and not hidden, f"{name}: tools listed, delete_* hidden", seen["tools"])
        passed = [not call.get("isError") for call in seen["calls"]]
        Check.that(passed == [True, True, True, False], f"{name}: three calls pass, the fourth does not", seen["calls"])
        told = decision(seen["calls"][-1])
        Check.that(told.get("rule") == "/tools/search_experiments/limits/0", f"{name}: denied by its limit", told)
        told = decision(clients.sdk(language, url, key, mode, "create_run", {"experiment_id": "0"}, 1)["calls"][0])
        Check.that(told.get("rule") == "/tools/create_run/action", f"{name}: create_run denied", told)
    return process


def main(binary: str, cache: str) -> None:
    venv, clients = pathlib.Path(cache) / "mlflow-venv", Clients(pathlib.Path(cache))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-mlflow-"))
    # The private PostgreSQL may run as another user.
    folder.chmod(0o755)
    log = open(folder / "servers.log", "wb")
    mlflow, product, running = Mlflow(venv, folder), Product(pathlib.Path(binary), folder), []
    try:
        mlflow.start()
        running.append(mlflow.process)
        mlflow.seed()
        product.start()
        product.sign_up()
        token = product.register_tunnel("mlflow-mcp", "mlflow")
        running.append(subprocess.Popen([binary, "connect", token, "--", venv / "bin/mlflow-mcp"], stdout=log, stderr=log,
                                        env=os.environ | {"MLFLOW_TRACKING_URI": mlflow.url}))
        wait_for("the connector", lambda: product.tools("mlflow") == 40, running[-1])
        Check.that(True, "the server's page lists 40 tools")
        product.policy("mlflow", SEED_POLICY)
        for language, mode in [("python", "auto"), ("python", "legacy"), ("typescript", "legacy"), ("typescript", "auto")]:
            sdk_hits_the_limit(f"{language}-{mode}", product, mlflow, clients, language, mode)
        inspector_hits_the_limit(product, mlflow, clients)
        retry_is_true(product, mlflow, clients)
        running.append(own_server(product, mlflow, clients, venv, log))
    finally:
        for process in reversed(running):
            process.terminate()
        if hasattr(product, "process"):
            product.stop()
        print(f"logs: {folder}")
    print(f"{Check.passed} passed, {Check.failed} failed")
    sys.exit(1 if Check.failed else 0)


main(*sys.argv[1:])
