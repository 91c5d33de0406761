import threading
from typing import Any

import pytest

from pipelines.errors import PipelineError
from pipelines.executions.jobs import describe_step, jobs_of
from pipelines.executions.logs import show_logs
from pipelines.target import Target

COUNT = "for number in range(250): print(f'line {number}')"
WAIT = """
import pathlib, time
print("begun", flush=True)
time.sleep(1.5)
print("ended", flush=True)
"""
HOSTS = """
import json, pathlib, os
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
print("I am", json.loads((base / "config/resourceconfig.json").read_text())["current_host"])
"""
TRIAL = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
rate = json.loads((base / "input/config/hyperparameters.json").read_text())["rate"]
print(f"trying {rate}")
if rate == "9":
    sys.exit("nine is too much")
print(f"loss={rate};")
"""


def read(target: Target, execution: str, step: str, lines: int = 100, follow: bool = False) -> list[str]:
    said: list[str] = []
    show_logs(target, execution, step, lines, follow, said.append, interval_seconds=0.2)
    return said


@pytest.fixture(scope="module")
def counted(tiny: Any) -> str:
    """An execution whose step Count wrote 250 lines."""
    execution: str = tiny.run(tiny.processing("Count", COUNT))
    return execution


def test_the_last_lines_are_shown_in_their_order(target: Target, counted: str) -> None:
    assert read(target, counted, "Count", lines=3) == ["line 247", "line 248", "line 249"]


def test_zero_stands_for_all_lines(target: Target, counted: str) -> None:
    assert read(target, counted, "Count", lines=0) == [f"line {number}" for number in range(250)]


def test_following_a_step_that_has_ended_ends_too_and_repeats_no_line(target: Target, counted: str) -> None:
    assert read(target, counted, "Count", lines=2, follow=True) == ["line 248", "line 249"]


def test_following_shows_each_line_once_until_the_step_ends(target: Target, tiny: Any) -> None:
    execution = tiny.start(tiny.processing("Wait", WAIT))
    assert read(target, execution, "Wait", follow=True) == ["begun", "ended"]


def test_a_step_that_has_not_started_is_waited_for(target: Target, tiny: Any) -> None:
    second = {**tiny.processing("Second", "print('at last')"), "DependsOn": ["First"]}
    execution = tiny.start(tiny.processing("First", WAIT), second)
    with pytest.raises(PipelineError, match=r"Second has not started in .*: wait for it with -f"):
        read(target, execution, "Second")
    assert read(target, execution, "Second", follow=True) == ["at last"]


def test_a_step_that_never_starts_is_not_waited_for_for_ever(target: Target, tiny: Any) -> None:
    second = {**tiny.processing("Second", "print('never')"), "DependsOn": ["First"]}
    execution = tiny.start(tiny.processing("First", "raise SystemExit(1)"), second)
    with pytest.raises(PipelineError, match="ended before step Second started"):
        read(target, execution, "Second", follow=True)


def test_lines_of_several_instances_are_told_apart(target: Target, tiny: Any) -> None:
    execution = tiny.run(tiny.processing("Hosts", HOSTS, instances=2))
    assert sorted(read(target, execution, "Hosts")) == ["algo-1 | I am algo-1", "algo-2 | I am algo-2"]


def test_what_a_terminal_would_obey_does_not_reach_it(target: Target, tiny: Any) -> None:
    text = r"print('\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m \u202etxt'); print(' 10%\r100%')"
    assert read(target, tiny.run(tiny.processing("Rude", text)), "Rude") == ["red txt", "100%"]


def test_of_a_search_the_best_and_the_failed_trials_are_shown(target: Target, tiny: Any) -> None:
    job = tiny.training(TRIAL, tiny.put("tune/data", b"some"))
    objective = {"Type": "Minimize", "MetricName": "loss"}
    step = {
        "Name": "Tune",
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Grid",
                "HyperParameterTuningJobObjective": objective,
                "ResourceLimits": {"MaxParallelTrainingJobs": 1},
                "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "rate", "Values": ["1", "2", "9"]}]},
            },
            "TrainingJobDefinition": job,
        },
    }
    execution = tiny.run(step)
    jobs = {found.about.split()[0] for found in jobs_of(target, describe_step(target, execution, "Tune"))}
    assert jobs == {"best", "failed"}
    said = read(target, execution, "Tune")
    told = {line.partition(" | ")[2] for line in said}
    assert {"trying 1", "trying 9", "nine is too much"} <= told
    assert "trying 2" not in told
    assert next(line for line in said if "nine is" in line).startswith("failed trial ")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Cuont", r"no step Cuont, did you mean Count\? Its steps are Count, Gate, Then, Never"),
        ("then", r"no step then, did you mean Then\?"),
        ("Gate", r"step Gate has written no log"),
    ],
)
def test_a_step_without_a_log_is_answered_with_a_sentence(target: Target, tiny: Any, asked: str, told: str) -> None:
    condition = {
        "Name": "Gate",
        "Type": "Condition",
        "DependsOn": ["Count"],
        "Arguments": {
            "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
            "IfSteps": [tiny.processing("Then", "print('then')")],
            "ElseSteps": [tiny.processing("Never", "print('never')")],
        },
    }
    execution = tiny.run(tiny.processing("Count", "print('count')"), condition)
    with pytest.raises(PipelineError, match=told):
        read(target, execution, asked)


def test_two_may_follow_at_once(target: Target, tiny: Any) -> None:
    execution = tiny.start(tiny.processing("Wait", WAIT))
    seen: list[list[str]] = []
    readers = [
        threading.Thread(target=lambda: seen.append(read(target, execution, "Wait", follow=True))) for _ in range(2)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert seen == [["begun", "ended"]] * 2
