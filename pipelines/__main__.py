"""The command line: python -m pipelines <verb>."""

import os
import sys

import typer
from rich.console import Console

from pipelines.commands import (
    checks,
    data,
    doctor,
    endpoint,
    images,
    models,
    operate,
    pipeline,
    policies,
    preview,
    schedule,
    stack,
)
from pipelines.errors import PipelineError
from pipelines.target import aws_errors_explained
from pipelines.text import printable

app = typer.Typer(
    name="pipelines",
    help="Put the bin counting pipeline up, run it, and look after its models; on AWS or on an embedded SageMaker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# In the order of the help.
GROUPS = (
    policies,
    stack,
    pipeline,
    checks,
    preview,
    schedule,
    operate,
    doctor,
    models,
    endpoint,
    data,
    images,
)
for group in GROUPS:
    app.add_typer(group.app)


def main() -> None:
    """Run the command line; what a user can put right ends as one line and exit code 1."""
    try:
        with aws_errors_explained():
            app()
    except PipelineError as error:
        raise _failed(str(error)) from None
    except BrokenPipeError:
        # The reader, `head` say, has what it wanted; keep the interpreter from complaining on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise _failed(f"{where}{error.strerror or error}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _failed(reason: str) -> SystemExit:
    Console(stderr=True, highlight=False).print(
        f"error: {printable(reason)}", style="red", soft_wrap=True, markup=False
    )
    return SystemExit(1)


if __name__ == "__main__":
    main()
