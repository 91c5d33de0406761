"""Runs the embedded SageMaker in the foreground: `python -m pipelines.local`."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pipelines.local.jobs.engine import ContainerEngine, EngineError
from pipelines.local.server import EmbeddedSageMaker, ServerError

LAST_PORT = 65535
_KILLED_BY_CTRL_C = 128 + signal.SIGINT  # the exit code, by the shells' custom


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; a second Ctrl-C does not wait for jobs. Returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    logging.getLogger("pipelines.local").setLevel(logging.INFO)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: _interrupted(ended))
    try:
        engine = ContainerEngine.find() if options.runtime == "container" else None
        where = (options.state, options.containers, options.host, options.port)
        with EmbeddedSageMaker(*where, engine=engine, record=options.record) as aws:
            for name, value in aws.environment().items():
                print(f"export {name}={shlex.quote(value)}", flush=True)  # noqa: T201 - to be copied
            stands = f"jobs and endpoints run in images, by {engine.program}" if engine else aws.isolation.value
            print(f"# {stands}", flush=True)  # noqa: T201 - to be copied with the rest
            ended.wait()
            print("# stopping; Ctrl-C kills what runs", flush=True)  # noqa: T201 - some jobs take their grace time
    except (EngineError, ServerError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the message is for the person at the terminal
        return 1
    return 0


def _interrupted(ended: threading.Event) -> None:
    """Ask for the end; where that was done, end at once: what runs ends with this process, and is Failed."""
    if ended.is_set():
        os._exit(_KILLED_BY_CTRL_C)
    ended.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.local", description="Run the embedded SageMaker until Ctrl-C."
    )
    parser.add_argument("--port", type=_port, default=4599, help="port to listen on; 0 for any (default: 4599)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--state", type=Path, default=Path(".local"), help="folder of all that is kept (default: .local)"
    )
    parser.add_argument(
        "--containers", type=Path, default=Path("containers"), help="folder of container folders (default: containers)"
    )
    parser.add_argument(
        "--runtime",
        choices=("process", "container"),
        default="process",
        help="process: programs of container folders, as processes of this machine; container: images, by docker or "
        "podman (default: process)",
    )
    parser.add_argument(
        "--record", type=Path, help="file to append a line of JSON to for every call: who, which, on what"
    )
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to {LAST_PORT}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
