"""What docs/conformance.md lists: the tables are for people, and the tests hold what they see against them."""

import pathlib

PAGE = pathlib.Path(__file__).parents[4] / "docs/conformance.md"


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without the table's own, and without backticks."""
    text = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    if len(lines) < 3:
        raise SystemExit(f"{PAGE}: no table under {heading!r}")
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def differences(way: str, revision: str) -> set[tuple[str, str]]:
    """The checks that may differ over a way in: scenario and check."""
    return {(scenario, check) for ways, revisions, scenario, check, _ in rows("Checks that differ")
            if way in ways.split(", ") and revision in revisions.split(", ")}


def not_for_gateways(revision: str) -> dict[str, str]:
    """The client scenarios that say nothing about a gateway, with the reason."""
    return {scenario: reason for scenario, revisions, reason in rows("Client scenarios that do not apply")
            if revision in revisions.split(", ")}
