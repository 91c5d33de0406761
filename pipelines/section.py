"""What every section of a preset has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of a preset's sections: immutable, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
