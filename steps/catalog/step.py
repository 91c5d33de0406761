"""Declares the catalog step: labels of the whole dataset, read once, and the split fixed."""

from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.steps import ProcessingStep

from steps.catalog.settings import CatalogSettings
from steps.declaration import Machine, StepContext, processing_step, to_arguments


def catalog_step(
    context: StepContext,
    settings: CatalogSettings,
    machine: Machine,
    source: PipelineVariable,
    max_count: PipelineVariable,
) -> ProcessingStep:
    """Catalogue the images under `source` that hold at most `max_count` items; the output is `catalog`."""
    return processing_step(
        context,
        "catalog",
        machine,
        arguments=to_arguments(settings, source=source, max_count=max_count),
        inputs={},
        outputs=["catalog"],
    )
