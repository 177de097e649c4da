"""docs/security.md: every requirement and every trap has its row, and the tests that it
names are there."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
NOT_MET = re.findall(
    r"^\* \*\*(\S+)\*\* \S",
    DOCUMENT.partition("## Not met, and why")[2].partition("\n## ")[0],
    re.MULTILINE,
)

# How many of each kind there are.
REQUIREMENTS = {
    **{"AU": 7, "SE": 6, "AZ": 5, "IN": 7, "OU": 6, "TO": 4},
    **{"RL": 4, "DI": 7, "AV": 6, "OP": 8, "PR": 4},
}
TRAPS = {"T": 16, "C": 10, "M": 8}
IDS = [f"{kind}-{n + 1}" for kind, most in REQUIREMENTS.items() for n in range(most)]


def rows(pattern: str) -> list[tuple[str, list[str]]]:
    """The rows of the tables whose id is of this kind, and the tests that they name."""
    lines = re.findall(rf"^\| ({pattern}) \|(.*)\|$", DOCUMENT, re.MULTILINE)
    return [(id, re.findall(r"`([a-z_/]+\.py::\w+)`", line)) for id, line in lines]


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every test that there is."""
    return {
        f"{path.relative_to(TESTS)}::{node.name}"
        for path in TESTS.rglob("test_*.py")
        if "node_modules" not in path.parts
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_requirement_has_one_row() -> None:
    assert len(IDS) == 64
    assert Counter(id for id, _tests in rows(r"[A-Z]{2}-\d+")) == Counter(IDS)


def test_every_trap_has_one_row() -> None:
    every = [f"{kind}{n + 1}" for kind, most in TRAPS.items() for n in range(most)]
    found = rows(r"[TCM]\d+")
    assert Counter(trap for trap, _tests in found) == Counter(every)
    assert [trap for trap, tests in found if not tests] == []


def test_every_test_that_is_named_is_there(known: set[str]) -> None:
    named = {one for _id, tests in rows(r"[A-Z]+-?\d+") for one in tests}
    assert len(named) > 100
    assert named - known == set()


def test_every_requirement_is_in_the_name_of_a_test_of_its_own() -> None:
    """Or it is said why there is none."""
    proven = {
        id
        for id, tests in rows(r"[A-Z]{2}-\d+")
        if any(f"_{id.replace('-', '_')}_" in one for one in tests)
    }
    assert sorted({*IDS} - proven) == sorted(NOT_MET)
