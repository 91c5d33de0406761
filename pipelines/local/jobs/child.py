"""Becomes a job's program, tied to the life of the server: `child.py SERVER_PID PROGRAM ARGUMENT...`.

It runs as a script in a bare interpreter (no site packages), so that a job starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Ask Linux to kill this process with its parent, then turn into the program."""
    server, program, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(server):  # it died before the request was made
            sys.exit(1)
    try:
        os.execvp(program, [program, *arguments])  # noqa: S606 - running the job's program is the purpose
    except OSError as error:
        sys.exit(f"Cannot run '{program}': {error.strerror}. It is looked for in {os.environ['PATH']}.")


main()
