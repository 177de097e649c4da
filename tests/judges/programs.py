"""Programs that the system may have."""

import os
import shutil

import pytest


def find(name: str) -> str:
    """Where it is. Without it the test is skipped, but where CI is set it fails."""
    # /usr/sbin is not on everybody's path.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found:
        return found
    missing = f"no {name}: on Debian, apt-get install {name}"
    if os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
