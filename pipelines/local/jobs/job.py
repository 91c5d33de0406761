"""A processing, training or transform job: what its kinds have in common, whatever does their work."""

from __future__ import annotations

import logging
import shutil
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pipelines.local.aws import ApiError, Json, arn, invalid, limit_exceeded
from pipelines.local.jobs.fleet import Ending, Host, Surroundings
from pipelines.local.jobs.lifecycle import Lifecycle
from pipelines.local.jobs.records import Record
from pipelines.local.s3 import Shard, Storage, TransferError

_MOST_HOSTS = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """How long a job may go on.

    Attributes:
        seconds: from now.
        phase: its secondary status when that is over.
        reason: why it was stopped then.
    """

    seconds: float
    phase: str
    reason: str


class JobError(Exception):
    """The job cannot go on; the message is its FailureReason."""


class Job(Lifecycle):
    """A job of one kind.

    Args:
        request: the input of the call that creates it, already checked.
        surroundings: what it shares with other jobs.

    Attributes:
        hosts: its instances.
        limit: the one that ends it when it ends with `Ending.TIMED_OUT`.
        storage: moves its objects; once the job is asked to stop, it begins no more transfers.
    """

    kind: ClassVar[str]  # as in its ARN
    log_group: ClassVar[str]

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        count = self.instance_count(request)
        if count < 1:
            raise invalid(f"InstanceCount is {count}; a job needs at least one instance.")
        if count > _MOST_HOSTS:
            raise limit_exceeded(f"InstanceCount is {count}; on one machine at most {_MOST_HOSTS} are started.")
        name: str = request[self.name_field()]
        super().__init__(name, arn(f"{self.kind}-job/{name}"), request)
        self.folder = surroundings.folder / name
        self.limit: Limit | None = None
        # What a job moves and asks for, it does in the name of its role.
        self._surroundings = surroundings.in_role(request["RoleArn"]) if "RoleArn" in request else surroundings
        self.storage = Storage(self._surroundings.connection.s3, self._stopping.is_set)
        names = [f"algo-{number}" for number in range(1, count + 1)]
        self.hosts = [Host(name, self.folder / name, Shard(i, count)) for i, name in enumerate(names)]

    @classmethod
    def name_field(cls) -> str:
        """The request's field that holds the job's name."""
        return f"{cls.kind.capitalize()}JobName"

    @staticmethod
    @abstractmethod
    def instance_count(request: Json) -> int:
        """How many hosts the request asks for."""

    @abstractmethod
    def execute(self) -> Ending:
        """Do the job's work.

        Raises:
            JobError: it failed.
            TransferError: data could not be moved, or the job was stopped meanwhile.
        """

    def run(self) -> None:
        """Run to the end, and say how it ended."""
        try:
            self._finish(self.execute())
        except JobError as error:
            self._finish(Ending.FAILED, str(error))
        except TransferError as error:
            stopped = self._stopping.is_set()
            self._finish(Ending.STOPPED if stopped else Ending.FAILED, f"ClientError: {error}")
        except Exception as error:
            _log.exception("The job %s met an error of the server", self.name)
            self._finish(Ending.FAILED, f"InternalServerError: {type(error).__name__}: {error}")

    def fresh_folder(self) -> None:
        """Make the job's folder anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def clear_hosts(self) -> None:
        """Remove the folders of the hosts; the log stays."""
        for host in self.hosts:
            shutil.rmtree(host.base, ignore_errors=True)

    def _finish(self, ending: Ending, reason: str | None = None) -> None:
        if ending in (Ending.COMPLETED, Ending.STOPPED):
            self.clear_hosts()
        if ending is Ending.TIMED_OUT and self.limit is not None:
            self.conclude("Stopped", self.limit.phase, self.limit.reason)
        else:
            self.conclude(ending.value, ending.value, reason if ending is Ending.FAILED else None)


def unsupported(what: str) -> ApiError:
    """The error of a request for something that only AWS can do."""
    return ApiError("ValidationException", f"The embedded SageMaker does not support {what}.")


def check_path(path: str, what: str) -> None:
    """Refuse a path of a request that lies outside the job's folder.

    Raises:
        ApiError: it is not below `/opt/ml`, the only folder that a job has of its own here.
    """
    parts = Path(path).parts
    if parts[:3] != ("/", "opt", "ml") or ".." in parts:
        raise invalid(f"The LocalPath '{path}' of {what} must lie under /opt/ml, as in /opt/ml/processing/data.")


def check_unique(names: Iterable[str], what: str) -> None:
    """Refuse a request that names two things alike.

    Raises:
        ApiError: it does; `what` says of what kind they are.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f"There are two {what} named '{name}': their names must be unique.")
        seen.add(name)


def check_stoppable(record: Record) -> None:
    """Refuse to stop a job that has ended; the SDK takes the ValidationException to mean just that.

    Raises:
        ApiError: it has, in AWS's words.
    """
    if not record.running:
        kind = record.kind.replace("-", " ")
        raise invalid(f"The request was rejected because the {kind} is in status {record.status}.")
