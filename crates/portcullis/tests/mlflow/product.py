"""Portcullis as a person uses it: started as one process, driven through its forms."""

import html.parser
import http.cookiejar
import json
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request

from mlflow import answers, free_port, wait_for


class Product:
    def __init__(self, binary: pathlib.Path, folder: pathlib.Path):
        self.binary, self.folder = binary, folder
        self.origin = f"http://127.0.0.1:{free_port()}"
        self.account = "acme"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.browser = urllib.request.build_opener(jar)

    def start(self) -> None:
        log = open(self.folder / "portcullis.log", "wb")
        self.process = subprocess.Popen(
            [self.binary, "up", "--data", self.folder / "data", "--listen", self.origin.removeprefix("http://")],
            stdout=log, stderr=log)
        wait_for("Portcullis", lambda: answers(self.origin + "/readyz"), self.process, seconds=60)

    def get(self, path: str) -> str:
        with self.browser.open(self.origin + path, timeout=30) as answer:
            return answer.read().decode()

    def post(self, path: str, **fields: str) -> str:
        request = urllib.request.Request(self.origin + path, urllib.parse.urlencode(fields).encode(),
                                         {"Origin": self.origin})
        with self.browser.open(request, timeout=60) as answer:
            return answer.read().decode()

    def sign_up(self) -> None:
        self.post("/signup", email="ann@acme.example", password="gravel lantern otter 42", account_name="Acme",
                  account_slug=self.account)

    def path(self, rest: str) -> str:
        return f"/app/{self.account}{rest}"

    def url(self, server: str) -> str:
        return f"{self.origin}/{self.account}/{server}/mcp"

    def register_tunnel(self, kind: str, server: str) -> str:
        """Registers a server that speaks stdio; the token of its connect line."""
        page = self.post(self.path("/servers/new"), kind=kind, name=server, slug=server, transport="tunnel")
        return re.search(r"portcullis connect (pcl_connect_\S+) --", page).group(1)

    def register_url(self, kind: str, server: str, url: str) -> None:
        self.post(self.path("/servers/new"), kind=kind, name=server, slug=server, transport="http", url=url)

    def policy(self, server: str, document: str) -> None:
        self.post(self.path(f"/servers/{server}/policies"), name="main", document=document)

    def publish(self, server: str, document: str, based_on: int) -> None:
        """Another version of the server's first policy."""
        policy = re.search(r"policies/(policy_[0-9a-f]+)", self.get(self.path(f"/servers/{server}"))).group(1)
        self.post(self.path(f"/servers/{server}/policies/{policy}/publish"), document=document, based_on=str(based_on),
                  revision="0", note="")

    def grant(self, server: str, agent: str) -> str:
        """Gives a new agent a grant under the server's policy; the agent's key."""
        form = self.get(self.path(f"/servers/{server}/grants/new"))
        policy = re.search(r'<option value="(policy_[0-9a-f]+)"', form).group(1)
        page = self.post(self.path(f"/servers/{server}/grants"), subject="new_agent", agent_name=agent, policy=policy,
                         label=agent)
        return re.search(r"pcl_key_[0-9A-Za-z]+", page).group(0)

    def grant_me(self, server: str) -> str:
        """Gives the person who is logged in a grant under the server's policy; their key."""
        form = self.get(self.path(f"/servers/{server}/grants/new"))
        policy = re.search(r'<option value="(policy_[0-9a-f]+)"', form).group(1)
        page = self.post(self.path(f"/servers/{server}/grants"), subject="me", policy=policy, label="mine", key="yes")
        return re.search(r"pcl_key_[0-9A-Za-z]+", page).group(0)

    def tools(self, server: str) -> int:
        """How many tools the server's page lists."""
        return Rows().count(self.get(self.path(f"/servers/{server}")), "tools")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class Rows(html.parser.HTMLParser):
    """Counts the body rows of the table in the section with an id."""

    def count(self, page: str, section: str) -> int:
        self.section, self.depth, self.rows, self.body = section, 0, 0, False
        self.feed(page)
        return self.rows

    def handle_starttag(self, tag, attributes):
        if tag == "section":
            self.depth = 1 if dict(attributes).get("id") == self.section else self.depth and self.depth + 1
        self.body = self.body or tag == "tbody"
        self.rows += bool(self.depth and self.body and tag == "tr")

    def handle_endtag(self, tag):
        if tag == "section" and self.depth:
            self.depth -= 1
        if tag == "tbody":
            self.body = False


def decision(result: dict) -> dict:
    """The decision that a denied call's result carries; empty for a result of the server's own."""
    return (result.get("_meta") or {}).get("dev.portcullis/decision") or {}


def rpc(url: str, key: str, message: dict) -> dict:
    """One JSON-RPC request to a gateway URL, without an SDK."""
    request = urllib.request.Request(url, json.dumps(message).encode(), {
        "Authorization": f"Bearer {key}", "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    data = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    return json.loads(data[-1] if data else text)
