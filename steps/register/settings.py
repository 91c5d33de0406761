"""What can be set of the register step."""

from typing import Literal

from pydantic import Field

from steps.contract import StepSettings

ApprovalStatus = Literal["PendingManualApproval", "Approved", "Rejected"]


class RegisterSettings(StepSettings):
    """How a model enters the registry."""

    group: str = Field("bin-counter", pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$", description="model package group")
    approval_status: ApprovalStatus = Field(
        "PendingManualApproval", description="status of a new package; pending leaves the decision to a person"
    )
    inference_instances: tuple[str, ...] = Field(
        ("ml.c7i.large", "ml.c7i.xlarge", "ml.m7i.large"),
        min_length=1,
        description="instance types the package may be deployed on",
    )
