"""The stack of a pipeline as it is now, and what its outputs say about where the pipeline is put."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipelines.config import Config
from pipelines.stack.settings import NetworkConfig

# What an update that went back leaves is whole, too; a creation that went back leaves nothing.
WHOLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
REVIEWED = "REVIEW_IN_PROGRESS"
"""Status of a stack of which there is a change set and nothing else."""


@dataclass(frozen=True)
class FoundStack:
    """A stack at one moment.

    Attributes:
        id: its ARN, by which it can be asked for when it is gone.
        status: StackStatus of CloudFormation's API.
        reason: of the status; empty where there is none.
        outputs: by name.
        parameters: by name.
    """

    id: str
    status: str
    reason: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def usable(self) -> bool:
        """Whether what it outputs is there; while an update is under way it is, too."""
        return self.status in WHOLE or self.status.startswith("UPDATE_")

    @property
    def under_way(self) -> bool:
        """Whether CloudFormation is changing it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != REVIEWED


def find_stack(cloudformation: Any, name_or_id: str) -> FoundStack | None:
    """The stack of a name; None where there is none."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=name_or_id)["Stacks"]
    except ClientError as error:
        refusal = error.response["Error"]
        if refusal.get("Code") == "ValidationError" and "does not exist" in refusal.get("Message", ""):
            return None
        raise
    return FoundStack(
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
        parameters={each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])},
    )


def place_in_stack(config: Config, outputs: Mapping[str, str]) -> Config:
    """`config` with what a stack has made in the place of what the preset says."""
    fields = {"bucket": "Bucket", "role": "PipelineRole", "jobs_role": "JobsRole", "kms_key": "KeyArn"}
    known: dict[str, Any] = {field: outputs[name] for field, name in fields.items() if name in outputs}
    if "Subnets" in outputs:
        known["network"] = NetworkConfig(
            subnets=tuple(outputs["Subnets"].split(",")), security_groups=tuple(outputs["SecurityGroups"].split(","))
        )
    if config.deploy and "DeployFunction" in outputs:
        known["deploy"] = config.deploy.model_copy(update={"function": outputs["DeployFunction"]})
    return config.model_copy(update=known)
