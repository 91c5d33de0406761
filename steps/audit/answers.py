"""What the model said of each photo, from the objects that the transform job left."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steps.contract import StepError

SUFFIX = ".jpg.out"
_IMAGES = "bin-images/"


class Counted(BaseModel):
    """The endpoint's answer to a photo; what else it says is left aside."""

    model_config = ConfigDict(frozen=True)

    count: int = Field(description="items answered")
    confidence: float = Field(ge=0, le=1, description="probability of that count")
    probabilities: dict[str, float] = Field(description="of each count that the model knows")
    expected_value: float = Field(description="mean count under these probabilities, items")


class Refused(BaseModel):
    """The endpoint's answer to a photo that it cannot read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: str = Field(description="why, a clause for people")


class _Named(BaseModel):
    name: str = Field(alias="class")


def read_answers(folder: Path) -> Iterator[tuple[str, Counted | Refused]]:
    """Yield the id of each photo that was answered, with the answer.

    Below the transform job's output a result has the photo's name, with as many folders above it as its input had.

    Raises:
        StepError: an object is no answer of a counting model.
    """
    for file in sorted(folder.rglob(f"*{SUFFIX}")):
        name = file.relative_to(folder).as_posix().removesuffix(SUFFIX)
        yield name.rpartition(_IMAGES)[2], _parse(file)


def _parse(file: Path) -> Counted | Refused:
    content = file.read_bytes()
    for kind in (Counted, Refused):
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]["msg"]
    if _names_a_class(content):
        raise StepError("the model names classes instead of counting: quantities cannot be audited with it")
    raise StepError(f"{file.name} is no answer of the serving container: {fault}")


def _names_a_class(content: bytes) -> bool:
    try:
        _Named.model_validate_json(content)
    except ValidationError:
        return False
    return True
