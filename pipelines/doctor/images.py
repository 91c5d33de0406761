"""The container images: each is in the registry that its URI names."""

import re
from collections.abc import Iterator

from pipelines.config import Config
from pipelines.doctor.finding import Finding, ok, to_do
from pipelines.target import Target

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[a-z0-9._/-]+?)(?:@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[\w.-]+))?"
)


def check_images(target: Target, config: Config) -> Iterator[Finding]:
    """Each image of the preset is in ECR, in this region, by its tag or digest."""
    for kind, uri in sorted(config.images.model_dump().items()):
        yield _check_image(target, f"{kind} image", uri)


def _check_image(target: Target, about: str, uri: str) -> Finding:
    named = _ECR.fullmatch(uri)
    if named is None:
        return to_do(about, f"{uri} is not an image in ECR, which SageMaker takes images from: name one in the preset")
    if named["region"] != target.region:
        return to_do(
            about, f"{uri} lies in {named['region']}: SageMaker takes images from its own region, push it here"
        )
    registry = target.client("ecr")
    wanted = {"imageDigest": named["digest"]} if named["digest"] else {"imageTag": named["tag"] or "latest"}
    try:
        registry.describe_images(registryId=named["account"], repositoryName=named["repository"], imageIds=[wanted])
    except registry.exceptions.RepositoryNotFoundException:
        return to_do(
            about,
            f"there is no repository {named['repository']}: `make deploy-stack` creates it, then `make push-images`",
        )
    except registry.exceptions.ImageNotFoundException:
        return to_do(about, f"{uri} is not there: `make push-images` builds and pushes it")
    return ok(about, f"{uri} is there")
