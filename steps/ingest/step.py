"""Declares the ingest step: images to shards, spread over as many instances as asked for."""

from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.steps import ProcessingStep

from steps.declaration import Machine, StepContext, processing_step, to_arguments
from steps.ingest.settings import IngestSettings


def ingest_step(
    context: StepContext, settings: IngestSettings, machine: Machine, catalog: PipelineVariable
) -> ProcessingStep:
    """Pack the catalogued images; the outputs are `train`, `validation`, `test` and `report`."""
    return processing_step(
        context,
        "ingest",
        machine,
        arguments=to_arguments(settings),
        inputs={"catalog": catalog},
        outputs=["train", "validation", "test", "report"],
    )
