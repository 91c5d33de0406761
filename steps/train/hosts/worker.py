"""One of several processes that train one model together, started by `launch`: python -m steps.train.hosts.worker."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as group
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined] # missing in its __all__

from steps.contract import StepError, training_job
from steps.train.hosts.team import Team, leave
from steps.train.settings import TrainSettings
from steps.train.train import train_job

LOST = "a training process went away without saying why; often that is a lack of memory: see the logs of all instances"

PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>."""

REASON, UNKNOWN = "reason", ""
REASON_SECONDS = 5
"""How long a process that lost another waits for that one's reason."""


@contextmanager
def joined() -> Iterator[Team]:
    """Join the team that torchrun's variables describe, and leave it when every process has come to the block's end.

    Raises:
        StepError: another process failed; every process tells the reason of the first.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    # torchrun's agent on the first host keeps this store, so it outlives a process that fails.
    agent = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    store = PrefixStore("training", agent)
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    try:
        group.init_process_group(backend, store=store, rank=rank, world_size=size)
        team = Team(rank, size)
        yield team
        team.wait()
    except Exception as error:
        reason = _reason_of_another(store) if _lost_another(error) else _made_known(store, error)
        if reason is None:
            raise
        raise StepError(reason) from error
    leave()


def _lost_another(error: Exception) -> bool:
    """Whether `error` is a connection that broke; Gloo tells of it with a bare RuntimeError that names its source."""
    return isinstance(error, group.DistError) or (isinstance(error, RuntimeError) and "/gloo/" in str(error))


def _made_known(store: Store, error: Exception) -> str | None:
    """Tell the others why this process fails; answers the reason of one that failed before, if one did."""
    own = str(error) if isinstance(error, StepError) else f"{type(error).__name__}: {error}"
    first: str = store.compare_set(REASON, UNKNOWN, own).decode()
    return None if first == own else first


def _reason_of_another(store: Store) -> str:
    try:
        store.wait([REASON], timedelta(seconds=REASON_SECONDS))
        reason: str = store.get(REASON).decode()
    except group.DistError:
        return LOST
    return reason


def end_with_launcher() -> None:
    """Have Linux kill this process when torchrun's agent dies: in a session of its own, it would train on alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Train as one of the team that torchrun's variables describe.

    Raises:
        SystemExit: the job is being stopped, or has failed and the reason is written.
    """
    with (
        training_job(TrainSettings) as job,
        joined() as team,
        Path(os.devnull).open("w") as nowhere,
        # One process tells how it goes; errors, which go to standard error, are every process's own.
        redirect_stdout(sys.stdout if team.leads else nowhere),
    ):
        train_job(job, team)


if __name__ == "__main__":
    end_with_launcher()
    try:
        main()
    except SystemExit as end:
        # The traceback still holds the joined model, so that `leave` is not safe here, and Gloo's threads must not see
        # the end of Python. What is to be kept is written.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
