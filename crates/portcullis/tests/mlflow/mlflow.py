"""A real MLflow tracking server on SQLite, started on loopback and looked at through its own REST API."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what: str, ready, process: subprocess.Popen | None = None, seconds: float = 180) -> None:
    """Polls `ready` until it is true; fails when `process` ends first."""
    end = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise SystemExit(f"{what}: the process ended with status {process.returncode}")
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not ready after {seconds} s")
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Mlflow:
    MODEL = "churn-model"

    def __init__(self, venv: pathlib.Path, folder: pathlib.Path):
        self.venv, self.folder = venv, folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = open(self.folder / "mlflow.log", "wb")
        self.process = subprocess.Popen(
            [self.venv / "bin/mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
             "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db",
             "--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"],
            cwd=self.folder, stdout=log, stderr=log, env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True)
        wait_for("MLflow", lambda: answers(self.url + "/health"), self.process)

    def seed(self) -> None:
        """A registered model with two versions, and one run."""
        run = self.post("runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]
        self.run_id = run["run_id"]
        self.post("registered-models/create", {"name": self.MODEL})
        for _ in range(2):
            self.post("model-versions/create", {
                "name": self.MODEL, "source": run["artifact_uri"] + "/model", "run_id": self.run_id})

    def alias(self, alias: str) -> str | None:
        """The version that an alias points to."""
        model = self.get(f"registered-models/get?name={self.MODEL}")["registered_model"]
        return next((a["version"] for a in model.get("aliases", []) if a["alias"] == alias), None)

    def run_is_there(self) -> bool:
        return self.get(f"runs/get?run_id={self.run_id}")["run"]["info"]["lifecycle_stage"] == "active"

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(f"{self.url}/api/2.0/mlflow/{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(f"{self.url}/api/2.0/mlflow/{path}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
