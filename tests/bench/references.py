"""What the site is compared with, running beside it: constants from Pyramid, Kinto."""

import sys
from pathlib import Path

from tests.bench.client import Client
from tests.bench.jobs import JOBS, World
from tests.bench.kinto import Kinto
from tests.bench.loads import Loaded, Target
from tests.bench.processes import LISTENING, WEB, Program
from tests.bench.stores import FOLDER

# The constant, the file that holds it, and the job that answers it.
CONSTANTS = {
    "ceiling_json": ("page.json", "user_json"),
    "ceiling_html": ("page.html", "user_html"),
    "ceiling_micropost": ("micropost.json", "micropost_json"),
}


class References:
    """Programs that are started once and idle while they are not asked."""

    def __init__(self, world: World, python: Path | None):
        """`world`: whose answers are the constants; `python`: that of Kinto's
        environment."""
        self.lanes: dict[str, tuple[Loaded, list[Target]]] = {}
        self.programs: list[Program] = []
        try:
            self._start_ceiling(world)
            if python is not None:
                self._start_kinto(world, python)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End them."""
        for program in self.programs:
            program.stop()

    def _start_ceiling(self, world: World) -> None:
        folder = FOLDER / "constants"
        folder.mkdir(exist_ok=True)
        jobs, targets = {job.name: job for job in JOBS}, {}
        for name, (file, job) in CONSTANTS.items():
            targets[name] = jobs[job].targets(world)
            target = targets[name][0]
            client = Client(world.web.port, target.authorization)
            (folder / file).write_bytes(client.read(target.path))
        program = Program(
            [sys.executable, "-m", "tests.bench.ceiling", str(folder)],
            FOLDER / "ceiling.log",
            LISTENING,
            WEB,
        )
        self.programs.append(program)
        loaded = Loaded(program.url, program.pid)
        self.lanes |= {name: (loaded, asked) for name, asked in targets.items()}

    def _start_kinto(self, world: World, python: Path) -> None:
        kinto = Kinto(python, world.page["result"])
        self.programs.append(kinto.program)
        loaded = Loaded(kinto.program.url, kinto.program.pid)
        self.lanes["kinto_list"] = loaded, [kinto.list]
        self.lanes["kinto_post"] = loaded, [kinto.post]
