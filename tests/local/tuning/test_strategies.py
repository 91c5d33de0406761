"""Warm starts and Hyperband: real training jobs, through the API that AWS has too."""

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.local.tuning.hyperband import HyperbandSearch, Resource
from pipelines.local.tuning.ranges import Categorical, Continuous, Integer
from pipelines.local.tuning.search import SampledSearch

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/curve:1"

# A foreign project's training program: its loss falls towards a floor that its rate sets.
TRAIN = """#!/usr/bin/env python3
import json, os, pathlib, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
given = json.loads((base / "input/config/hyperparameters.json").read_text())
for epoch in range(1, int(given.get("epochs", "1")) + 1):
    print(f"loss={abs(float(given['rate']) - 0.3) + 1 / epoch:.6f};", flush=True)
    time.sleep(float(given.get("pause", "0")))
"""


@pytest.fixture(scope="module", autouse=True)
def curve(containers):
    program = containers / "curve" / "bin" / "train"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(TRAIN)
    program.chmod(0o755)


@pytest.fixture
def tune(tiny, until):
    """Run a tuning job of the tiny program to its end; answers its description and its training jobs."""

    def run(config=None, static=None, ranges=None, jobs=2, image=IMAGE, more=None):
        name = tiny.name("tuned")
        definition = {
            "AlgorithmSpecification": {
                "TrainingImage": image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
            },
            "StaticHyperParameters": static or {},
            "RoleArn": tiny.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{tiny.bucket}/tuned"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        how = {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": ranges or {"ContinuousParameterRanges": [rates("0", "1")]},
            "RandomSeed": 3,
            **(config or {}),
        }
        tiny.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=how,
            TrainingJobDefinition=definition,
            **(more or {}),
        )
        describe = tiny.sagemaker.describe_hyper_parameter_tuning_job
        until(lambda: describe(HyperParameterTuningJobName=name)["HyperParameterTuningJobStatus"] != "InProgress")
        members = tiny.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return describe(HyperParameterTuningJobName=name), members["TrainingJobSummaries"]

    return run


def rates(low, high):
    return {"Name": "rate", "MinValue": low, "MaxValue": high, "ScalingType": "Linear"}


def warm(*parents, kind="IdenticalDataAndAlgorithm"):
    names = [{"HyperParameterTuningJobName": parent["HyperParameterTuningJobName"]} for parent in parents]
    return {"WarmStartConfig": {"ParentHyperParameterTuningJobs": names, "WarmStartType": kind}}


