"""The official conformance suite: run against a URL, its checks read back, two runs compared."""

import collections
import json
import pathlib
import re
import shutil
import subprocess

PASSED, NEITHER = {"SUCCESS"}, {"INFO", "SKIPPED"}


class Suite:
    """The pinned suite in a folder of installed modules."""

    def __init__(self, node: pathlib.Path, modules: pathlib.Path, out: pathlib.Path):
        self.package = modules / "@modelcontextprotocol/conformance"
        self.command = [node, self.package / "dist/index.js"]
        self.out = out

    def scored_of_clients(self, revision: str) -> set[str]:
        """The scenarios for clients that count for a revision, by the suite's own list."""
        text = (self.package / f"requirements/{revision}.yaml").read_text()
        part = re.search(r"^client:\n((?:  - .*\n|\n|#.*\n)*)", text, re.MULTILINE)
        return set(re.findall(r"^  - (\S+)$", part.group(1), re.MULTILINE))

    def server(self, label: str, url: str, revision: str) -> "Run":
        """Every scenario that a revision asks of a server."""
        folder = self.out / f"{label}-{revision}".replace("/", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with open(folder / "suite.log", "wb") as log:
            subprocess.run([*self.command, "server", "--url", url, "--requirements", revision, "-o", folder],
                           stdout=log, stderr=log, check=False, timeout=900)
        return Run.read(folder)


class Run:
    """What became of each check: by scenario and check, the states in the order in which the suite came to them."""

    def __init__(self, checks: dict[tuple[str, str], list[str]], messages: dict[tuple[str, str], str]):
        self.checks, self.messages = checks, messages

    @classmethod
    def read(cls, folder: pathlib.Path) -> "Run":
        checks, messages = collections.defaultdict(list), {}
        for file in sorted(folder.rglob("checks.json")):
            named = str(file.parent.relative_to(folder))
            scenario = re.sub(r"^(server|client|authorization)-|-\d{4}-\d\d-\d\dT[\d-]+Z$", "", named)
            for check in json.loads(file.read_text()):
                if check["status"] in NEITHER:
                    continue
                key = (scenario, f"{check['id']} {check['name']}")
                checks[key].append(check["status"])
                if check["status"] not in PASSED and check.get("errorMessage"):
                    messages[key] = check["errorMessage"]
        return cls(dict(checks), messages)

    def by_scenario(self) -> dict[str, tuple[int, int]]:
        """How many checks of each scenario passed, and how many did not."""
        counts = collections.defaultdict(lambda: (0, 0))
        for (scenario, _), states in self.checks.items():
            good = sum(status in PASSED for status in states)
            counts[scenario] = (counts[scenario][0] + good, counts[scenario][1] + len(states) - good)
        return dict(counts)

    def passed(self) -> int:
        return sum(status in PASSED for states in self.checks.values() for status in states)

    def failed(self) -> int:
        return sum(status not in PASSED for states in self.checks.values() for status in states)

    def worse_than(self, other: "Run") -> list[tuple[str, str, str]]:
        """Each check that passes less often here, or fails more often, with what the suite says."""
        found = []
        for key in sorted(self.checks.keys() | other.checks.keys()):
            here, there = self.checks.get(key, []), other.checks.get(key, [])
            count = lambda states: sum(status in PASSED for status in states)
            if count(here) < count(there) or len(here) - count(here) > len(there) - count(there):
                found.append((*key, self.messages.get(key, "not run")))
        return found
