"""Becomes a Python program that dies with the process that wanted it.

Run as `python -m microblog.database.launcher PARENT MODULE ARGUMENT…`: a program of its
own, because code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by the program. `arguments`: the parent's id, the program's
    module and its own arguments."""
    parent, *rest = arguments
    if sys.platform == "linux":
        # An orphaned server would keep the lock of the data directory. SIGTERM stops
        # it cleanly; the setting survives exec.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        return  # The parent was gone before the line above.
    program = [sys.executable, "-m", *rest]
    os.execv(sys.executable, program)  # noqa: S606 (a list of our own words)


if __name__ == "__main__":
    main(sys.argv[1:])
