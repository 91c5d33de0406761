"""Which container images a preset names."""

from pydantic import Field

from pipelines.section import Section


class ImagesConfig(Section):
    """Container images; `{images.serving}` is what containers/images.lock names, or the tag `latest`, in ECR."""

    processing: str = Field("{images.processing}", description="image of catalog, ingest, explore and evaluate")
    training: str = Field("{images.training}", description="image of train, and of tune's trials")
    serving: str = Field("{images.serving}", description="image that answers for a registered model")
