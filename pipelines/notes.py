"""What one line can say of a step: what came of it, or how far it is."""

from typing import Any

from botocore.exceptions import ClientError

from pipelines.target import Target

LOG_GROUPS = {
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "TransformJob": "/aws/sagemaker/TransformJobs",
}
ENDED_TRIALS = ("Completed", "Stopped", "NonRetryableError")


def note_on(target: Target, described: Any) -> str:
    """What to say of a step.

    Args:
        target: where it runs.
        described: its line in ListPipelineExecutionSteps.
    """
    metadata = described.get("Metadata", {})
    if "FailureReason" in described:
        return _exit_message(target, metadata) or str(described["FailureReason"])
    if "Condition" in metadata:
        return f"the conditions are {metadata['Condition'].get('Outcome', 'not evaluated yet')}"
    if "RegisterModel" in metadata:
        return str(metadata["RegisterModel"]["Arn"])
    if "Lambda" in metadata:
        told = {each["Name"]: each["Value"] for each in metadata["Lambda"].get("OutputParameters", [])}
        return str(told.get("Message", ""))
    if "CacheHitResult" in described:
        return "reused from an earlier execution"
    if "TuningJob" in metadata:
        return _search(target, metadata["TuningJob"]["Arn"].rsplit("/", 1)[-1])
    for kind, group in LOG_GROUPS.items():
        # The server of a transform job logs requests for machines to read.
        if kind in metadata and kind != "TransformJob":
            return _last_log_line(target, group, metadata[kind]["Arn"].rsplit("/", 1)[-1])
    return ""


def made_by(described: Any) -> str:
    """ARN of the job or model package that a step made; empty where there is none."""
    arns = [found["Arn"] for found in described.get("Metadata", {}).values() if "Arn" in found]
    return str(arns[0]) if arns else ""


def _search(target: Target, tuning_job: str) -> str:
    """How far a search is, and the best values so far."""
    job: Any = target.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
    counted = job["TrainingJobStatusCounters"]
    ended = sum(counted.get(status, 0) for status in ENDED_TRIALS)
    most = job["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs", ended)
    text = f"{ended} of {most} trials"
    # Who stops a search stops its trials; one that goes on, or ends by itself, has stopped them early.
    stopped = "stopped" if job["HyperParameterTuningJobStatus"] in ("Stopping", "Stopped") else "stopped early"
    for status, word in (("NonRetryableError", "failed"), ("Stopped", stopped)):
        if counted.get(status):
            text += f", {counted[status]} {word}"
    best = job.get("BestTrainingJob")
    if best is None or "FinalHyperParameterTuningJobObjectiveMetric" not in best:
        return text
    metric = best["FinalHyperParameterTuningJobObjectiveMetric"]
    values = " ".join(f"{name}={_short(value)}" for name, value in sorted(best["TunedHyperParameters"].items()))
    return f"{text}; best {metric['MetricName']} {metric['Value']:.4g} with {values}"


def _short(value: str) -> str:
    """A number with as many digits as tell something; another text as it is."""
    try:
        return f"{float(value):.3g}" if "." in value or "e" in value else value
    except ValueError:
        return value


def _exit_message(target: Target, metadata: Any) -> str:
    """What a processing job's program wrote of its failure; AWS keeps that apart from the failure reason."""
    if "ProcessingJob" not in metadata:
        return ""
    job = target.sagemaker.describe_processing_job(
        ProcessingJobName=metadata["ProcessingJob"]["Arn"].rsplit("/", 1)[-1]
    )
    return job.get("ExitMessage", "")


def _last_log_line(target: Target, group: str, job: str) -> str:
    """The newest line of the job's log; empty while there is none, or when logs may not be read."""
    try:
        streams = target.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/", limit=1)
        if not streams["logStreams"]:
            return ""
        name = streams["logStreams"][0]["logStreamName"]
        events = target.logs.get_log_events(logGroupName=group, logStreamName=name, limit=1, startFromHead=False)
    except ClientError:
        return ""
    return events["events"][-1]["message"].strip() if events["events"] else ""
