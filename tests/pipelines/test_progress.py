import io
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from pipelines.notes import note_on
from pipelines.progress import StepProgress, as_table, read_progress
from pipelines.target import Target

STEPS = [
    StepProgress("Catalog", "Succeeded", 2.2, "found 300 images"),
    StepProgress("Register-RegisterModel", "Executing", 61.0, ""),
    StepProgress("QualityTooLow", "Failed", 0.1, "accuracy is [0.1] " + "of what was asked " * 30 + "\nsecond line"),
]


@pytest.mark.parametrize("width", [80, 150])
def test_a_long_reason_leaves_names_statuses_and_seconds_readable(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(as_table(STEPS))
    header, *rows = captured.get().splitlines()
    assert header.split()[:3] == ["step", "status", "seconds"]
    assert [row.split()[:3] for row in rows] == [
        ["Catalog", "Succeeded", "2"],
        ["Register-RegisterModel", "Executing", "61"],
        ["QualityTooLow", "Failed", "0"],
    ]
    assert "accuracy is [0.1] of" in rows[2]
    assert all(len(row.rstrip()) <= width for row in rows)


def test_a_failed_execution_is_explained_by_its_steps_where_aws_says_no_more_than_that_one_failed() -> None:
    """Answers as AWS gives them: what a processing job wrote of its failure is in the job's ExitMessage alone."""
    target = Target("111122223333", "eu-west-1", "aws", client("sagemaker"), client("s3"), client("logs"))
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/p/execution/abcdef"
    job = "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/pipelines-abcdef-Catalog-x"
    step = {
        "StepName": "Catalog",
        "StepStatus": "Failed",
        "StartTime": datetime(2026, 1, 1, tzinfo=UTC),
        "EndTime": datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
        "FailureReason": "AlgorithmError: See job logs for more information",
        "Metadata": {"ProcessingJob": {"Arn": job}},
    }
    described: dict[str, Any] = {
        "ProcessingJobName": "pipelines-abcdef-Catalog-x",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingJobArn": job,
        "ProcessingJobStatus": "Failed",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "ExitMessage": "s3://mine/photos is empty or does not exist",
    }
    with Stubber(target.sagemaker) as sagemaker:
        sagemaker.add_response(
            "describe_pipeline_execution",
            {
                "PipelineExecutionStatus": "Failed",
                "FailureReason": "Step failure: One or multiple steps failed.",
            },
        )
        sagemaker.add_response("list_pipeline_execution_steps", {"PipelineExecutionSteps": [step]})
        sagemaker.add_response("describe_processing_job", described)
        progress = read_progress(target, arn)
    assert progress.reason == "step Catalog failed: s3://mine/photos is empty or does not exist"


@pytest.mark.parametrize(
    ("status", "best", "counters", "note"),
    [
        ("InProgress", None, {"InProgress": 2}, "0 of 9 trials"),
        ("Stopping", None, {"InProgress": 1, "Stopped": 1}, "1 of 9 trials, 1 stopped"),
        ("Stopped", None, {"Stopped": 2}, "2 of 9 trials, 2 stopped"),
        (
            "InProgress",
            {"learning_rate": "0.0012345678", "batch_size": "64"},
            {"Completed": 3, "InProgress": 1, "NonRetryableError": 1, "Stopped": 2},
            "6 of 9 trials, 1 failed, 2 stopped early; best validation:rmse 0.9988 "
            "with batch_size=64 learning_rate=0.00123",
        ),
    ],
)
def test_a_search_tells_how_many_trials_have_ended_and_the_best_values_so_far(
    status: str, best: dict[str, str] | None, counters: dict[str, int], note: str
) -> None:
    target = Target("111122223333", "eu-west-1", "aws", client("sagemaker"), client("s3"), client("logs"))
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:hyper-parameter-tuning-job/abcdef-Tune-x"
    described: dict[str, Any] = {
        "HyperParameterTuningJobName": "abcdef-Tune-x",
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3},
        },
        "HyperParameterTuningJobStatus": status,
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "TrainingJobStatusCounters": counters,
        "ObjectiveStatusCounters": {},
    }
    if best:
        described["BestTrainingJob"] = {
            "TrainingJobName": "abcdef-Tune-x-001-0",
            "TrainingJobArn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/abcdef-Tune-x-001-0",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": best,
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:rmse", "Value": 0.99876},
        }
    with Stubber(target.sagemaker) as sagemaker:
        sagemaker.add_response("describe_hyper_parameter_tuning_job", described)
        assert note_on(target, {"Metadata": {"TuningJob": {"Arn": arn}}}) == note


def test_nothing_is_told_of_a_transform_job_whose_log_is_of_requests() -> None:
    target = Target("111122223333", "eu-west-1", "aws", client("sagemaker"), client("s3"), client("logs"))
    job = "arn:aws:sagemaker:eu-west-1:111122223333:transform-job/pipelines-abcdef-Count-x"
    with Stubber(target.logs):  # which refuses whatever it is asked
        assert note_on(target, {"Metadata": {"TransformJob": {"Arn": job}}}) == ""


def client(service: str) -> Any:
    return boto3.client(service, region_name="eu-west-1", aws_access_key_id="any", aws_secret_access_key="any")
