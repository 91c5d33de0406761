"""The tables of an estimate and of a bill."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from pipelines.cost.charges import Charge
from pipelines.cost.estimate import Amount, Estimate, Line
from pipelines.cost.jobs import Job
from pipelines.cost.month import Monthly
from pipelines.cost.quotes import Notes

UNKNOWN = "?"


def show_estimate(console: Console, estimate: Estimate, *, complete: bool) -> None:
    """A line for each step, and the total; incomplete totals are marked."""
    rows = [(line.job.step, _machine(line.job), _minutes(line), *_figures(line.amount)) for line in estimate.lines]
    total = (_total_title(complete), "", "", *_figures(estimate.total))
    console.print(_table(("step", "machine", "minutes", "on demand", "on spot", "least", "most"), [*rows, total], 2))


def show_month(console: Console, parts: Sequence[Monthly], *, complete: bool) -> None:
    """A line for each part of the month, and the total; nothing where there is no part."""
    rows = [(part.what, *_figures(part.amount)) for part in parts]
    total = (_total_title(complete), *_figures(sum((part.amount for part in parts), Amount())))
    if rows:
        console.print(_table(("in a month", "on demand", "on spot", "least", "most"), [*rows, total], 1))


def show_bill(console: Console, charges: Sequence[Charge], *, complete: bool) -> None:
    """What was billed for each step beside what was expected; incomplete totals are marked."""
    rows = [
        (
            charge.billed.step,
            _machine(charge.billed.as_job()),
            str(charge.billed.jobs),
            _seconds(charge.expected_seconds),
            _seconds(charge.billed.seconds),
            _usd(charge.expected_usd),
            _usd(charge.billed_usd),
        )
        for charge in charges
    ]
    sums = (sum(charge.expected_usd or 0 for charge in charges), sum(charge.billed_usd or 0 for charge in charges))
    total = (_total_title(complete), "", "", "", "", *(_usd(usd) for usd in sums))
    titles = ("step", "machine", "jobs", "expected s", "billed s", "expected", "billed")
    console.print(_table(titles, [*rows, total], 2))


def show_notes(console: Console, notes: Notes) -> None:
    """What the figures rest on, and what they leave out."""
    for title, sentences in (("left out", notes.missing), ("assumed", notes.assumed)):
        for sentence in sentences:
            console.print(f"{title}: {sentence}", markup=False, soft_wrap=True)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> Table:
    """A table whose first columns hold words, of which only the last is ever cut; the last row is the total."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for column, title in enumerate(titles):
        width = None if column == words - 1 else max(len(row[column]) for row in [titles, *rows])
        table.add_column(title, no_wrap=True, justify="left" if column < words else "right", min_width=width)
    for row in rows[:-1]:
        table.add_row(*row)
    table.add_row(*rows[-1], style="bold")
    return table


def _total_title(complete: bool) -> str:
    return "total" if complete else "incomplete"


def _machine(job: Job) -> str:
    count = UNKNOWN if job.instance_count is None else job.instance_count
    return f"{count} x {job.instance_type or UNKNOWN}{', spot' if job.spot else ''}"


def _minutes(line: Line) -> str:
    if line.minutes is None:
        return UNKNOWN
    return f"{line.job.trials} x {line.minutes:.1f}" if line.job.trials > 1 else f"{line.minutes:.1f}"


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _figures(amount: Amount | None) -> tuple[str, str, str, str]:
    if amount is None:
        return UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
    return _usd(amount.expected), _usd(amount.spot), _usd(amount.least), _usd(amount.most)


def _usd(value: float | None) -> str:
    """US dollars; cents, and of small amounts more."""
    if value is None:
        return UNKNOWN
    return f"${value:,.2f}" if value >= 0.1 or not value else f"${value:,.4f}"