def test_a_warm_start_knows_the_best_of_its_parents(tune):
    parent, tried = tune(jobs=6, config={"Strategy": "Random"})
    child, own = tune(jobs=3, more=warm(parent))
    assert child["WarmStartConfig"] == warm(parent)["WarmStartConfig"]
    everything = [*tried, *own]
    best = min(everything, key=lambda job: job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
    assert child["OverallBestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    assert child["BestTrainingJob"]["TrainingJobName"] in {job["TrainingJobName"] for job in own}
    assert own[0]["TrainingJobName"].startswith(f"{child['HyperParameterTuningJobName']}-001-")
    assert "OverallBestTrainingJob" not in parent


def test_a_search_that_knows_earlier_trials_begins_where_they_were_good():
    proposed = {}
    for known in (0, 20):
        search = SampledSearch([Continuous("rate", 0, 1, "Linear")], True, False, 6, 1, 3)
        for number in range(known):
            search.remember({"rate": str(number / known)}, abs(number / known - 0.3))
        search.remember({"rate": "7"}, 0.0)  # outside of the range: no use
        proposed[known] = [abs(float(search.propose()[1]["rate"]) - 0.3) for _ in range(6)]
    assert sum(proposed[20]) < sum(proposed[0]) / 2


def test_transfer_learning_may_fix_what_was_searched_and_search_what_was_fixed(tune, containers):
    other = containers / "curve2" / "bin" / "train"
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_text(TRAIN)
    other.chmod(0o755)
    parent, _ = tune(static={"epochs": "2"})
    ranges = {"IntegerParameterRanges": [{"Name": "epochs", "MinValue": "1", "MaxValue": "3"}]}
    image = IMAGE.replace("curve", "curve2")
    again = {"static": {"rate": "0.3"}, "ranges": ranges, "image": image, "jobs": 1}
    child, _ = tune(**again, more=warm(parent, kind="TransferLearning"))
    assert child["HyperParameterTuningJobStatus"] == "Completed"
    assert "OverallBestTrainingJob" not in child
    with pytest.raises(ClientError, match="IdenticalDataAndAlgorithm needs the input data and the training image"):
        tune(**again, more=warm(parent))
    with pytest.raises(ClientError, match="number of static plus tunable hyperparameters must be the same"):
        tune(more=warm(parent))
    objective = {"Type": "Maximize", "MetricName": "loss"}
    with pytest.raises(ClientError, match="objective metric must be the same"):
        tune(static={"epochs": "2"}, config={"HyperParameterTuningJobObjective": objective}, more=warm(parent))
    with pytest.raises(ClientError, match="cannot start warm; use Bayesian or Random"):
        tune(static={"epochs": "2"}, config={"Strategy": "Hyperband"}, more=warm(parent))
    with pytest.raises(ClientError, match="no tuning job named 'nobody' to start from") as raised:
        tune(more=warm({"HyperParameterTuningJobName": "nobody"}))
    assert raised.value.response["Error"]["Code"] == "ResourceNotFound"


def test_hyperband_stops_jobs_that_are_behind_and_those_that_have_had_their_epochs(tune):
    job, jobs = tune(
        config={
            "Strategy": "Hyperband",
            "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}},
        },
        static={"epochs": "500", "pause": "0.3"},
        jobs=4,
    )
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert {each["TrainingJobStatus"] for each in jobs} == {"Stopped"}
    assert job["TrainingJobStatusCounters"]["Stopped"] == job["ObjectiveStatusCounters"]["Succeeded"] == 4
    best = job["BestTrainingJob"]
    reached = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert reached <= abs(float(best["TunedHyperParameters"]["rate"]) - 0.3) + 1 / 3 + 1e-5


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=9, max_size=9), st.booleans())
def test_hyperband_cuts_no_job_short_that_is_best_at_every_epoch(floors, maximize):
    sign = -1 if maximize else 1
    resource = Resource(1, 9)
    search = HyperbandSearch([Continuous("rate", 0, 1, "Linear")], maximize, 10, 1, 1, resource)
    for floor in floors:
        number, _ = search.propose()
        values = []
        for epoch in range(1, 10):
            values.append(sign * (floor + 1 / epoch))
            if search.is_behind(number, values):
                break
        search.learn(number, values[-1])
    number, _ = search.propose()
    best = [sign * (-1 + 1 / epoch) for epoch in range(1, 10)]
    for epoch in range(1, 9):
        assert not search.is_behind(number, best[:epoch])
    assert search.is_behind(number, best), "after its last epoch a job is stopped"
    assert search.used_up(best)


@given(
    st.sampled_from(["Linear", "Logarithmic", "ReverseLogarithmic"]),
    st.floats(1e-6, 0.999),
    st.floats(1e-6, 0.999),
    st.integers(1, 100),
)
def test_every_value_that_a_range_proposes_has_its_place_on_the_scale_of_that_range(scale, one, other, seed):
    low, high = sorted((one, other))
    ranges = [
        Continuous("rate", low, high, scale),
        Integer("epochs", 1, 50, "Linear"),
        Categorical("batch", ("16", "32")),
    ]
    search = SampledSearch(ranges, False, False, 1, 1, seed)
    _, values = search.propose()
    for each in ranges:
        place = each.place(values[each.name])
        assert place is not None
        if isinstance(each, Categorical):
            assert place in each.distribution.choices
        else:
            assert each.distribution.low <= place <= each.distribution.high
        assert each.place("lamp") is None
