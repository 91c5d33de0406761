"""Training jobs: channels in, hyperparameters in, a model archive and metrics out.

The container contract is AWS's "How Amazon SageMaker AI Runs Your Training Image".
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import ClassVar

from pipelines.local.aws import Json, invalid
from pipelines.local.jobs.archive import pack
from pipelines.local.jobs.containers import rewrite
from pipelines.local.jobs.fleet import Ending, Host, Surroundings
from pipelines.local.jobs.job import Job, JobError, check_path, unsupported
from pipelines.local.jobs.metrics import final_metrics
from pipelines.local.jobs.process import Program
from pipelines.local.jobs.words import read_words
from pipelines.local.s3 import FileState, file_states

_PHASE_MESSAGES = {  # the words that AWS shows beside each phase
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
_NOT_DESCRIBED = ("Tags", "SessionChainingConfig")


class TrainingJob(Job):
    """A training job."""

    kind: ClassVar[str] = "training"
    log_group: ClassVar[str] = "/aws/sagemaker/TrainingJobs"

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        _check(request)
        super().__init__(request, surroundings)
        root = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        self.output_uri = f"{root}/{self.name}/output"
        self.metrics: list[Json] = []
        self._fetched: dict[Path, FileState] = {}

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
            source = channel["DataSource"]["S3DataSource"]
            folder = host.base / "input" / "data" / channel["ChannelName"]
            shard = [host.shard] if source.get("S3DataDistributionType") == "ShardedByS3Key" else []
            if source["S3DataType"] == "ManifestFile":
                self.storage.download_manifest(source["S3Uri"], folder, *shard)
            else:
                self.storage.download_prefix(source["S3Uri"], folder, *shard)
        for folder in (host.base / "model", host.base / "output" / "data", self._checkpoints(host)):
            folder.mkdir(parents=True, exist_ok=True)
        if "CheckpointConfig" in self.request:
            self._fetch_checkpoints(host)
        config = host.base / "input" / "config"
        config.mkdir(parents=True)
        for name, content in self._config(host).items():
            (config / f"{name}.json").write_text(json.dumps(content))

    def collect(self, ending: Ending) -> None:
        """Store checkpoints and output data always, the model unless the job failed; read the metrics."""
        definitions = self.request["AlgorithmSpecification"].get("MetricDefinitions", [])
        self.metrics = final_metrics(self.folder / "log", definitions)
        if "CheckpointConfig" in self.request:
            for host in self.hosts:
                # What a host left as it was fetched may be older than what another host has written. As on AWS, what a
                # host has removed stays in S3.
                uri = self.request["CheckpointConfig"]["S3Uri"]
                self.storage.upload_folder(self._checkpoints(host), uri, self._fetched)
        self._store("output", [host.base / "output" / "data" for host in self.hosts])
        if ending is not Ending.FAILED:
            self._store("model", [host.base / "model" for host in self.hosts], even_empty=True)

    def own_words(self) -> str | None:
        """What the program wrote to `/opt/ml/output/failure`."""
        return read_words(host.base / "output" / "failure" for host in self.hosts)

    def describe(self) -> Json:
        """The answer of DescribeTrainingJob."""
        answer = {key: value for key, value in self.request.items() if key not in _NOT_DESCRIBED}
        # AWS answers with the key's name even where there is none; the SDK's Estimator.attach relies on it.
        answer["OutputDataConfig"] = {"KmsKeyId": "", **self.request["OutputDataConfig"]}
        answer |= self.summary()
        answer |= {"SecondaryStatusTransitions": self._transitions()}
        if self.started is not None:
            answer["TrainingStartTime"] = self.started
        if self.failure_reason is not None:
            answer["FailureReason"] = self.failure_reason
        if not self.running:
            seconds = math.ceil((self.ended or 0) - (self.started or self.ended or 0))
            answer |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": max(1, seconds)}
            answer |= {"FinalMetricDataList": self.metrics}
            answer |= {"ModelArtifacts": {"S3ModelArtifacts": f"{self.output_uri}/model.tar.gz"}}
        return answer

    def summary(self) -> Json:
        """The job's line in ListTrainingJobs."""
        line: Json = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.phases[-1][0] if self.phases else "Starting",
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        return line if self.ended is None else {**line, "TrainingEndTime": self.ended}

    def _config(self, host: Host) -> Json:
        """The files of `/opt/ml/input/config`."""
        channels = {
            channel["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": "None",
                **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
            }
            for channel in self.request.get("InputDataConfig", [])
        }
        return {
            "hyperparameters": self.request.get("HyperParameters", {}),
            "inputdataconfig": channels,
            "resourceconfig": {
                "current_host": host.name,
                "hosts": [each.name for each in self.hosts],
                "network_interface_name": "lo",
            },
        }

    def _checkpoints(self, host: Host) -> Path:
        path = self.request.get("CheckpointConfig", {}).get("LocalPath", "/opt/ml/checkpoints")
        return Path(rewrite(path, host.base))

    def _fetch_checkpoints(self, host: Host) -> None:
        """Checkpoints of an earlier run, if there are any: a first run finds none."""
        root = self.request["CheckpointConfig"]["S3Uri"].rstrip("/") + "/"
        if self.storage.exists(root):
            self.storage.download_prefix(root, self._checkpoints(host))
            self._fetched |= file_states(self._checkpoints(host))

    def _store(self, name: str, folders: list[Path], *, even_empty: bool = False) -> None:
        archive = self.folder / f"{name}.tar.gz"
        if pack(folders, archive) or even_empty:
            self.storage.upload_file(archive, f"{self.output_uri}/{name}.tar.gz")
        archive.unlink()

    def _transitions(self) -> list[Json]:
        """SecondaryStatusTransitions: each phase with its start and, once it is over, its end."""
        phases = list(self.phases)  # the job's own thread may add one meanwhile
        ends: list[float | None] = [start for _, start in phases[1:]]
        ends.append(self.ended)
        return [
            {
                "Status": phase,
                "StartTime": start,
                "StatusMessage": _PHASE_MESSAGES[phase],
                **({} if end is None else {"EndTime": end}),
            }
            for (phase, start), end in zip(phases, ends, strict=True)
        ]


