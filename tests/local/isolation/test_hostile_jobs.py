"""Jobs that misbehave: each ends with a reason, leaves nothing behind and costs the server no memory."""

from pathlib import Path

import pytest

from pipelines.local import parts
from pipelines.local.jobs import logs, program_job

LOGS = "/aws/sagemaker/ProcessingJobs"


@pytest.fixture(scope="module", autouse=True)
def _small_limits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_GRACE_SECONDS", 0.3)
        patch.setattr(logs, "_LARGEST_FILE", 1_000_000)
        patch.setattr(logs, "_LARGEST_STREAM", 1_000_000)
        yield


@pytest.fixture
def run(tiny, bare_processing):
    """Run a shell command as a processing job; returns its description and its log."""

    def run_to_the_end(script):
        name = tiny.name("hostile")
        tiny.sagemaker.create_processing_job(ProcessingJobName=name, **bare_processing(["bash", "-c", script]))
        return tiny.finish_processing(name), (tiny.state / "jobs" / name / "log").read_bytes()

    return run_to_the_end


def test_a_flood_of_output_is_cut_but_for_its_end(run):
    described, log = run("yes bin | head -c 30000000; echo; echo the last shelf is bare; exit 3")
    assert len(log) < 1_100_000
    assert b"bytes are left out here]" in log
    assert log.endswith(b"\nthe last shelf is bare\n")
    assert described["FailureReason"].endswith("the last shelf is bare")


def test_a_flood_of_short_lines_is_cut_in_cloudwatch_too(tiny, run):
    described, _ = run("yes x | head -c 2000000")
    streams = tiny.logs.describe_log_streams(
        logGroupName=LOGS, logStreamNamePrefix=f"{described['ProcessingJobName']}/"
    )
    last = tiny.logs.get_log_events(logGroupName=LOGS, logStreamName=streams["logStreams"][0]["logStreamName"], limit=1)
    assert "the log goes on in" in last["events"][-1]["message"]


def test_a_line_without_end_and_bytes_that_are_no_text_are_kept(tiny, run):
    described, log = run("head -c 300000 /dev/zero | tr '\\0' '\\377'; printf '\\0\\1\\2'")
    assert described["ProcessingJobStatus"] == "Completed"
    assert log == b"\xff" * 300_000 + b"\0\1\2"
    assert "\ufffd" * 8192 in tiny.log(LOGS, described["ProcessingJobName"])


def test_a_job_that_closes_its_output_runs_on_to_its_end(run):
    described, log = run("echo bye; exec >&- 2>&-; sleep 0.3; exit 4")
    assert described["FailureReason"] == "AlgorithmError: exit code 4; the log ends with: bye"
    assert log == b"bye\n"


def test_a_job_fails_with_the_reason_when_the_disk_has_no_room_for_its_log(tiny, bare_processing, monkeypatch, sleeper):
    monkeypatch.setattr(program_job, "LogFile", lambda path: logs.LogFile(Path("/dev/full")))
    name = tiny.name("full")
    script = f"echo lost; {sleeper.command}"
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **bare_processing(["bash", "-c", script]))
    described = tiny.finish_processing(name)
    assert described["ProcessingJobStatus"] == "Failed"
    assert "the job's log cannot be written: No space left on device" in described["FailureReason"]
    assert not sleeper.runs()


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace_time(tiny, bare_processing, sleeper):
    name = tiny.name("deaf")
    script = f"trap '' TERM; echo deaf; while :; do {sleeper.command}; done"
    tiny.sagemaker.create_processing_job(ProcessingJobName=name, **bare_processing(["bash", "-c", script]))
    tiny.wait_for_log(LOGS, name, "deaf")
    tiny.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert tiny.finish_processing(name)["ProcessingJobStatus"] == "Stopped"
    assert not sleeper.runs()


def test_a_crowd_of_children_that_hold_the_output_ends_with_the_job(run, sleeper):
    described, log = run(f"for i in $(seq 150); do setsid {sleeper.command} & done; echo enough; exit 0")
    assert described["ProcessingJobStatus"] == "Completed"
    assert log == b"enough\n"
    assert not sleeper.runs()
