"""Transform jobs: every object of a prefix goes through a model, and its result is stored beside the others.

The contract is AWS's "Use Your Own Inference Code with Batch Transform".
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from pipelines.local.aws import Json, now, present, shorten
from pipelines.local.hosting.serving import ServingError
from pipelines.local.jobs.fleet import Ending, Host, Surroundings
from pipelines.local.jobs.inputs import listing
from pipelines.local.jobs.job import Job, JobError, unsupported
from pipelines.local.jobs.logs import LogFile
from pipelines.local.s3 import Listed, Storage
from pipelines.local.transforms.instance import Instance, Work
from pipelines.local.transforms.request import Manner

_LONGEST_DETAIL = 800  # characters of what failed first
_NOT_DESCRIBED = ("Tags",)


class TransformJob(Job):
    """A transform job."""

    kind: ClassVar[str] = "transform"
    event: ClassVar[str] = "SageMaker Transform Job State Change"
    log_group: ClassVar[str] = "/aws/sagemaker/TransformJobs"

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        self._manner = Manner.read(request)
        container = _container(request["ModelName"], surroundings)
        super().__init__(request, surroundings.in_role(container.get("ExecutionRoleArn")))
        own = {**container.get("Environment", {}), **request.get("Environment", {})}
        self._container = {**container, "Environment": {**own, **self._manner.environment()}}
        self._instances: list[Instance] = []

    @staticmethod
    def instance_count(request: Json) -> int:
        """How many hosts the request asks for."""
        count: int = request["TransformResources"]["InstanceCount"]
        return count

    def stop(self) -> None:
        """Ask the job to end; it does so within the grace time."""
        super().stop()
        threading.Thread(target=self._close_instances, name=f"{self.name}-stop", daemon=True).start()

    def execute(self) -> Ending:
        """Have each instance transform its part of the objects."""
        self.fresh_folder()
        objects = listing(self.storage, self.request["TransformInput"]["DataSource"]["S3DataSource"])
        log = LogFile(self.folder / "log")
        try:
            failures = self._transform(objects, log)
        except ServingError as error:
            if not self._stopping.is_set():
                raise JobError(f"AlgorithmError: See job logs for more information. {error}") from error
            failures = []
        finally:
            log.finish()
            log.close()
        if self._stopping.is_set():
            return Ending.STOPPED
        if log.error is not None:
            raise JobError(f"InternalServerError: the job's log cannot be written: {log.error}")
        if failures:
            blame = "ClientError" if ": ClientError:" in failures[0] else "AlgorithmError"
            detail = shorten(failures[0], _LONGEST_DETAIL)
            raise JobError(f"{blame}: See job logs for more information. {detail}")
        return Ending.COMPLETED

    def describe(self) -> Json:
        """The answer of DescribeTransformJob."""
        answer = {key: value for key, value in self.request.items() if key not in _NOT_DESCRIBED} | self.summary()
        del answer["LastModifiedTime"]
        return {**answer, **present({"TransformStartTime": self.started})}

    def summary(self) -> Json:
        """The job's line in ListTransformJobs."""
        return {
            "TransformJobName": self.name,
            "TransformJobArn": self.arn,
            "TransformJobStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **present({"TransformEndTime": self.ended, "FailureReason": self.failure_reason}),
        }

    def _transform(self, objects: list[Listed], log: LogFile) -> list[str]:
        """Run the instances side by side; answers what failed."""
        work = Work(
            self._container,
            self._manner,
            self.request["TransformOutput"]["S3OutputPath"].rstrip("/"),
            self._surroundings,
            log,
            (self.log_group, self.name),
            Storage(self._surroundings.connection.s3, self._stopping.is_set),
            self._stopping,
        )
        hosts = [host for host in self.hosts if host.shard.of(objects)]
        with self._lock:
            self._instances = [Instance(work, host) for host in hosts]
        self.started = now()
        self.changed()

        def transform(pair: tuple[Instance, Host]) -> list[str]:
            instance, host = pair
            return instance.transform(host.shard.of(objects))

        with ThreadPoolExecutor(len(hosts)) as pool:
            parts = list(pool.map(transform, zip(self._instances, hosts, strict=True)))
        return [failure for part in parts for failure in part]

    def _close_instances(self) -> None:
        with self._lock:
            instances = list(self._instances)
        for instance in instances:
            instance.close()


def _container(model: str, surroundings: Surroundings) -> Json:
    """The container that serves a model.

    Raises:
        ApiError: there is no such model, or it is of several containers.
    """
    containers = surroundings.models(model)
    if len(containers) != 1:
        raise unsupported(f"the inference pipeline of the model '{model}'; use a model of one container")
    return containers[0]