def _check(request: Json) -> None:
    """Refuse what only AWS can do, and what the model leaves optional but a job cannot do without."""
    algorithm = request.get("AlgorithmSpecification", {})
    if "TrainingImage" not in algorithm:
        raise unsupported("a training job without AlgorithmSpecification.TrainingImage")
    for field in ("OutputDataConfig", "ResourceConfig"):
        if field not in request:
            raise invalid(f"A training job needs {field}.")
    if "LocalPath" in request.get("CheckpointConfig", {}):
        check_path(request["CheckpointConfig"]["LocalPath"], "CheckpointConfig")
    mode = algorithm.get("TrainingInputMode", "File")
    for channel in request.get("InputDataConfig", []):
        _check_channel(channel, mode)
    for definition in algorithm.get("MetricDefinitions", []):
        try:
            pattern = re.compile(definition["Regex"])
        except re.error as error:
            raise invalid(f"The Regex of metric '{definition['Name']}' is not one: {error}.") from error
        if pattern.groups < 1:
            raise invalid(f"The Regex of metric '{definition['Name']}' needs a group: (...) around the number.")


def _check_channel(channel: Json, default_mode: str) -> None:
    name = channel["ChannelName"]
    if not name.strip("."):
        raise invalid(f"'{name}' cannot be the name of a channel: it is also its folder's.")
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise unsupported(f"the data source of channel '{name}'; use an S3Prefix or a ManifestFile")
    if channel.get("InputMode", default_mode) == "Pipe":
        raise unsupported(f"input mode Pipe (channel '{name}'); use File or FastFile")
    if channel.get("CompressionType", "None") != "None":
        raise unsupported(f"CompressionType {channel['CompressionType']} (channel '{name}'); use None")
