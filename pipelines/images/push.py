"""Pushes images to ECR, and writes their digests where the presets find them."""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipelines.errors import PipelineError
from pipelines.images.engine import Engine
from pipelines.images.lock import LOCK, Locked, read_lock, registry_host, write_lock
from pipelines.images.recipe import Recipe
from pipelines.target import Target


def push_images(
    target: Target, recipes: Iterable[Recipe], engine: Engine, report: Callable[[str], None], lock: Path = LOCK
) -> None:
    """Push what the account's registry does not hold yet, and write the digest of every image into `lock`.

    A repository that is missing is made: ECR scans what comes into it for known vulnerabilities.

    Raises:
        PipelineError: an image cannot be pushed; those before it are in the registry and in `lock`.
    """
    ecr = target.client("ecr")
    registry = registry_host(target.account, target.region, target.partition)
    for recipe in recipes:
        _make_repository(ecr, recipe.repository, report)
        digest = _digest(ecr, recipe)
        if digest is None:
            engine.log_in(registry, *_credentials(ecr))
            engine.push(recipe.name, f"{registry}/{recipe.name}")
            digest = _digest(ecr, recipe)
            if digest is None:
                raise PipelineError(f"{registry} took {recipe.name}, but does not list it: try again")
            report(f"pushed {recipe.name} as {digest}")
        else:
            report(f"{recipe.name} is in the registry as {digest}")
        write_lock({**read_lock(lock), recipe.image: Locked(digest=digest, inputs=recipe.inputs)}, lock)


def _make_repository(ecr: Any, name: str, report: Callable[[str], None]) -> None:
    try:
        ecr.create_repository(
            repositoryName=name,
            imageScanningConfiguration={"scanOnPush": True},
            encryptionConfiguration={"encryptionType": "AES256"},
        )
        report(f"made the repository {name}")
    except ecr.exceptions.RepositoryAlreadyExistsException:
        pass


def _digest(ecr: Any, recipe: Recipe) -> str | None:
    """Digest of the recipe's image in the registry; None where it is not there."""
    try:
        found = ecr.describe_images(repositoryName=recipe.repository, imageIds=[{"imageTag": recipe.tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return None
        raise
    digest: str = found["imageDetails"][0]["imageDigest"]
    return digest


def _credentials(ecr: Any) -> tuple[str, str]:
    """User and password of the registry, for twelve hours."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return user, password
