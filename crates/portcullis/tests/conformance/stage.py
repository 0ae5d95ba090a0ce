"""The processes of a run: the fixture in its modes, Portcullis in front of it, connectors, header proxies. Each is stopped by
its own process id."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from mlflow import answers, free_port, wait_for
from product import Product

ALLOW_ALL = '{"version": "1", "default": "allow"}'


class Stage:
    def __init__(self, binary: pathlib.Path, fixture: pathlib.Path, cache: pathlib.Path, out: pathlib.Path):
        self.binary, self.fixture, self.out = binary, fixture, out
        self.here = pathlib.Path(__file__).parent
        # Clients in JavaScript stand beside their modules, where Node.js looks for these.
        self.clients, self.modules = cache / "clients", cache / "node_modules"
        self.python = cache / "venv/bin/python"
        # The suite and the Inspector need Node.js 22, which came with the modules.
        self.node = next(self.modules.glob("node-linux-*/bin/node"), pathlib.Path(shutil.which("node") or "node"))
        self.running: list[subprocess.Popen] = []
        self.folder = tempfile.TemporaryDirectory(prefix="portcullis-conformance-")
        # As root the product's PostgreSQL runs as another user, who has to reach the folder.
        os.chmod(self.folder.name, 0o755)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_) -> None:
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        self.folder.cleanup()

    def spawn(self, name: str, command: list, **options) -> subprocess.Popen:
        log = open(self.out / f"{name}.log", "wb")
        process = subprocess.Popen(command, **({"stdout": log, "stderr": log} | options))
        self.running.append(process)
        return process

    def start_fixture(self, era: str) -> str:
        """Its URL."""
        url = f"http://127.0.0.1:{free_port()}/mcp"
        address = url.removeprefix("http://").removesuffix("/mcp")
        process = self.spawn(f"fixture-{era}", [self.fixture, "--era", era, "--listen", address])
        wait_for("the fixture", lambda: answers(url), process, seconds=30)
        return url

    def start_product(self) -> Product:
        product = Product(self.binary, pathlib.Path(self.folder.name))
        product.start()
        self.running.append(product.process)
        product.sign_up()
        return product

    def connect(self, name: str, product: Product, token: str, rest: list) -> None:
        """A connector, waited for until it says that it is connected."""
        process = self.spawn(f"connector-{name}", [self.binary, "connect", token, *rest])
        log = self.out / f"connector-{name}.log"
        wait_for(f"the connector of {name}", lambda: b"connected to" in log.read_bytes(), process, seconds=60)

    def with_key(self, origin: str, key: str, *account_names_of: str) -> str:
        """An origin that adds the key to each request and passes it to `origin`."""
        command = [self.node, self.here / "header-proxy.mjs", origin, "authorization", f"Bearer {key}", *account_names_of]
        process = self.spawn("header-proxy", command, stdout=subprocess.PIPE, text=True)
        return f"http://localhost:{process.stdout.readline().strip()}"
