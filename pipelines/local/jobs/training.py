"""Training jobs: channels in, hyperparameters in, a model archive and metrics out.

The container contract is AWS's "How Amazon SageMaker AI Runs Your Training Image".
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pipelines.local.aws import Json, in_use, invalid
from pipelines.local.jobs.archive import pack
from pipelines.local.jobs.containers import rewrite
from pipelines.local.jobs.fleet import Ending, Host, Surroundings
from pipelines.local.jobs.inputs import fetch
from pipelines.local.jobs.job import JobError, Limit
from pipelines.local.jobs.metrics import final_metrics
from pipelines.local.jobs.phases import transitions
from pipelines.local.jobs.process import Program
from pipelines.local.jobs.program_job import ProgramJob
from pipelines.local.jobs.training_checks import check_training
from pipelines.local.jobs.training_config import write_config
from pipelines.local.jobs.uploads import Mirror
from pipelines.local.jobs.words import read_words

_NOT_DESCRIBED = ("Tags", "SessionChainingConfig")


class TrainingJob(ProgramJob):
    """A training job."""

    kind: ClassVar[str] = "training"
    event: ClassVar[str] = "SageMaker Training Job State Change"
    log_group: ClassVar[str] = "/aws/sagemaker/TrainingJobs"

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        check_training(request)
        super().__init__(request, surroundings)
        root = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        self.output_uri = f"{root}/{self.name}/output"
        self.metrics: list[Json] = []

    @staticmethod
    def instance_count(request: Json) -> int:
        """How many hosts the request asks for."""
        count: int = request["ResourceConfig"].get("InstanceCount", 1)
        return count

    @staticmethod
    def image(request: Json) -> str:
        """The container image of the request."""
        image: str = request["AlgorithmSpecification"]["TrainingImage"]
        return image

    def program(self) -> Program:
        """The image's `train` or the estimator's program, unless the request brings an entry point."""
        algorithm = self.request["AlgorithmSpecification"]
        usual = self.container.training_command(self.request.get("HyperParameters", {}))
        entry = algorithm.get("ContainerEntrypoint") or usual
        if entry == ["train"]:
            missing = self.container.missing("train")
            if missing:
                raise JobError(missing)
        own = self.request.get("Environment", {})
        job = {"TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn}
        return Program([*entry, *algorithm.get("ContainerArguments", [])], {**job, **own})

    def prepare(self, host: Host) -> None:
        """Fetch the channels and earlier checkpoints of a host; write its configuration."""
        for channel in self.request.get("InputDataConfig", []):
            shard = replace(host.shard, seed=channel.get("ShuffleConfig", {}).get("Seed"))
            folder = host.base / "input" / "data" / channel["ChannelName"]
            fetch(self.storage, channel["DataSource"]["S3DataSource"], folder, shard)
        for folder in (host.base / "model", host.base / "output" / "data"):
            folder.mkdir(parents=True, exist_ok=True)
        self._prepare_checkpoints(host)
        if "TensorBoardOutputConfig" in self.request:
            config = self.request["TensorBoardOutputConfig"]
            folder = Path(rewrite(config.get("LocalPath", "/opt/ml/output/tensorboard"), host.base))
            folder.mkdir(parents=True, exist_ok=True)
            uri = f"{config['S3OutputPath'].rstrip('/')}/{self.name}/tensorboard-output"
            self.mirrors.append(Mirror(self.results, folder, uri))
        write_config(self.request, host, self.hosts)

    def collect(self, ending: Ending) -> None:
        """Store output data always, the model unless the job failed; read the metrics."""
        definitions = self.request["AlgorithmSpecification"].get("MetricDefinitions", [])
        self.metrics = final_metrics(self.folder / "log", definitions)
        self._store("output", [host.base / "output" / "data" for host in self.hosts])
        if ending is Ending.FAILED:
            return
        models = [host.base / "model" for host in self.hosts]
        if self._compresses:
            self._store("model", models, even_empty=True)
        else:
            for folder in reversed(models):  # where two hosts made the same file, the first host's stays
                self.results.upload_folder(folder, self._model_uri)

    def own_words(self) -> str | None:
        """What the program wrote to `/opt/ml/output/failure`."""
        return read_words(host.base / "output" / "failure" for host in self.hosts)

    def retries(self) -> int:
        """How often the job is started again after an error of the server."""
        attempts: int = self.request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        return attempts

    def limits(self) -> list[Limit]:
        """How long the program may still run: by its own limit, and by that of waiting for spot instances."""
        waiting: float = self.request.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds", math.inf)
        reason = f"The job took longer than its MaxWaitTimeInSeconds of {waiting} and was stopped."
        waited = time.time() - self.created
        return [*super().limits(), Limit(waiting - waited, "MaxWaitTimeExceeded", reason)]

    def interrupt(self) -> None:
        """Take the job's spot instances away: it gets SIGTERM, then starts again from its checkpoints.

        Raises:
            ApiError: it is not a managed spot training, or does not train at this moment.
        """
        with self._lock:
            if not self.request.get("EnableManagedSpotTraining"):
                raise invalid(
                    f"The training job '{self.name}' has no EnableManagedSpotTraining: nothing interrupts it."
                )
            if self.phase != "Training":
                raise in_use(f"The training job '{self.name}' is {self.phase}; it can be interrupted while Training.")
            super().interrupt()

    def update(self, changes: Json) -> None:
        """Carry out UpdateTrainingJob.

        Raises:
            ApiError: the job is being stopped.
        """
        with self._lock:
            if self._stopping.is_set() or not self.running:
                raise invalid(f"The training job '{self.name}' is {self.status}; only one that runs can be updated.")
            for field in ("ProfilerConfig", "RemoteDebugConfig", "ResourceConfig"):
                if field in changes:
                    self.request[field] = {**self.request.get(field, {}), **changes[field]}
            if "ProfilerRuleConfigurations" in changes:
                self.request["ProfilerRuleConfigurations"] = changes["ProfilerRuleConfigurations"]
            self.changed()

    def describe(self) -> Json:
        """The answer of DescribeTrainingJob."""
        answer = {key: value for key, value in self.request.items() if key not in _NOT_DESCRIBED}
        # AWS answers with the key's name even where there is none; the SDK's Estimator.attach relies on it.
        answer["OutputDataConfig"] = {"KmsKeyId": "", **self.request["OutputDataConfig"]}
        answer |= self.summary()
        answer |= {"SecondaryStatusTransitions": transitions(self.phases, self.ended)}
        if self.started is not None:
            answer["TrainingStartTime"] = self.started
        if self.failure_reason is not None:
            answer["FailureReason"] = self.failure_reason
        if self.ended is not None:
            seconds = math.ceil(self.ended - (self.started or self.ended))
            billable = seconds - math.floor(self.idle_seconds)
            answer |= {"TrainingTimeInSeconds": max(1, seconds), "BillableTimeInSeconds": max(1, billable)}
            answer |= {"FinalMetricDataList": self.metrics}
            answer |= {"ModelArtifacts": {"S3ModelArtifacts": self._model_uri}}
        return answer

    def summary(self) -> Json:
        """The job's line in ListTrainingJobs."""
        line: Json = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.phase,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        return line if self.ended is None else {**line, "TrainingEndTime": self.ended}

    @property
    def _compresses(self) -> bool:
        return bool(self.request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP")

    @property
    def _model_uri(self) -> str:
        return f"{self.output_uri}/model.tar.gz" if self._compresses else f"{self.output_uri}/model/"

    def _prepare_checkpoints(self, host: Host) -> None:
        """Fetch the checkpoints of an earlier run, if there are any, and have new ones stored while the job runs."""
        config: Json = self.request.get("CheckpointConfig", {})
        folder = Path(rewrite(config.get("LocalPath", "/opt/ml/checkpoints"), host.base))
        folder.mkdir(parents=True, exist_ok=True)
        if not config:
            return
        uri = config["S3Uri"].rstrip("/") + "/"
        mirror = Mirror(self.results, folder, uri)
        if self.storage.exists(uri):
            self.storage.download_prefix(uri, folder)
            mirror.is_stored()
        self.mirrors.append(mirror)

    def _store(self, name: str, folders: list[Path], *, even_empty: bool = False) -> None:
        archive = self.folder / f"{name}.tar.gz"
        if pack(folders, archive) or even_empty:
            self.results.upload_file(archive, f"{self.output_uri}/{name}.tar.gz")
        archive.unlink()
