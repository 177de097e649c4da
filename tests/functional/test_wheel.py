"""What a wheel carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_wheel_carries_templates_and_static_files(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    subprocess.run([*build, str(tmp_path), str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {path.name for path in (ROOT / "templates").glob("*.jinja2")}
    modules = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "microblog").rglob("*.py")
    }
    assert {f"microblog/templates/{name}" for name in templates} <= names
    assert "microblog/static/style.css" in names
    assert modules <= names
