import hashlib
from typing import Any

import pytest

from pipelines.config import Config, ImagesConfig
from pipelines.doctor.images import check_images
from pipelines.target import Target

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def with_images(config: Config, processing: str) -> Config:
    images = ImagesConfig(processing=processing, training=f"{HOST}/there/image:1", serving=f"{HOST}/there/image:1")
    return config.model_copy(update={"images": images})


@pytest.fixture(scope="module")
def digest(target: Target) -> str:
    """Of the image `there/image:1`, in a repository of its own."""
    registry = target.client("ecr")
    registry.create_repository(repositoryName="there/image")
    answer = registry.put_image(
        repositoryName="there/image",
        imageTag="1",
        imageManifest='{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", '
        '"config": {"digest": "sha256:' + "0" * 64 + '"}, "layers": []}',
    )
    found: str = answer["image"]["imageId"]["imageDigest"]
    return found


def test_an_image_is_found_by_tag_and_by_digest(target: Target, config: Config, judged: Any, digest: str) -> None:
    for uri in (f"{HOST}/there/image:1", f"{HOST}/there/image@{digest}"):
        found = judged(check_images(target, with_images(config, uri)))
        assert [state for _, state, _ in found] == ["ok", "ok", "ok"]
        assert found[0][:1] == ("processing image",)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            f"{HOST}/never/made:1",
            "there is no repository never/made: `make deploy-stack` creates it, then `make push-images`",
        ),
        (f"{HOST}/there/image:2", "there/image:2 is not there: `make push-images` builds"),
        (f"{HOST}/there/image", "there/image is not there"),
        (
            f"{HOST}/there/image@sha256:{hashlib.sha256(b'other').hexdigest()}",
            "is not there: `make push-images` builds",
        ),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/there/image:1", "lies in eu-west-1: SageMaker takes images"),
        ("docker.io/library/python:3.11", "is not an image in ECR"),
    ],
)
def test_an_image_that_is_not_there_is_to_be_pushed(
    target: Target, config: Config, only_to_do: Any, digest: str, uri: str, told: str
) -> None:
    assert told in only_to_do(check_images(target, with_images(config, uri)))
