"""What a preset may say of the rules."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.checks.rules import RULES


class ChecksConfig(BaseModel):
    """Which rules the pipeline does not keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    off: dict[str, str] = Field(
        {}, description="rules that are switched off, by name, each with its reason; `validate --rules` lists them"
    )

    @field_validator("off")
    @classmethod
    def _known_and_reasoned(cls, off: dict[str, str]) -> dict[str, str]:
        for name, reason in off.items():
            if name not in RULES:
                raise ValueError(f"there is no rule {name!r}; rules are {', '.join(RULES)}")
            if not reason.strip():
                raise ValueError(f"the rule {name!r} is switched off without a reason: give one")
        return off
