"""Processing jobs: S3 inputs at the paths the request names, an entry point, outputs back to S3.

The container contract is AWS's "How Amazon SageMaker AI Processing configures your processing container".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from pipelines.local.aws import Json, invalid, present
from pipelines.local.jobs.containers import rewrite
from pipelines.local.jobs.fleet import Ending, Host, Surroundings
from pipelines.local.jobs.inputs import fetch
from pipelines.local.jobs.job import check_path, check_unique, unsupported
from pipelines.local.jobs.process import Program
from pipelines.local.jobs.program_job import ProgramJob
from pipelines.local.jobs.uploads import Mirror
from pipelines.local.jobs.words import read_words

_CONFIG_FIELDS = (
    "ProcessingJobName",
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
)


class ProcessingJob(ProgramJob):
    """A processing job."""

    kind: ClassVar[str] = "processing"
    event: ClassVar[str] = "SageMaker Processing Job State Change"
    log_group: ClassVar[str] = "/aws/sagemaker/ProcessingJobs"

    def __init__(self, request: Json, surroundings: Surroundings) -> None:
        _check(request)
        super().__init__(request, surroundings)
        request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": self.limit_seconds})
        self.exit_message: str | None = None

    @staticmethod
    def instance_count(request: Json) -> int:
        """How many hosts the request asks for."""
        count: int = request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        return count

    @staticmethod
    def image(request: Json) -> str:
        """The container image of the request."""
        image: str = request["AppSpecification"]["ImageUri"]
        return image

    def program(self) -> Program:
        """The entry point and its arguments."""
        application = self.request["AppSpecification"]
        command = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
        return Program(command, self.request.get("Environment", {}))

    def prepare(self, host: Host) -> None:
        """Fetch the inputs of a host, make its output folders, write its configuration."""
        for item in self.request.get("ProcessingInputs", []):
            if not item.get("AppManaged"):
                source = item["S3Input"]
                fetch(self.storage, source, Path(rewrite(source["LocalPath"], host.base)), host.shard)
        for output in self._outputs():
            folder = Path(rewrite(output["LocalPath"], host.base))
            folder.mkdir(parents=True, exist_ok=True)
            if output["S3UploadMode"] == "Continuous":
                self.mirrors.append(Mirror(self.results, folder, output["S3Uri"]))
        (host.base / "output").mkdir(exist_ok=True)
        config = {key: self.request[key] for key in _CONFIG_FIELDS if key in self.request}
        hosts = [each.name for each in self.hosts]
        folder = host.base / "config"
        folder.mkdir()
        (folder / "processingjobconfig.json").write_text(json.dumps({"ProcessingJobArn": self.arn, **config}))
        (folder / "resourceconfig.json").write_text(json.dumps({"current_host": host.name, "hosts": hosts}))

    def collect(self, ending: Ending) -> None:
        """Read the exit message; store the outputs unless the job failed."""
        self.exit_message = read_words(host.base / "output" / "message" for host in self.hosts)
        if ending is Ending.FAILED:
            return
        for host in self.hosts:
            for output in self._outputs():
                if output["S3UploadMode"] == "EndOfJob":
                    self.results.upload_folder(Path(rewrite(output["LocalPath"], host.base)), output["S3Uri"])

    def own_words(self) -> str | None:
        """What the program wrote to `/opt/ml/output/message`, or to the failure file of training jobs."""
        names = ("message", "failure")
        return read_words(host.base / "output" / name for host in self.hosts for name in names)

    def describe(self) -> Json:
        """The answer of DescribeProcessingJob."""
        fields = {key: value for key, value in self.request.items() if key != "Tags"}
        return {**fields, **self.summary(), **present({"ProcessingStartTime": self.started})}

    def summary(self) -> Json:
        """The job's line in ListProcessingJobs."""
        return {
            "ProcessingJobName": self.name,
            "ProcessingJobArn": self.arn,
            "ProcessingJobStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **present(
                {
                    "ProcessingEndTime": self.ended,
                    "FailureReason": self.failure_reason,
                    "ExitMessage": self.exit_message,
                }
            ),
        }

    def _outputs(self) -> list[Json]:
        outputs = self.request.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [output["S3Output"] for output in outputs if not output.get("AppManaged")]


def _check(request: Json) -> None:
    """Refuse what only AWS can do, and what the model leaves optional but a job cannot do without."""
    if not request["AppSpecification"].get("ContainerEntrypoint"):
        raise invalid("AppSpecification.ContainerEntrypoint is needed: images are not run, so they bring none.")
    if "InstancePreferences" in request["ProcessingResources"]["ClusterConfig"]:
        raise unsupported("InstancePreferences; give an InstanceType and an InstanceCount")
    inputs = request.get("ProcessingInputs", [])
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    check_unique((item["InputName"] for item in inputs), "ProcessingInputs")
    check_unique((output["OutputName"] for output in outputs), "outputs of processing")
    for item in inputs:
        if not item.get("AppManaged"):
            _check_input(item)
    for output in outputs:
        name, target = output["OutputName"], output.get("S3Output")
        if "FeatureStoreOutput" in output:
            raise unsupported(f"a FeatureStoreOutput (output '{name}'); give it an S3Output")
        if output.get("AppManaged"):
            continue
        if target is None or "LocalPath" not in target:
            raise invalid(f"The output '{name}' needs an S3Output with a LocalPath, as it is not AppManaged.")
        check_path(target["LocalPath"], f"output '{name}'")


def _check_input(item: Json) -> None:
    name, source = item["InputName"], item.get("S3Input")
    if source is None:
        raise unsupported(f"a DatasetDefinition (input '{name}'); give it an S3Input")
    if "LocalPath" not in source:
        raise invalid(f"The input '{name}' needs a LocalPath, as it is not AppManaged.")
    if source.get("S3InputMode", "File") != "File":
        raise unsupported(f"S3InputMode {source['S3InputMode']} (input '{name}'); use File")
    if source.get("S3CompressionType", "None") != "None":
        raise invalid(f"S3CompressionType {source['S3CompressionType']} of input '{name}' needs S3InputMode Pipe.")
    check_path(source["LocalPath"], f"input '{name}'")
