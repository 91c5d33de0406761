"""What a step is given when it is its turn, and how it ends."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

from pipelines.local.announcements import Announcements
from pipelines.local.aws import Json
from pipelines.local.connection import Connection
from pipelines.local.definitions.definition import Step
from pipelines.local.definitions.expressions import Scope
from pipelines.local.executions.records import Execution
from pipelines.local.executions.runs import StepRun
from pipelines.local.functions.service import Functions
from pipelines.local.hosting.service import Hosting
from pipelines.local.jobs.service import Jobs
from pipelines.local.recording import Recorder
from pipelines.local.tuning.service import TuningJobs

_SUFFIX = string.ascii_letters + string.digits


class StepStopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The step's job was stopped together with the execution."""


class StepFailed(Exception):  # noqa: N818 - AWS's word
    """The step failed; the message is its FailureReason."""


@dataclass(frozen=True)
class Services:
    """What steps work with."""

    jobs: Jobs
    tuning: TuningJobs
    functions: Functions
    hosting: Hosting
    connection: Connection
    announcements: Announcements
    recorder: Recorder


@dataclass(frozen=True)
class Turn:
    """One step's turn in one execution."""

    execution: Execution
    run: StepRun
    scope: Scope
    services: Services

    @property
    def step(self) -> Step:
        """The step whose turn it is."""
        return self.run.step

    def note(self, operation: str, request: Json, service: str = "sagemaker") -> None:
        """Have a call recorded that SageMaker makes for the step in the name of the execution's role."""
        self.services.recorder.note(self.execution.role_arn, service, operation, request)


def job_name(head: str, step: str, longest: int) -> str:
    """AWS's form: `<head>-<step>-<suffix>`, the step's name cut so that the whole fits."""
    suffix = "".join(secrets.choice(_SUFFIX) for _ in range(10))
    room = longest - len(head) - len(suffix) - 2
    return f"{head}-{step[:room].rstrip('-')}-{suffix}"
