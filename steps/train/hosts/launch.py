"""Starts one training process for each GPU of this host, or one where there is none, as torchrun does."""

import logging
import os
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from steps.contract import Hosts, StepError
from steps.train.faults.interruption import EXIT_CODE

FIRST_PORT, PORTS = 20000, 10000
"""Ports to meet at, below those that Linux gives to outgoing connections (from 32768)."""

SHUTDOWN_SECONDS = 100
"""For processes that were asked to stop; SageMaker kills the container after 120 s."""

FAREWELL_SECONDS = 2.0
"""How long the first host still answers the others after a failure, so that they can ask for its reason."""


def processes_here() -> int:
    """How many processes train on this host."""
    return max(1, torch.cuda.device_count())


def launch(module: str, hosts: Hosts, job: str, failure: Path) -> None:
    """Run `python -m module` in all processes of this host, and return when all of all hosts have ended well.

    Args:
        module: a program that ends with `EXIT_CODE` when it was stopped, and writes `failure` when it fails.
        hosts: the job's hosts; every one of them calls this.
        job: the job's name, from which the port follows: jobs on one machine must not meet each other.
        failure: the file where the processes tell what went wrong.

    Raises:
        StepError: a process ended without saying why.
        SystemExit: a process failed and said why, with 1; or the job is being stopped, with `EXIT_CODE`.
    """
    # The reason goes to the failure file; torchrun's own words on it would only stand in its way in the log.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.update(_environment(hosts))
    try:
        elastic_launch(_configuration(hosts, job), sys.executable)("-m", module)
    except SignalException:
        raise SystemExit(EXIT_CODE) from None
    except ChildFailedError as error:
        if hosts.count > 1 and hosts.index == 0:
            time.sleep(FAREWELL_SECONDS)
        _end_as(error.get_first_failure()[1], failure)


def port_of(job: str) -> int:
    """Where the processes of a job meet."""
    return FIRST_PORT + zlib.crc32(job.encode()) % PORTS


def address_of(hosts: Hosts) -> str:
    """The first host's name or address: where all meet.

    Hosts that reach each other over loopback are processes of one machine, and it does not know their names.
    """
    return "127.0.0.1" if hosts.network_interface == "lo" else hosts.names[0]


def _configuration(hosts: Hosts, job: str) -> LaunchConfig:
    address = address_of(hosts)
    return LaunchConfig(
        min_nodes=hosts.count,
        max_nodes=hosts.count,
        nproc_per_node=processes_here(),
        run_id=job,
        rdzv_backend="static",
        rdzv_endpoint=f"{address}:{port_of(job)}",
        rdzv_configs={"rank": hosts.index},
        local_addr=address if hosts.index == 0 else hosts.current,
        max_restarts=0,
    )


def _environment(hosts: Hosts) -> Mapping[str, str]:
    limits = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SHUTDOWN_SECONDS)}
    if not hosts.network_interface:
        return limits
    return {
        **limits,
        "NCCL_SOCKET_IFNAME": hosts.network_interface,
        "GLOO_SOCKET_IFNAME": hosts.network_interface,
    }


def _end_as(first: ProcessFailure, failure: Path) -> NoReturn:
    if first.exitcode == EXIT_CODE:
        raise SystemExit(EXIT_CODE)
    if failure.exists():
        raise SystemExit(1)
    process = f"training process {first.local_rank} of this host"
    if first.exitcode < 0:
        raise StepError(
            f"{process} was killed by {first.signal_name()}, often for a lack of memory: set a smaller batch_size or "
            "take a larger instance"
        )
    raise StepError(f"{process} ended with exit code {first.exitcode} before it could say why: see the log")
