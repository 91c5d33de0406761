"""An AWS Lambda function: starts an execution of the pipeline, unless one is running; a schedule calls it.

Its environment names the pipeline, RETRAIN_PIPELINE. Its event, `{"time": "2026-06-02T00:00:00Z"}`, tells when it was
due: Scheduler repeats a call that failed, and gives each attempt an execution id of its own, but the same time. Its
role may ListPipelineExecutions and StartPipelineExecution of that pipeline.
"""

import hashlib
import logging
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

VARIABLE = "RETRAIN_PIPELINE"
RUNNING = ("Executing", "Stopping")
MOST_LOOKED_AT = 100  # one page of the newest executions; what still runs behind a hundred later ones is no obstacle

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        State: started, or skipped.
        Message: the same in a sentence.
        PipelineExecutionArn: the execution that was started, or the one that is running.
    """

    State: str
    Message: str
    PipelineExecutionArn: str


def handler(event: Any, context: Any) -> dict[str, str]:
    """Lambda calls this; the answer holds State, Message and PipelineExecutionArn.

    Raises:
        KeyError: RETRAIN_PIPELINE is not set.
        ClientError: SageMaker refuses; the call is repeated, and ends among the dead letters.
    """
    _log.setLevel(logging.INFO)
    told = event.get("time") if isinstance(event, dict) else None
    outcome = retrain(boto3.client("sagemaker"), os.environ[VARIABLE], str(told or context.aws_request_id))
    _log.info("%s: %s", outcome.State, outcome.Message)
    return asdict(outcome)


def retrain(sagemaker: "SageMakerClient", pipeline: str, occasion: str) -> Outcome:
    """Start an execution for an occasion, once, unless another one is running.

    Args:
        sagemaker: the client.
        pipeline: name of the pipeline.
        occasion: what tells this call from others, and is the same when it is repeated.
    """
    name = "scheduled-" + re.sub(r"[^a-zA-Z0-9]+", "-", occasion).strip("-")[:64]
    recent = sagemaker.list_pipeline_executions(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=MOST_LOOKED_AT
    )["PipelineExecutionSummaries"]
    for known in recent:
        if known.get("PipelineExecutionDisplayName") == name:
            return _started(known["PipelineExecutionArn"], pipeline)
    for known in recent:
        if known["PipelineExecutionStatus"] in RUNNING:
            arn, status = known["PipelineExecutionArn"], known["PipelineExecutionStatus"]
            return Outcome("skipped", f"nothing was started, since {arn} is {status}", arn)
    started = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineExecutionDisplayName=name,
        PipelineExecutionDescription="Started by the schedule",
        ClientRequestToken=hashlib.sha256(f"{pipeline} {occasion}".encode()).hexdigest(),
    )
    return _started(started["PipelineExecutionArn"], pipeline)


def _started(arn: str, pipeline: str) -> Outcome:
    return Outcome("started", f"an execution of {pipeline} was started: {arn}", arn)
