"""The whole pipeline, every step's real code in its own process, on few and small photos."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipelines import operations, results
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.demo.photos import simulated_photos, transfer_progress
from pipelines.progress import Progress, watch
from pipelines.target import Target
from steps.tune.settings import TuneSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PHOTOS = 150
AWS_CLI = Path(sys.executable).with_name("aws")


@dataclass(frozen=True)
class Runs:
    """Two executions of one pipeline, started together: one has a gate that all pass, one a gate that none can."""

    config: Config
    lenient: Progress
    strict: Progress


@pytest.fixture(scope="module")
def bins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with transfer_progress() as progress:
        return simulated_photos(tmp_path_factory.mktemp("photos"), PHOTOS, progress).folder


@pytest.fixture(scope="module")
def runs(target: Target, bins: Path, stacked: Callable[[Config], Config]) -> Runs:
    preset = load_preset("demo")
    small = {
        "ingest": preset.ingest.model_copy(update={"size": 32}),
        "train": preset.train.model_copy(update={"epochs": 1}),
        "tune": TuneSettings(
            jobs=2,
            parallel_jobs=2,
            trial_epochs=1,
            learning_rate=(1e-4, 1e-2),
            batch_size=(16, 32),
            early_stopping=False,
        ),
    }
    config = stacked(preset.model_copy(update=small))
    operations.upsert(target, config, compile_definition(config, target.region), lambda _: None)
    for file in bins.rglob("*.*"):
        target.s3.upload_file(str(file), config.bucket, f"bins/{file.relative_to(bins).as_posix()}")
    source = {"SourceUri": f"s3://{config.bucket}/bins"}
    strict = operations.start(target, config.name, {**source, "MinimumAccuracy": "0.999", "MaximumRmse": "0.001"})
    lenient = operations.start(target, config.name, {**source, "MinimumAccuracy": "0", "MaximumRmse": "9"})
    console = Console(quiet=True)
    return Runs(config, watch(target, lenient, console), watch(target, strict, console))


def test_a_model_that_passes_the_gate_is_registered_and_waits_for_approval(target: Target, runs: Runs) -> None:
    assert runs.lenient.status == "Succeeded", runs.lenient.reason
    names = [step.name for step in runs.lenient.steps]
    expected = ["Catalog", "Ingest", "Explore", "Tune", "Train", "Evaluate", "QualityGate", "Register-RegisterModel"]
    assert names == [*expected, "Deploy"]
    assert runs.lenient.steps[-1].note == f"version 1 of {runs.config.register_.group} is waiting for approval"
    (model,) = operations.list_models(target, runs.config.register_.group)
    assert (model.version, model.status) == (1, "PendingManualApproval")
    assert model.accuracy is not None
    assert 0 <= model.accuracy <= 1


def test_a_model_that_fails_the_gate_ends_the_execution_with_its_numbers(target: Target, runs: Runs) -> None:
    assert runs.strict.status == "Failed"
    assert [step.name for step in runs.strict.steps][-2:] == ["QualityGate", "QualityTooLow"]
    figures = evaluation(target, runs.strict.arn)
    for number in (
        figures["multiclass_classification_metrics"]["accuracy"]["value"],
        figures["regression_metrics"]["rmse"]["value"],
        "at least 0.999",
        "at most 0.001",
    ):
        assert str(number) in runs.strict.reason


def test_every_photo_is_scored_packed_or_accounted_for(target: Target, runs: Runs) -> None:
    catalog = results.processing_output(target, runs.lenient.arn, "Catalog", "catalog")
    summary = results.read_json(target, f"{catalog}/catalog.json")
    assert summary["found"] == PHOTOS
    assert (summary["left_out"], summary["quarantined"]) == (0, 0)
    assert evaluation(target, runs.lenient.arn)["detail"]["images"] == sum(summary["images"]["test"])


def test_the_package_points_at_its_artifact_image_and_metrics(target: Target, runs: Runs) -> None:
    (model,) = operations.list_models(target, runs.config.register_.group)
    package = target.sagemaker.describe_model_package(ModelPackageName=model.arn)
    container = package["InferenceSpecification"]["Containers"][0]
    assert container["Image"] == runs.config.images.serving
    assert len(results.download(target, container["ModelDataUrl"])) > 1_000_000
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert results.read_json(target, statistics) == evaluation(target, runs.lenient.arn)


def test_training_metrics_reach_the_job_as_its_metric_definitions_say(target: Target, runs: Runs) -> None:
    job = target.sagemaker.describe_training_job(TrainingJobName=training_job(target, runs.lenient.arn))
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert set(metrics) == {definition["Name"] for definition in job["AlgorithmSpecification"]["MetricDefinitions"]}
    assert metrics["train:images_per_second"] > 0


def test_training_takes_the_values_that_did_best_in_the_trials(target: Target, runs: Runs) -> None:
    searched = runs.lenient.step("Tune")
    assert searched
    tuning = target.sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=searched.made.rsplit("/", 1)[-1]
    )
    job = target.sagemaker.describe_training_job(TrainingJobName=training_job(target, runs.lenient.arn))
    best = tuning["BestTrainingJob"]["TunedHyperParameters"]
    assert set(best) == {"learning_rate", "batch_size"}
    assert best.items() <= job["HyperParameters"].items()
    assert searched.note.startswith("2 of 2 trials; best validation:rmse ")
    assert f"batch_size={best['batch_size']}" in searched.note


def test_the_aws_cli_in_another_process_lists_steps_describes_the_job_and_downloads_the_report(
    target: Target, runs: Runs, environment: dict[str, str], tmp_path: Path
) -> None:
    def aws(*arguments: str) -> str:
        done = subprocess.run([AWS_CLI, *arguments], capture_output=True, text=True, env=environment, check=True)
        return done.stdout

    listed = json.loads(
        aws(
            "sagemaker",
            "list-pipeline-execution-steps",
            "--pipeline-execution-arn",
            runs.lenient.arn,
            "--output",
            "json",
        )
    )
    assert {step["StepStatus"] for step in listed["PipelineExecutionSteps"]} == {"Succeeded"}
    name = training_job(target, runs.lenient.arn)
    described = json.loads(aws("sagemaker", "describe-training-job", "--training-job-name", name, "--output", "json"))
    assert described["TrainingJobStatus"] == "Completed"
    report = results.processing_output(target, runs.lenient.arn, "Evaluate", "evaluation") + "/report.html"
    aws("s3", "cp", report, str(tmp_path / "report.html"))
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_execution_after_an_approval_is_compared_with_the_approved_model(target: Target, runs: Runs) -> None:
    """The same photos and settings give the same model as the approved one: nothing gained, nothing lost."""
    approved = operations.decide(target, runs.config.register_.group, 1, "Approved", "")
    source = {"SourceUri": f"s3://{runs.config.bucket}/bins"}
    strict = {**source, "MinimumAccuracy": "0.999", "MaximumRmse": "0.001"}
    again = watch(target, operations.start(target, runs.config.name, strict), Console(quiet=True))
    champion = evaluation(target, again.arn)["detail"]["champion"]
    assert (champion["package"], champion["version"], champion["not_worse"]) == (approved.arn, 1, 1)
    assert champion["accuracy"] == pytest.approx(approved.accuracy, abs=1e-6)
    assert champion["accuracy_difference"]["value"] == 0
    assert evaluation(target, runs.lenient.arn)["detail"]["champion"]["version"] is None


@pytest.mark.timeout(1200)
def test_models_of_two_executions_take_turns_at_the_endpoint_under_load_without_a_failed_request(
    target: Target,
    runs: Runs,
    bins: Path,
    environment: dict[str, str],
    command: Callable[..., str],
    until_live: Callable[[Config, int], None],
    load_of: Callable[[str, Path], Any],
) -> None:
    """Approved by the command line, answered, updated, rejected by boto3 in another process, and back."""
    config = runs.config
    photo = min((bins / "bin-images").glob("*.jpg"))
    longer = config.model_copy(update={"train": config.train.model_copy(update={"epochs": 2})})
    operations.upsert(target, longer, compile_definition(longer, target.region), lambda _: None)
    parameters = {"SourceUri": f"s3://{config.bucket}/bins", "MinimumAccuracy": "0", "MaximumRmse": "9"}
    ended = watch(target, operations.start(target, config.name, parameters), Console(quiet=True))
    assert ended.status == "Succeeded", ended.reason
    second = operations.list_models(target, config.register_.group)[0]
    command("approve", "1")
    until_live(config, 1)
    before = command("invoke", str(photo))
    with load_of(config.name, photo) as load:
        assert f"version {second.version} is Approved" in command("approve")
        until_live(config, second.version)
        after = command("invoke", str(photo), "--expect", "2")
        reject = "import boto3, sys; boto3.client('sagemaker').update_model_package("
        reject += "ModelPackageArn=sys.argv[1], ModelApprovalStatus='Rejected')"
        subprocess.run([sys.executable, "-c", reject, second.arn], env=environment, check=True, timeout=120)
        until_live(config, 1)
    assert load.failures == []
    assert command("invoke", str(photo)) == before != after.splitlines()[0] + "\n"
    assert "probability of 2" in after
    assert len(set(load.answers)) == 2
    assert "removed the endpoint bin-counter-demo" in command("teardown")


@pytest.mark.timeout(1200)
def test_the_tour_on_photos_of_a_folder_is_judged_by_the_published_figures(bins: Path, tmp_path: Path) -> None:
    """`make demo DATA=...`: with a handful of photos the challenge's accuracy is out of reach, and the tour says so."""
    command = [sys.executable, "-m", "pipelines", "demo", "--data", str(bins), "--images", "120"]
    command += ["--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1000, env=without_aws())
    assert done.returncode == 0, done.stderr
    assert "120 real bin photos" in done.stdout
    assert "Gate      refused; the execution ended as Failed" in done.stdout
    assert "(at least 0.5567 is required)" in done.stdout
    assert "(at most 0.93 is allowed)" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "explore.html").stat().st_size > 10_000
    assert (tmp_path / "training.html").stat().st_size > 10_000
    assert json.loads((tmp_path / "evaluation.json").read_text())["detail"]["images"] > 0


