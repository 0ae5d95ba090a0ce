"""The fixture behind the gateway is the fixture: the suite's checks for servers, directly and through each way in."""

import sys

import listed
from stage import ALLOW_ALL, Stage
from suite import Run, Suite

REVISIONS = ["2025-11-25", "2026-07-28"]
EXPECTED = {"2025-11-25": 84, "2026-07-28": 197}


def ways(stage: Stage, direct: str) -> dict[str, str]:
    """The URLs of the gateway that lead to the fixture, each with the key already in it."""
    product = stage.start_product()
    product.register_url("other", "fixture", direct)
    tokens = {name: product.register_tunnel("other", name) for name in ["private", "stdio"]}
    stage.connect("private", product, tokens["private"], ["--url", direct])
    stage.connect("stdio", product, tokens["stdio"], ["--", stage.fixture, "--stdio"])
    found = {}
    for server in ["fixture", "private", "stdio"]:
        product.policy(server, ALLOW_ALL)
        key = product.grant(server, f"suite-{server}")
        found[server] = f"{stage.with_key(product.origin, key)}/{product.account}/{server}/mcp"
        if server == "fixture":
            found["account"] = f"{stage.with_key(product.origin, key, server)}/{product.account}/mcp"
    return found


def show(label: str, revision: str, run: Run, worse: list[tuple[str, str, str]], known: set[tuple[str, str]]) -> bool:
    """Prints how a run compares; whether it differs in just the checks that are known to."""
    print(f"{label:<34}{revision:<12}{run.passed():>6}{run.failed():>8}{len(worse):>8}", flush=True)
    for scenario, check, message in worse:
        sign = "as listed" if (scenario, check.split()[0]) in known else "FAIL"
        print(f"    {sign}: {scenario}: {check}: {message[:300]}", flush=True)
    gone = known - {(scenario, check.split()[0]) for scenario, check, _ in worse}
    for scenario, check in sorted(gone):
        print(f"    FAIL: {scenario}: {check}: listed as different, and is the same", flush=True)
    return not gone and all((scenario, check.split()[0]) in known for scenario, check, _ in worse)


def main(stage: Stage, suite: Suite) -> bool:
    direct = stage.start_fixture("both")
    urls = ways(stage, direct)
    labels = {
        "fixture": "gateway, server by URL",
        "private": "gateway, tunnel to a URL",
        "stdio": "gateway, tunnel to a program",
        "account": "gateway, the account's URL",
    }
    print(f"{'':<34}{'revision':<12}{'passed':>6}{'failed':>8}{'worse':>8}", flush=True)
    good = True
    for revision in REVISIONS:
        baseline = suite.server("direct", direct, revision)
        show("the fixture itself", revision, baseline, [], set())
        if baseline.failed() or baseline.passed() < EXPECTED[revision]:
            print(f"    expected {EXPECTED[revision]} passed and none failed", flush=True)
            good = False
        for name, label in labels.items():
            run = suite.server(name, urls[name], revision)
            known = listed.differences(name, revision)
            good = show(label, revision, run, run.worse_than(baseline), known) and good
    return good


if __name__ == "__main__":
    sys.exit("use run.sh")
