"""What is installed, and how new it must be: older versions have holes that are known
(security.md, 3.4)."""

import configparser
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FLOORS = {
    "WebOb": "1.8.11",
    "bcrypt": "5",
    "pymongo": "4.18.1",
    "pyramid": "2.0.2",
    "waitress": "3.0.2",
}
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.M)
PACKAGES = "\n".join(
    (ROOT / name).read_text() for name in ("requirements.txt", "requirements-test.txt")
)


def wanted() -> dict[str, Requirement]:
    """What setup.cfg asks for, by name."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options"]["install_requires"].splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {one.name: one for one in found}


@pytest.mark.parametrize("name", FLOORS)
def test_OP_6_nothing_with_a_known_hole_is_wanted_or_installed(name: str) -> None:
    floor = Version(FLOORS[name])
    assert Version(version(name)) >= floor
    bounds = [one for one in wanted()[name].specifier if one.operator == ">="]
    assert [one for one in bounds if Version(one.version) >= floor]


def test_OP_6_what_runs_is_what_is_wanted() -> None:
    found = wanted()
    assert len(found) >= 15
    for name, requirement in found.items():
        assert requirement.specifier.contains(version(name), prereleases=True), name
        assert requirement.specifier, name


def test_OP_6_everything_has_a_version_and_a_hash() -> None:
    locked = dict(PINNED.findall(PACKAGES))
    assert {one.lower() for one in wanted()} <= {one.lower() for one in locked}
    blocks = re.split(r"\n(?=[A-Za-z0-9])", PACKAGES)
    packages = [one for one in blocks if PINNED.match(one)]
    assert len(packages) >= len(locked) > 50
    assert not [one for one in packages if "--hash=sha256:" not in one]
