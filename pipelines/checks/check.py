"""Check a compiled definition by all rules that its configuration has not switched off."""

from typing import TYPE_CHECKING

from pipelines.checks.rule import Finding
from pipelines.checks.rules import RULES
from pipelines.checks.subject import read
from pipelines.errors import PipelineError

if TYPE_CHECKING:  # the configuration names rules, and so imports this package
    from pipelines.config import Config


def check(definition: str, config: "Config") -> list[Finding]:
    """What breaks a rule in a pipeline's definition, in the order of the rules.

    Args:
        definition: JSON, as it is given to CreatePipeline.
        config: the placed configuration: the pipeline's name and bucket, and the rules that are off.
    """
    subject = read(definition, config.name, config.bucket)
    return [
        finding for name, rule in RULES.items() if name not in config.checks.off for finding in rule.findings(subject)
    ]


def refuse_faulty(definition: str, config: "Config") -> None:
    """Check a definition before it is put up.

    Raises:
        PipelineError: it breaks a rule.
    """
    findings = check(definition, config)
    if findings:
        first = findings[0]
        where = f"{first.step}: " if first.step else ""
        others = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise PipelineError(
            f"pipeline {config.name} breaks the rule {first.rule}: {where}{first.sentence}{others}; "
            "`make validate` tells them all with their reasons"
        )
