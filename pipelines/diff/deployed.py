"""The pipeline as it is deployed, and how what is compiled now differs from it."""

import json
from dataclasses import dataclass
from typing import Any

from pipelines.config import Config
from pipelines.diff.compare import differences
from pipelines.diff.leaves import Change, same
from pipelines.diff.wording import told
from pipelines.target import Target


@dataclass(frozen=True)
class Deployed:
    """What DescribePipeline answers of a pipeline.

    Attributes:
        arn: the pipeline's ARN.
        definition: its latest definition.
        role: ARN of the role that executions take.
        description: shown beside its name.
    """

    arn: str
    definition: dict[str, Any]
    role: str
    description: str


def read_deployed(target: Target, name: str) -> Deployed | None:
    """The deployed pipeline of that name; None when there is none."""
    try:
        described = target.sagemaker.describe_pipeline(PipelineName=name)
    except target.sagemaker.exceptions.ResourceNotFound:
        return None
    return Deployed(
        arn=described["PipelineArn"],
        definition=json.loads(described["PipelineDefinition"]),
        role=described["RoleArn"],
        description=described.get("PipelineDescription", ""),
    )


def upsert_changes(deployed: Deployed, config: Config, definition: str) -> list[str]:
    """What an upsert would change of the deployed pipeline, a sentence for each; none when nothing would change.

    Args:
        deployed: as it is.
        config: the configuration, placed in the target.
        definition: what `compile_definition` made of it.
    """
    about = (("the role", deployed.role, config.role), ("the description", deployed.description, config.description))
    return [
        *(told(f"{what} of the pipeline", Change((), old, new)) for what, old, new in about if not same(old, new)),
        *differences(deployed.definition, json.loads(definition)),
    ]
