"""Declares the explore step: the data report, made beside training; no step waits for it."""

from collections.abc import Mapping

from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.steps import ProcessingStep

from steps.declaration import Machine, StepContext, processing_step, to_arguments
from steps.explore.settings import ExploreSettings


def explore_step(
    context: StepContext,
    settings: ExploreSettings,
    machine: Machine,
    catalog: PipelineVariable,
    ingested: Mapping[str, PipelineVariable],
) -> ProcessingStep:
    """Describe the catalog and what was `ingested`: `train`, `validation`, `test`, `report`; the output is `explore`.

    The container keeps its network: the sizes of original images are read where the catalog found them.
    """
    return processing_step(
        context,
        "explore",
        machine,
        arguments=to_arguments(settings),
        inputs={"catalog": catalog, **ingested},
        outputs=["explore"],
    )
