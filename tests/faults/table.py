"""What the tests of faults have shown, as a table: one line a test, by the ids of
`docs/faults.md`."""

import os
import re
from datetime import date
from pathlib import Path

import pytest

TABLE = "FAULTS_TABLE"  # the variable that names its file
_ID = re.compile(r"_(F\d+|[A-Z]{2}_\d+)(?=_)")
HEAD = """# Faults

What `make faults` did to the site, and what came of it ({day}; {passed} of {all}
passed). F1 to F18 are faults, the others requirements that they put to the test; each
line is a test in `tests/faults/`.

| ids | test | outcome | s | figures |
| --- | --- | --- | --- | --- |
"""

ALONE = bool(os.environ.get(TABLE))

lines: dict[str, list[str]] = {}  # cells of the table, by test
_failed: set[str] = set()


def within(seconds: float) -> float:
    """How long something may take: as long as is claimed in `make faults`, whose tests
    run one by one; three times as long where others run beside them."""
    return seconds if ALONE else 3 * seconds


def ids_of(name: str) -> list[str]:
    """The ids in a test's name: F7 and DI-1 in test_DI_1_F7_killed."""
    found = (one.replace("_", "-") for one in _ID.findall(name))
    return sorted(found, key=lambda id: "-" in id)


def note(report: pytest.TestReport) -> None:
    """Keep what a test's report says, if it tests a fault."""
    path, _, name = report.nodeid.partition("::")
    shown = name.replace("|", "/")
    ids = ids_of(shown)
    if not ids or "tests/faults/" not in path:
        return
    if report.failed:
        _failed.add(report.nodeid)
    if report.when != "call" and report.passed:
        return
    figures = ", ".join(f"{key} {value}" for key, value in report.user_properties)
    outcome = "failed" if report.nodeid in _failed else report.outcome
    if report.skipped and isinstance(report.longrepr, tuple):
        figures = str(report.longrepr[2]).removeprefix("Skipped: ")
    plain = _ID.sub("", shown).removeprefix("test_").replace("_", " ")
    cells = [" ".join(ids), plain, outcome, f"{report.duration:.0f}", figures]
    lines[report.nodeid] = cells


def told() -> str:
    """The table."""
    rows = sorted(lines.values(), key=_order)
    passed = sum(cells[2] == "passed" for cells in rows)
    head = HEAD.format(day=date.today(), passed=passed, all=len(rows))
    return head + "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _order(cells: list[str]) -> tuple[bool, int, str]:
    first = re.match(r"F(\d+)", cells[0])
    return (first is None, int(first[1]) if first else 0, f"{cells[0]} {cells[1]}")


def keep(config: pytest.Config, exitstatus: int) -> None:
    """Write the table, if all of `make faults` ran to its end."""
    whole = not config.option.keyword and config.args_source.name != "ARGS"
    if os.environ.get(TABLE) and whole and exitstatus in {0, 1}:
        Path(os.environ[TABLE]).write_text(told())
