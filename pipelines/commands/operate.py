"""Look after executions: how everything stands, what a step writes, stop one, repeat a step on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pipelines.commands.shell import NO_FOLDER, Execution, Preset, console, placed, required, say
from pipelines.executions.chosen import chosen_execution
from pipelines.executions.logs import show_logs
from pipelines.executions.stopping import running_execution
from pipelines.executions.stopping import stop as stop_execution
from pipelines.progress import COLOURS
from pipelines.status import PastExecution, Status, read_status
from pipelines.text import printable

app = typer.Typer()

Step = Annotated[
    str,
    typer.Argument(
        parser=required(str, "name a step, such as STEP=Train of make"),
        help="Name of the step, such as Train.",
    ),
]


@app.command()
def status(preset: Preset = "abid") -> None:
    """Tell how the pipeline stands; the exit code is 0 only when nothing needs looking after."""
    found = read_status(*placed(preset))
    for line in _lines(found):
        say(line)
    for each in found.executions:
        # Not cut, and wrapped by the terminal alone: a reason is there to be read and to be copied.
        console.print(_execution(each), soft_wrap=True)
    if not found.is_well:
        raise typer.Exit(1)


@app.command()
def logs(
    step: Step,
    preset: Preset = "abid",
    execution: Execution = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the step has ended.")] = False,
    lines: Annotated[int, typer.Option(min=0, help="Of the end of each instance's log; 0 for all.")] = 100,
) -> None:
    """Print the log of a step's jobs."""
    target, config = placed(preset)
    show_logs(target, chosen_execution(target, config.name, execution), step, lines, follow, say)


@app.command()
def stop(preset: Preset = "abid", execution: Execution = "") -> None:
    """Stop an execution, the one that runs by default, and wait until nothing of it runs."""
    target, config = placed(preset)
    found = chosen_execution(target, config.name, execution) if execution else running_execution(target, config.name)
    if found is None:
        say(f"nothing to stop: no execution of {config.name} is running")
        return
    stop_execution(target, found, say)


@app.command()
def repeat(
    step: Step,
    preset: Preset = "abid",
    execution: Execution = "",
    folder: Annotated[
        Path, typer.Option(parser=required(Path, NO_FOLDER), help="Where the job's folder is made.")
    ] = Path(".local/repeat"),
    own_code: Annotated[bool, typer.Option(help="Run this checkout's code instead of the job's.")] = False,
) -> None:
    """Run a step's job again on this machine, on what it read and with the settings it had."""
    from pipelines.executions.repeat.run import repeat as repeat_step

    target, config = placed(preset)
    found = chosen_execution(target, config.name, execution)
    base = repeat_step(target, found, step, folder, say, own_code)
    say(f"{step} succeeded; what it wrote lies in {base}")


def _lines(found: Status) -> list[str]:
    if found.changed is None:
        pipeline = "is not there: put it up with `make upsert-pipeline`"
    else:
        version = "" if found.version is None else f"version {found.version}, "
        pipeline = f"{version}put up {found.changed.astimezone():%Y-%m-%d %H:%M}"
    model = found.model
    registered = f"version {model.version}, {model.status}" if model else "none yet"
    answers = "none"
    if found.endpoint:
        versions = ", ".join(f"version {each.version or '?'}" for each in found.endpoint.variants)
        failed = f"; its last change failed: {found.endpoint.reason}" if found.endpoint.reason else ""
        answers = f"{found.endpoint.name} is {found.endpoint.status}{f', {versions}' if versions else ''}{failed}"
    rows = {
        "pipeline": f"{found.pipeline} {pipeline}",
        "schedule": found.schedule or "none",
        "model": registered,
        "endpoint": answers,
        "executions": "" if found.executions else "none yet",
    }
    return [f"{title:<12}{text}" for title, text in rows.items()]


def _execution(each: PastExecution) -> Text:
    told = printable(each.reason or each.arn.rpartition("/")[2])
    return Text.assemble(
        f"  {each.started.astimezone():%Y-%m-%d %H:%M}  ",
        (f"{each.status:<10}", COLOURS.get(each.status, "white")),
        f"{each.seconds:8.0f} s  {told}",
    )
