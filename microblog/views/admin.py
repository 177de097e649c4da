"""What administrators see: the tasks."""

from datetime import UTC, datetime
from typing import Any

from microblog.pages import page
from microblog.resources.admin import Admin
from microblog.security import Permission
from microblog.store import Document, dead_letters, runs, workers

SHOWN = 50


@page(context=Admin, permission=Permission.SEE_TASKS, renderer="admin.jinja2")
def show(request: Any) -> Document:
    """Queue and workers, periodic tasks, and what was given up."""
    database = request.database
    return {
        "workers": workers.alive(database),
        "runs": runs.all(database),
        "letters": dead_letters.newest(database, SHOWN),
        "now": datetime.now(UTC),
    }
