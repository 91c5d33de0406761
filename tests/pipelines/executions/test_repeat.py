import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import PipelineError
from pipelines.executions.repeat.run import repeat
from pipelines.target import Target

PROCESS = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
config = json.loads((base / "config/processingjobconfig.json").read_text())
hosts = json.loads((base / "config/resourceconfig.json").read_text())
data = base / "processing/input/data"
found = {
    "arguments": sys.argv[1:],
    "greeting": os.environ["GREETING"].replace(str(base), "BASE"),
    "job": config["ProcessingJobName"],
    "hosts": hosts["hosts"],
    "files": sorted((p.relative_to(data).as_posix(), p.read_text()) for p in data.rglob("*") if p.is_file()),
    "credentials": "AWS_ACCESS_KEY_ID" in os.environ,
}
(base / "processing/output/out/found.json").write_text(json.dumps(found))
if "--fail" in sys.argv:
    (base / "output/message").write_text("told to fail")
    sys.exit(5)
"""
TRAIN = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
settings = json.loads((base / "input/config/hyperparameters.json").read_text())
channels = json.loads((base / "input/config/inputdataconfig.json").read_text())
data = base / "input/data/train"
found = {
    "settings": settings,
    "channels": sorted(channels),
    "files": sorted((p.relative_to(data).as_posix(), p.read_text()) for p in data.rglob("*") if p.is_file()),
    "checkpoints": sorted(p.read_text() for p in (base / "checkpoints").iterdir()),
    "job": os.environ["TRAINING_JOB_NAME"],
    "credentials": "AWS_ACCESS_KEY_ID" in os.environ,
}
(base / "model/found.json").write_text(json.dumps(found))
print("loss=0.5;")
if settings.get("fail") == "yes":
    (base / "output/failure").write_text("told to fail")
    sys.exit(4)
"""


@pytest.fixture(scope="module")
def data(tiny: Any) -> str:
    tiny.put("data/a.txt", b"a")
    tiny.put("data/deep/b.txt", b"b")
    return "s3://tiny-steps/data"


def files_of(target: Target, prefix: str) -> set[str]:
    pages = target.s3.get_paginator("list_objects_v2").paginate(Bucket="tiny-steps", Prefix=prefix)
    return {each["Key"] for page in pages for each in page.get("Contents", [])}


def test_a_processing_job_finds_here_what_it_found_there(target: Target, tiny: Any, data: str, tmp_path: Path) -> None:
    execution = tiny.run(tiny.processing("Look", PROCESS, "--depth", "3", data=data))
    there = json.loads(target.s3.get_object(Bucket="tiny-steps", Key="out/Look/found.json")["Body"].read())
    before = files_of(target, "")
    said: list[str] = []
    base = repeat(target, execution, "Look", tmp_path, said.append)
    here = json.loads((base / "processing/output/out/found.json").read_text())
    same = ("arguments", "job", "hosts", "files")
    assert {name: here[name] for name in same} == {name: there[name] for name in same}
    assert here["arguments"] == ["--depth", "3"]
    assert here["files"] == [["a.txt", "a"], ["deep/b.txt", "b"]]
    assert here["greeting"] == "hello from BASE/processing"
    assert here["credentials"]
    assert files_of(target, "") == before


def test_a_failing_step_fails_here_with_its_own_words(target: Target, tiny: Any, data: str, tmp_path: Path) -> None:
    execution = tiny.run(tiny.processing("Fail", PROCESS, "--fail", data=data))
    with pytest.raises(PipelineError, match="Fail failed here too, with exit code 5: told to fail"):
        repeat(target, execution, "Fail", tmp_path, lambda _: None)


def test_inputs_that_are_here_are_fetched_again_only_where_they_differ(
    target: Target, tiny: Any, data: str, tmp_path: Path
) -> None:
    execution = tiny.run(tiny.processing("Again", PROCESS, data=data))
    said: list[str] = []
    base = repeat(target, execution, "Again", tmp_path, said.append)
    assert said[0].startswith("fetching 5 of 5 files")
    inputs = base / "processing/input/data"
    (inputs / "a.txt").write_text("changed")
    (inputs / "more.txt").write_text("left by somebody")
    (base / "processing/output/out/old.txt").write_text("of the first run")
    said.clear()
    repeat(target, execution, "Again", tmp_path, said.append)
    assert said[0].startswith("fetching 1 of 5 files")
    assert sorted(each.name for each in inputs.iterdir()) == ["a.txt", "deep"]
    assert (inputs / "a.txt").read_text() == "a"
    assert [each.name for each in (base / "processing/output/out").iterdir()] == ["found.json"]


