"""Shows findings and rules at the terminal."""

from collections.abc import Iterable, Mapping

from rich.table import Table
from rich.text import Text

from pipelines.checks.rule import Finding, Rule


def findings_table(findings: Iterable[Finding], rules: Mapping[str, Rule]) -> Table:
    """What is broken, by rule, and below each rule its reason."""
    table = _table("rule", "step", "what is wrong, and why it matters")
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for name, broken in by_rule.items():
        for index, finding in enumerate(broken):
            table.add_row("" if index else name, finding.step or "-", Text(finding.sentence))
        table.add_row("", "", Text(rules[name].reason, style="dim"), end_section=True)
    return table


def reasons_table(title: str, reasons: Mapping[str, str]) -> Table:
    """Rules by name, each with a reason: why it exists, or why it is off."""
    table = _table(title, "reason")
    for name, reason in reasons.items():
        table.add_row(name, Text(reason))
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True)
    table.add_column(titles[-1], overflow="fold")
    return table
