"""The keeper of a program: how it ends, and that nothing of it outlives what started it."""

import os
import signal
import subprocess
import sys

import pytest

from pipelines.local import Isolation
from pipelines.local.jobs.kept import KeptProcess

LEAVES_DAEMONS = "setsid {sleep} & (setsid sh -c '{sleep} & {sleep}' &) ; "


@pytest.fixture(params=list(Isolation), ids=lambda isolation: isolation.name)
def isolation(request):
    if request.param is not Isolation.best() is Isolation.REWRITING:
        pytest.skip("no namespaces are granted here")
    return request.param


@pytest.fixture
def keep(isolation, tmp_path):
    """Start a shell command under a keeper."""
    processes = []

    def start(script):
        base = [tmp_path] if isolation is Isolation.NAMESPACES else []
        process = KeptProcess(["sh", "-c", script], {"PATH": os.environ["PATH"]}, tmp_path, *base)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.close()
        process.output.close()


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", -9), ("kill -SEGV $$", -11), ("kill -TERM $$", -15)],
)
def test_a_program_ends_as_itself(keep, until, script, code):
    process = keep(script)
    until(lambda: process.poll() is not None)
    assert process.poll() == code


def test_sigterm_reaches_the_program_and_its_group_and_leaves_it_time(keep, until):
    child = 'trap "sleep 0.1; echo child; exit" TERM; echo ready; while :; do sleep 0.01; done'
    process = keep(f"trap 'echo program' TERM; sh -c '{child}' & wait; wait; exit 7")
    assert process.output.readline() == b"ready\n"
    process.signal(signal.SIGTERM)
    assert {b"child", b"program"} <= set(process.output.read().split())
    until(lambda: process.poll() is not None)
    assert process.poll() == 7


def test_a_signal_for_a_program_that_has_ended_is_lost_in_silence(keep, until):
    process = keep("exit 0")
    until(lambda: process.poll() is not None)
    process.signal(signal.SIGTERM)
    assert process.poll() == 0


def test_broken_pipes_end_what_writes_to_them_as_in_any_shell(keep):
    assert keep("yes | head -n 1").output.read() == b"y\n"


def test_daemons_end_with_the_program(keep, until, sleeper):
    process = keep(LEAVES_DAEMONS.format(sleep=sleeper.command) + "exit 4")
    assert process.output.read() == b""  # it ends when the last who could write has ended
    until(lambda: process.poll() is not None)
    assert process.poll() == 4
    assert not sleeper.runs()


def test_daemons_end_when_the_process_is_closed(keep, until, sleeper):
    process = keep(LEAVES_DAEMONS.format(sleep=sleeper.command) + f"echo up; trap '' TERM; {sleeper.command}")
    assert process.output.readline() == b"up\n"
    assert sleeper.runs()
    process.close()
    assert process.poll() == -9
    assert not sleeper.runs()


def test_daemons_end_when_the_starter_is_killed(isolation, until, sleeper, tmp_path):
    script = LEAVES_DAEMONS.format(sleep=sleeper.command) + f"echo up; {sleeper.command}"
    base = f", Path({str(tmp_path)!r})" if isolation is Isolation.NAMESPACES else ""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom pipelines.local.jobs.kept import KeptProcess\n"
        f"process = KeptProcess(['sh', '-c', {script!r}], {{'PATH': {os.environ['PATH']!r}}}, Path('/'){base})\n"
        "print(process.output.readline(), flush=True)\ntime.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert b"up" in starter.stdout.readline()
    starter.kill()
    starter.communicate()
    until(lambda: not sleeper.runs())


def test_zombies_of_orphans_do_not_gather(keep):
    zombies = "grep -ls PPid:.$PPID$ /proc/[0-9]*/status | xargs grep -ls State:.Z"
    process = keep(f"for i in 1 2 3 4 5; do (sleep 0 & exec true); done; sleep 0.2; {zombies}")
    assert process.output.read() == b""
