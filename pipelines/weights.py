"""Put torchvision's ImageNet weights into the bucket: training is cut off the internet and starts from them there."""

from typing import get_args

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.operations import Report
from pipelines.surroundings import require_bucket
from pipelines.target import Target
from steps.train.settings import Architecture

PUBLISHED = tuple(name for name in get_args(Architecture) if name != "baseline")
"""Architectures that torchvision has weights for."""


def put_weights(target: Target, config: Config, architecture: str, report: Report) -> str:
    """Fetch the default weights of `architecture` and put them into the preset's bucket; return their S3 folder.

    PyTorch keeps the download in its own cache (`TORCH_HOME`) and takes it from there the next time.

    Args:
        target: where to.
        config: a configuration placed in the target; its stack has made the bucket.
        architecture: one of `PUBLISHED`.
        report: told in a line what is done.

    Raises:
        PipelineError: the architecture has no weights, the bucket is missing, torchvision is not installed, or they
            cannot be fetched.
    """
    if architecture not in PUBLISHED:
        raise PipelineError(f"{architecture!r} has no published weights; those are of {', '.join(PUBLISHED)}")
    require_bucket(target, config)
    content = _fetch(architecture)
    folder = f"weights/{architecture}"
    target.s3.put_object(Bucket=config.bucket, Key=f"{folder}/model.safetensors", Body=content)
    report(f"put {len(content) / 1e6:.1f} MB to s3://{config.bucket}/{folder}/model.safetensors")
    report(f'to start from them, write into the preset: initial_weights = "s3://{{bucket}}/{folder}"')
    return f"s3://{config.bucket}/{folder}"


def _fetch(architecture: str) -> bytes:
    """The weights in the format safetensors."""
    try:
        # Hundreds of megabytes that an operator on AWS need not have; only this verb wants them.
        from safetensors.torch import save
        from torchvision.models import get_model_weights
    except ImportError as error:
        raise PipelineError(
            f"fetching weights needs torchvision and safetensors ({error}): install the extra `training`"
        ) from None
    published = get_model_weights(architecture).DEFAULT
    try:
        # The published file is a pickle; only tensors are read from it, and its name tells the hash it must have.
        state = published.get_state_dict(check_hash=True, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError) as error:
        raise PipelineError(
            f"{published.url} cannot be fetched ({error}): run this where there is internet, or put any file of such "
            "weights, *.safetensors or *.pth, into a folder of the bucket and name that as initial_weights"
        ) from None
    return save({name: tensor.contiguous() for name, tensor in state.items()})
