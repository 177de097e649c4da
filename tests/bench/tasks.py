"""What the worker costs and how fast it is, on a site of its own.

    python -m tests.bench.tasks

Prints: memory and CPU of an idle worker, how fast 10,000 waiting tasks drain, and how
long 500 mentions take to reach an SMTP server. Run it with nothing else running.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from microblog import settings as settings_module
from microblog.database.embedded import EmbeddedServer
from microblog.store import Database, microposts, pieces, users
from microblog.store.changes import Changes
from microblog.tasks.sender import Sender
from tests.mail_server import MailServer
from tests.site import Site

QUEUED = 10_000
MENTIONS = 500
IDLE_SECONDS = 40


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """The memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def idle(pid: int) -> None:
    """Print what a worker costs that has nothing to do."""
    time.sleep(15)  # What is periodic is done once after a start.
    before = cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    used = 100 * (cpu_seconds(pid) - before) / IDLE_SECONDS
    print(f"idle worker: {megabytes(pid):.0f} MB, {used:.2f} % of a core")


def drain(site: Site, sender: Sender) -> None:
    """Print how fast tasks drain that have nothing to do."""
    waiting = site.data_dir / "tasks" / "waiting"
    for piece in pieces(range(1, QUEUED + 1), 5000):
        for number in piece:
            sender.send("mention", number)
        sender.flush()
    before, began = len(os.listdir(waiting)), time.monotonic()
    worker = site.start_worker()
    ready = time.monotonic()
    while len(os.listdir(waiting)) > 1:
        time.sleep(0.2)
    seconds = time.monotonic() - ready
    print(
        f"queue: {before} tasks in {seconds:.1f} s, {before / seconds:.0f} a second "
        f"(and {ready - began:.1f} s to start)"
    )
    worker.send_signal(signal.SIGTERM)
    worker.wait()


def mail(site: Site, database: Any, mailbox: MailServer) -> None:
    """Print how long it takes until everybody is mailed."""
    for number in range(MENTIONS):
        name = f"reader_{number:03}".translate(
            str.maketrans("0123456789", "abcdefghjk")
        )
        users.create(database, name, email=f"{name}@example.org")
        database.users.update_one({"_id": name}, {"$set": {"confirmed": True}})
        author = users.find(database, "alice") or {}
        microposts.create(database, author, f"hello @{name}")
    began = time.monotonic()
    worker = site.start_worker()
    # What nobody has queued, the sweep finds when it is a minute old.
    sender = Sender(
        settings_module.read({"data_dir": str(site.data_dir)}, environment={})
    )
    for one in database.microposts.find({"undone.mails": {"$gt": 0}}):
        sender.send("mention", one["_id"])
    sender.close()
    while len(mailbox.recipients) < MENTIONS and time.monotonic() - began < 300:
        time.sleep(0.1)
    seconds = time.monotonic() - began
    time.sleep(2)
    twice = len(mailbox.recipients) - len(set(mailbox.recipients))
    print(
        f"mail: {MENTIONS} readers, {len(set(mailbox.recipients))} mailed in "
        f"{seconds:.1f} s (with the start of the worker), {twice} twice"
    )
    idle(worker.pid)
    worker.send_signal(signal.SIGTERM)
    worker.wait()


def main() -> None:
    """Measure, on a site in a temporary directory."""
    with MailServer() as mailbox, tempfile.TemporaryDirectory() as directory:
        smtp = f"mail.host = 127.0.0.1\nmail.port = {mailbox.port}\nmail.tls = none\n"
        site = Site(Path(directory), smtp)
        site.start()
        try:
            uri = EmbeddedServer(site.data_dir).ensure()
            client: MongoClient[dict[str, Any]] = MongoClient(uri, tz_aware=True)
            site.register("alice")
            values = {"data_dir": str(site.data_dir)}
            sender = Sender(settings_module.read(values, environment={}))
            drain(site, sender)
            sender.close()
            mail(
                site,
                Database(
                    client, "microblog", Changes(site.data_dir / "database" / "changes")
                ),
                mailbox,
            )
        finally:
            site.stop()


if __name__ == "__main__":
    sys.exit(main())
