"""`containers/images.lock`: which build of each image the presets name, by its digest in the registry.

A TOML table for each image that was pushed: `digest`, what the registry calls the image, and `inputs`, the hash of all
that it was built from. The file belongs into version control, so that everyone's pipeline runs the same images.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipelines.errors import PipelineError

Image = Literal["processing", "training", "serving"]
LOCK = Path(__file__).resolve().parents[2] / "containers" / "images.lock"
_HEADER = "# Written by `make push-images`; the presets name these builds. Commit it.\n"


class Locked(BaseModel):
    """One build of an image."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="hash of its manifest, as the registry tells it")
    inputs: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of all that it was built from")


_TABLES = TypeAdapter(dict[Image, Locked])


def read_lock(file: Path = LOCK) -> dict[Image, Locked]:
    """Read which images are locked; none where there is no file.

    Raises:
        PipelineError: the file is damaged.
    """
    try:
        return _TABLES.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise PipelineError(f"{file} is damaged: restore it, or remove it and push the images anew") from None


def write_lock(locked: Mapping[Image, Locked], file: Path = LOCK) -> None:
    """Write which images are locked."""
    tables = [
        f'\n[{image}]\ndigest = "{locked[image].digest}"\ninputs = "{locked[image].inputs}"\n'
        for image in get_args(Image)
        if image in locked
    ]
    file.write_text("".join([_HEADER, *tables]), encoding="utf-8")


@dataclass(frozen=True)
class ImageNames:
    """What `{images.processing}`, `{images.training}` and `{images.serving}` stand for in a preset."""

    processing: str
    training: str
    serving: str


def image_names(account: str, region: str, partition: str, locked: Mapping[Image, Locked]) -> ImageNames:
    """URI of each image in the ECR registry of an account: by digest where it is locked, else by the tag `latest`."""
    registry = registry_host(account, region, partition)

    def name(image: Image) -> str:
        build = f"@{locked[image].digest}" if image in locked else ":latest"
        return f"{registry}/bin-counter/{image}{build}"

    return ImageNames(name("processing"), name("training"), name("serving"))


def registry_host(account: str, region: str, partition: str) -> str:
    """Host of an account's ECR registry; China's partition has a domain of its own."""
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{domain}"