@pytest.mark.timeout(2400)
def test_the_tour_on_simulated_bins_registers_a_model(tmp_path: Path) -> None:
    """`make demo` as it is: the gate is passed honestly, and above what guessing gives."""
    command = [sys.executable, "-m", "pipelines", "demo", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, env=without_aws())
    assert done.returncode == 0, done.stderr
    assert "Gate      passed" in done.stdout
    assert "version 1, PendingManualApproval" in done.stdout
    evaluation = json.loads((tmp_path / "evaluation.json").read_text())
    baseline, gate = evaluation["detail"]["baseline"], load_preset("demo").gate
    assert gate.minimum_accuracy > baseline["accuracy"] + 0.1
    assert gate.maximum_rmse < baseline["counting"]["best_constant_rmse"]


def without_aws() -> dict[str, str]:
    """The tour then runs on an embedded SageMaker of its own, whatever the other tests here use."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def evaluation(target: Target, execution: str) -> dict[str, Any]:
    folder = results.processing_output(target, execution, "Evaluate", "evaluation")
    return results.read_json(target, f"{folder}/evaluation.json")


def training_job(target: Target, execution: str) -> str:
    steps = target.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)["PipelineExecutionSteps"]
    arn = next(step["Metadata"]["TrainingJob"]["Arn"] for step in steps if step["StepName"] == "Train")
    return arn.rsplit("/", 1)[-1]
