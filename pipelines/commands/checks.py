"""Validation: what would be refused, or breaks a policy, before anything is put up."""

from typing import Annotated

import typer

from pipelines.checks.check import check
from pipelines.checks.report import findings_table, reasons_table
from pipelines.checks.rules import RULES
from pipelines.commands.shell import Preset, compiled, console, say
from pipelines.config import load_preset
from pipelines.errors import PipelineError

app = typer.Typer()


@app.command()
def validate(
    preset: Preset = "abid",
    account: Annotated[str, typer.Option(help="Account to compile for.")] = "000000000000",
    region: Annotated[str, typer.Option(help="Region to compile for.")] = "us-east-1",
    rules: Annotated[bool, typer.Option("--rules", help="List all rules with their reasons instead.")] = False,
) -> None:
    """Check the pipeline and its audit by AWS's limits and our policies; needs no credentials and no network."""
    if rules:
        console.print(reasons_table("rule", {rule.name: rule.reason for rule in RULES.values()}))
        return
    # The SDK takes seconds to import; --rules does not wait for it.
    from pipelines.audit.definition import audit_config
    from pipelines.audit.definition import compile_definition as compile_audit

    config = load_preset(preset).placed(account, region)
    audit = audit_config(config)
    checked = {
        config.name: check(compiled(config, region), config),
        audit.name: check(compile_audit(audit, region), audit),
    }
    for pipeline, findings in checked.items():
        say(f"pipeline {pipeline}: {len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}")
        if findings:
            console.print(findings_table(findings, RULES))
    if config.checks.off:
        console.print(reasons_table("switched off", config.checks.off))
    if any(checked.values()):
        raise PipelineError("mend what was found, or switch a rule off with a reason under [checks.off] in the preset")
    say(f"{len(RULES) - len(config.checks.off)} rules hold")