def test_a_training_job_is_repeated_with_its_settings_channels_and_checkpoints(
    target: Target, tiny: Any, data: str, tmp_path: Path
) -> None:
    checkpoints = tiny.put("checkpoints/epoch", b"3").rpartition("/")[0]
    step = tiny.training(TRAIN, data, checkpoints=checkpoints, epochs="2", rate="0.1")
    execution = tiny.run({"Name": "Train", "Type": "Training", "Arguments": step})
    base = repeat(target, execution, "Train", tmp_path, lambda _: None)
    here = json.loads((base / "model/found.json").read_text())
    name = here.pop("job")
    with tarfile.open(
        fileobj=target.s3.get_object(Bucket="tiny-steps", Key=f"models/{name}/output/model.tar.gz")["Body"], mode="r|gz"
    ) as tar:
        there = next(json.loads(tar.extractfile(each).read()) for each in tar if each.name.endswith("found.json"))
    assert here == {
        "settings": {"epochs": "2", "rate": "0.1"},
        "channels": ["code", "train"],
        "files": [["a.txt", "a"], ["deep/b.txt", "b"]],
        "checkpoints": ["3"],
        "credentials": False,
    }
    compared = ("settings", "channels", "files", "checkpoints")
    assert {key: here[key] for key in compared} == {key: there[key] for key in compared}


def test_a_failed_trial_of_a_search_is_the_one_repeated(target: Target, tiny: Any, data: str, tmp_path: Path) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "fail", "Values": ["no", "yes"]}]}
    step = {
        "Name": "Tune",
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Grid",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxParallelTrainingJobs": 1},
                "ParameterRanges": ranges,
            },
            "TrainingJobDefinition": tiny.training(TRAIN, data),
        },
    }
    with pytest.raises(PipelineError, match="Tune failed here too, with exit code 4: told to fail"):
        repeat(target, tiny.run(step), "Tune", tmp_path, lambda _: None)


def test_code_that_is_not_what_was_uploaded_is_not_run(target: Target, tiny: Any, tmp_path: Path) -> None:
    harmless = "print('harmless')  # " + tmp_path.name
    step = tiny.processing("Code", harmless)
    execution = tiny.run(step)
    uri = step["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    tiny.put(f"{uri.removeprefix('s3://tiny-steps/')}/steps/tiny/__main__.py", b"raise SystemExit('evil')")
    with pytest.raises(PipelineError, match="is not what was uploaded there: it is not run here"):
        repeat(target, execution, "Code", tmp_path, lambda _: None)


def test_a_job_of_foreign_code_is_not_run(target: Target, tiny: Any, tmp_path: Path) -> None:
    step = tiny.processing("Foreign", "print()")
    uri = tiny.put("elsewhere/steps/tiny/__main__.py", b"print()").partition("/steps")[0]
    step["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"] = uri
    with pytest.raises(PipelineError, match="runs no code that this project has uploaded"):
        repeat(target, tiny.run(step), "Foreign", tmp_path, lambda _: None)


def test_inputs_that_are_gone_are_named(target: Target, tiny: Any, tmp_path: Path) -> None:
    uri = tiny.put("gone/a.txt", b"a").rpartition("/")[0]
    execution = tiny.run(tiny.processing("Gone", PROCESS, data=uri))
    target.s3.delete_object(Bucket="tiny-steps", Key="gone/a.txt")
    with pytest.raises(PipelineError, match="nothing lies at s3://tiny-steps/gone any more"):
        repeat(target, execution, "Gone", tmp_path, lambda _: None)


def test_a_step_without_a_job_cannot_be_repeated(target: Target, tiny: Any, tmp_path: Path) -> None:
    execution = tiny.run({"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "not today"}})
    with pytest.raises(PipelineError, match="step No made no processing or training job"):
        repeat(target, execution, "No", tmp_path, lambda _: None)


def test_a_change_can_be_tried_by_running_the_code_of_this_checkout(
    target: Target, tiny: Any, data: str, tmp_path: Path
) -> None:
    step = tiny.training(TRAIN, data, nonsense="1")
    execution = tiny.run({"Name": "Train", "Type": "Training", "Arguments": step})
    repeat(target, execution, "Train", tmp_path, lambda _: None)
    with pytest.raises(PipelineError, match="exit code 1: unknown hyperparameter 'nonsense'"):
        repeat(target, execution, "Train", tmp_path, lambda _: None, own_code=True)
