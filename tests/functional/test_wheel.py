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
    templates = {
        Path("microblog") / path.relative_to(ROOT)
        for path in (ROOT / "templates").rglob("*.jinja2")
    }
    files = {
        path.relative_to(ROOT)
        for pattern in ("**/*.py", "py.typed", "static/**/*.*", "**/*.mo")
        for path in (ROOT / "microblog").glob(pattern)
    }
    assert len(templates) > 20
    assert Path("microblog/static/app.js") in files
    assert {path.as_posix() for path in templates | files} <= names
