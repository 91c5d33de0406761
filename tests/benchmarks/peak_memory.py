"""Run a module as `python -m` does, and print the most memory it had, MB, as the last line.

python peak_memory.py steps.ingest --size 224
"""

import runpy
import sys
from pathlib import Path


def peak_mb() -> float:
    """Most memory this process had, MB.

    Not `ru_maxrss`: a child begins with that of the process it was started from, since Linux keeps it over `exec`.
    """
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6


if __name__ == "__main__":
    del sys.argv[0]
    sys.path[0] = ""  # as for `python -m`
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    print(f"{peak_mb():.1f}")
