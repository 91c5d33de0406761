"""What the figures of a report are made of: the JSON that evaluate and explore write for people and programs."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

# Six digits are finer than any test split or sample resolves, and can be read in the gate's message.
Rounded = Annotated[float, AfterValidator(lambda value: round(value, 6))]


class Part(BaseModel):
    """A part of a report: immutable, closed to names it does not know, and without NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)
