"""Tuning jobs: real training jobs in real processes, through the API that AWS has too."""

import json
import math
import tempfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.jobs.metrics import MetricValues
from pipelines.local.tuning.stopping import is_behind

# A foreign project's training program: its "loss" is a formula of its hyperparameters, reported after each epoch.
TRAIN = """#!/usr/bin/env python3
import json, os, pathlib, sys, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
given = json.loads((base / "input/config/hyperparameters.json").read_text())
rate = float(given["rate"])
if rate > float(given.get("breaks_above", "inf")):
    (base / "output/failure").write_text("the rate is too high")
    sys.exit(2)
if "meeting" in given:  # wait until as many jobs as meet here have come
    folder = pathlib.Path(given["meeting"])
    (folder / os.environ["TRAINING_JOB_NAME"]).write_text(os.environ["OMP_NUM_THREADS"])
    while len(list(folder.iterdir())) < int(given["guests"]):
        time.sleep(0.02)
if "silent" not in given:
    for epoch in range(int(given.get("epochs", "2"))):
        print(f"epoch={epoch} loss={abs(rate - 0.3) + 1 / (epoch + 1):.6f};", flush=True)
        time.sleep(float(given.get("pause", "0")))
time.sleep(float(given.get("sleep", "0")))
(base / "model/weights.json").write_text(json.dumps(given))
"""
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tiny/tuned:1"
TERMINAL = ("Completed", "Failed", "Stopped")


@pytest.fixture(scope="module", autouse=True)
def tuned_container(containers):
    program = containers / "tuned" / "bin" / "train"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(TRAIN)
    program.chmod(0o755)


def continuous(low="0", high="1", scale="Linear", name="rate"):
    return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scale}


def request(
    tiny,
    jobs=3,
    parallel=1,
    ranges=None,
    static=None,
    strategy="Random",
    objective="Minimize",
    limits=None,
    definition=None,
    **config,
):
    """Arguments of a tuning job of the tiny program, without its name."""
    limits = {
        "MaxParallelTrainingJobs": parallel,
        **({} if jobs is None else {"MaxNumberOfTrainingJobs": jobs}),
        **(limits or {}),
    }
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": objective, "MetricName": "loss"},
            "ResourceLimits": limits,
            "ParameterRanges": ranges or {"ContinuousParameterRanges": [continuous()]},
            "RandomSeed": 3,
            **config,
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
            },
            "StaticHyperParameters": static or {},
            "RoleArn": tiny.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{tiny.bucket}/tuned"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **(definition or {}),
        },
    }


@pytest.fixture
def tune(tiny, until):
    """Run a tuning job to its end; answers its description and its training jobs."""

    def run(**options):
        name = start(tiny, **options)
        until(lambda: describe(tiny, name)["HyperParameterTuningJobStatus"] in TERMINAL)
        return describe(tiny, name), training_jobs(tiny, name)

    return run


def start(tiny, more=None, **options):
    name = tiny.name("tuning")
    tiny.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, **request(tiny, **options), **(more or {})
    )
    return name


def describe(tiny, name):
    answer = tiny.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    check_answer(tiny, "DescribeHyperParameterTuningJob", answer)
    return answer


def training_jobs(tiny, name, **options):
    answer = tiny.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, **options
    )
    check_answer(tiny, "ListTrainingJobsForHyperParameterTuningJob", answer)
    return answer["TrainingJobSummaries"]


def check_answer(tiny, operation, answer):
    """What botocore's model of AWS requires of an answer is there, and of the right type and length."""
    shape = tiny.sagemaker.meta.service_model.operation_model(operation).output_shape
    body = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    report = ParamValidator().validate(body, shape)
    assert not report.has_errors(), report.generate_report()
    assert set(body) <= set(shape.members)


def rates(jobs):
    return [float(job["TunedHyperParameters"]["rate"]) for job in jobs]


def test_the_best_training_job_is_the_one_with_the_best_final_objective(tiny, tune):
    job, jobs = tune(jobs=4, parallel=2, definition={"Environment": {"SHELF": "1"}})

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    best = job["BestTrainingJob"]
    assert best["TunedHyperParameters"]["rate"] == str(min(rates(jobs), key=lambda rate: abs(rate - 0.3)))
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == pytest.approx(
        abs(float(best["TunedHyperParameters"]["rate"]) - 0.3) + 1 / 2, abs=1e-5
    )
    assert best["ObjectiveStatus"] == "Succeeded"
    assert job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 4
    assert best in jobs
    assert [each["TrainingJobName"][: len(job["HyperParameterTuningJobName"]) + 4] for each in jobs] == [
        f"{job['HyperParameterTuningJobName']}-{number:03d}" for number in (1, 2, 3, 4)
    ]


def test_each_training_job_has_its_own_values_the_static_ones_and_the_name_of_the_objective(tiny, tune):
    job, (summary,) = tune(
        jobs=1,
        static={"epochs": "1"},
        definition={"Environment": {"SHELF": "1"}, "CheckpointConfig": {"S3Uri": f"s3://{tiny.bucket}/checkpoints"}},
        more={"Tags": [{"Key": "team", "Value": "bins"}]},
    )
    training = tiny.sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
    assert training["HyperParameters"] == {
        **summary["TunedHyperParameters"],
        "epochs": "1",
        "_tuning_objective_metric": "loss",
    }
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["Environment"] == {"SHELF": "1"}
    assert training["CheckpointConfig"]["S3Uri"] == f"s3://{tiny.bucket}/checkpoints/{summary['TrainingJobName']}"
    assert json.loads(tiny.unpack(training["ModelArtifacts"]["S3ModelArtifacts"])["weights.json"])["epochs"] == "1"
    for arn in (summary["TrainingJobArn"], job["HyperParameterTuningJobArn"]):
        assert tiny.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "bins"}]


def test_training_jobs_run_side_by_side_and_share_the_cores_from_the_first_on(tiny, tune, tmp_path):
    job, _ = tune(jobs=2, parallel=2, static={"meeting": str(tmp_path), "guests": "2"})
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    threads = {file.read_text() for file in tmp_path.iterdir()}
    assert len(threads) == 1, "one of the jobs took the other's cores"


def test_values_of_every_kind_of_range_are_texts_within_it(tiny, tune):
    ranges = {
        "ContinuousParameterRanges": [
            continuous("1e-4", "1e-1", "Logarithmic"),
            continuous("0.9", "0.999", "ReverseLogarithmic", "momentum"),
            continuous("1e-6", "1", "Auto", "decay"),
        ],
        "IntegerParameterRanges": [{"Name": "epochs", "MinValue": "1", "MaxValue": "3", "ScalingType": "Auto"}],
        "CategoricalParameterRanges": [{"Name": "batch", "Values": ["16", '"32"']}],
    }
    _, jobs = tune(jobs=6, parallel=3, ranges=ranges, strategy="Bayesian")
    for values in (job["TunedHyperParameters"] for job in jobs):
        assert 1e-4 <= float(values["rate"]) <= 1e-1
        assert 0.9 <= float(values["momentum"]) <= 0.999
        assert 1e-6 <= float(values["decay"]) <= 1
        assert values["epochs"] in {"1", "2", "3"}
        assert values["batch"] in {"16", '"32"'}
    assert len({job["TunedHyperParameters"]["rate"] for job in jobs}) == 6


def test_bayesian_search_learns_where_the_objective_is_good(tiny, tune):
    _, jobs = tune(jobs=15, strategy="Bayesian")
    distances = [abs(rate - 0.3) for rate in rates(jobs)]
    assert sum(distances[10:]) / 5 < sum(distances[:5]) / 5


def test_one_seed_proposes_the_same_values_and_another_others(tiny, tune):
    first, again, other = (rates(tune(jobs=3, RandomSeed=seed)[1]) for seed in (7, 7, 8))
    assert first == again
    assert set(first).isdisjoint(other)


def test_a_grid_tries_every_combination_once(tiny, tune):
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "rate", "Values": ["0.1", "0.3"]},
            {"Name": "epochs", "Values": ["1", "2", "3"]},
        ]
    }
    job, jobs = tune(jobs=None, parallel=3, strategy="Grid", ranges=ranges)
    tried = {(each["TunedHyperParameters"]["rate"], each["TunedHyperParameters"]["epochs"]) for each in jobs}
    assert len(jobs) == len(tried) == 6
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"rate": "0.3", "epochs": "3"}


def test_a_greater_objective_is_better_where_it_is_maximised(tiny, tune):
    job, jobs = tune(jobs=3, objective="Maximize")
    reached = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in jobs]
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == max(reached)


def test_a_failing_training_job_is_counted_and_the_search_goes_on(tiny, tune):
    job, jobs = tune(jobs=6, static={"breaks_above": "0.5"})
    failed = [each for each in jobs if each["TrainingJobStatus"] == "Failed"]
    assert {rate > 0.5 for rate in rates(failed)} == {True}
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert (
        job["TrainingJobStatusCounters"]["NonRetryableError"] == job["ObjectiveStatusCounters"]["Failed"] == len(failed)
    )
    assert failed[0]["FailureReason"] == "AlgorithmError: the rate is too high, exit code: 2"
    assert job["BestTrainingJob"]["TrainingJobStatus"] == "Completed"


def test_when_no_training_job_succeeds_the_tuning_job_fails_after_five(tiny, tune):
    job, jobs = tune(jobs=9, static={"breaks_above": "-1"})
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert len(jobs) == 5
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert "the rate is too high" in job["FailureReason"]
    assert "BestTrainingJob" not in job


def test_training_jobs_that_never_report_the_objective_have_failed_at_it(tiny, tune):
    job, jobs = tune(jobs=1, static={"silent": "1"})
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "none reported the objective 'loss'" in job["FailureReason"]
    assert (jobs[0]["TrainingJobStatus"], jobs[0]["ObjectiveStatus"]) == ("Completed", "Failed")


def test_a_tuning_job_completes_when_its_target_is_reached(tiny, tune):
    criteria = {"TargetObjectiveMetricValue": 10.0}
    job, jobs = tune(jobs=9, TuningJobCompletionCriteria=criteria)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(jobs) == 1


def test_a_tuning_job_completes_when_nothing_improves_any_more(tiny, tune):
    ranges = {"CategoricalParameterRanges": [{"Name": "rate", "Values": ["0.3"]}]}
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    job, jobs = tune(jobs=9, ranges=ranges, TuningJobCompletionCriteria=criteria)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(jobs) == 4
    assert job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 3


def test_a_training_job_worse_than_the_median_of_the_earlier_ones_is_stopped(tiny, tune):
    ranges = {"CategoricalParameterRanges": [{"Name": "rate", "Values": ["0.3", "9"]}]}
    job, jobs = tune(
        jobs=None,
        ranges=ranges,
        strategy="Grid",
        static={"epochs": "3", "pause": "0.3"},
        TrainingJobEarlyStoppingType="Auto",
    )
    good, bad = jobs
    assert (good["TrainingJobStatus"], bad["TrainingJobStatus"]) == ("Completed", "Stopped")
    assert bad["ObjectiveStatus"] == "Succeeded"
    assert bad["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] > 8.7
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert job["BestTrainingJob"]["TrainingJobName"] == good["TrainingJobName"]


@pytest.mark.parametrize(
    ("values", "completed", "behind"),
    [
        ([], [[1.0]], False),  # nothing reported yet
        ([5.0], [], False),  # nobody to compare with
        ([5.0, 5.0], [[1.0]], False),  # nobody came as far
        ([2.0], [[1.0, 9.0], [3.0], [1.5]], True),  # of 1.0, 3.0 and 1.5 the median is 1.5
        ([9.0, 2.0], [[4.0, 1.0]], False),  # 2.0 is better than 2.5, the average of 4.0 and 1.0
        ([1.0, 2.6], [[4.0, 1.0]], True),
    ],
)
def test_the_median_rule_compares_with_running_averages_up_to_the_same_epoch(values, completed, behind):
    assert is_behind(values, completed, maximize=False) is behind
    turned = [[-value for value in series] for series in completed]
    assert is_behind([-value for value in values], turned, maximize=True) is behind


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32, allow_subnormal=False), min_size=3, max_size=3), min_size=1, max_size=9
    ),
    st.booleans(),
)
def test_a_job_better_than_every_value_of_the_others_is_never_behind(completed, maximize):
    extreme = max if maximize else min
    values = [extreme(value for series in completed for value in series)] * 3
    assert not is_behind(values, completed, maximize)


@given(st.lists(st.integers(1, 40), max_size=12))
def test_values_are_found_in_a_log_that_grows_by_any_pieces(pieces):
    text = b"start\nloss=1.5; noise loss=nan;\nloss=2; loss=3;\nother=4\nloss=5.25;"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        values = MetricValues(log, "loss=([0-9.a-z]+);")
        assert values.read() == []
        for start, length in zip([sum(pieces[:n]) for n in range(len(pieces))], pieces, strict=True):
            with log.open("ab") as file:
                file.write(text[start : start + length])
            values.read()
        with log.open("ab") as file:
            file.write(text[sum(pieces) :])
        assert values.read() == [1.5, 2, 3]
        assert values.read(final=True) == [1.5, 2, 3, 5.25]


def test_stopping_a_tuning_job_stops_its_training_jobs_and_starts_no_more(tiny, until):
    name = start(tiny, jobs=5, parallel=2, static={"sleep": "600"})
    until(lambda: len([job for job in training_jobs(tiny, name) if "TrainingStartTime" in job]) == 2)
    assert describe(tiny, name)["ObjectiveStatusCounters"]["Pending"] == 2
    tiny.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    until(lambda: describe(tiny, name)["HyperParameterTuningJobStatus"] == "Stopped")
    assert [job["TrainingJobStatus"] for job in training_jobs(tiny, name)] == ["Stopped", "Stopped"]
    with pytest.raises(ClientError, match="because the hyper parameter tuning job is in status Stopped"):
        tiny.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert describe(tiny, name)["HyperParameterTuningJobStatus"] == "Stopped"


def test_tuning_jobs_and_their_training_jobs_are_listed_sorted_and_filtered(tiny, tune):
    job, _ = tune(jobs=4, parallel=2, static={"breaks_above": "0.6"})
    name = job["HyperParameterTuningJobName"]
    ranked = training_jobs(tiny, name, SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")
    values = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in ranked]
    assert values == sorted(values)
    assert ranked[0] == job["BestTrainingJob"]
    completed = training_jobs(tiny, name, StatusEquals="Completed")
    assert {each["TrainingJobName"] for each in completed} == {each["TrainingJobName"] for each in ranked}
    listing = tiny.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name, StatusEquals="Completed")
    check_answer(tiny, "ListHyperParameterTuningJobs", listing)
    (line,) = listing["HyperParameterTuningJobSummaries"]
    assert line["TrainingJobStatusCounters"] == job["TrainingJobStatusCounters"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "Hyperband"}, "Hyperband needs MaxResource, or one of"),
        (
            {"strategy": "Hyperband", "static": {"epochs": "3"}, "TrainingJobEarlyStoppingType": "Auto"},
            "must be Off to use Hyperband",
        ),
        (
            {
                "strategy": "Hyperband",
                "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 4, "MaxResource": 3}},
            },
            "MaxResource is 3; it must be at least MinResource, 4",
        ),
        ({"jobs": None}, "needs MaxNumberOfTrainingJobs"),
        ({"strategy": "Grid"}, "Grid takes categorical parameters only"),
        ({"parallel": 17, "jobs": 20}, "17 instances would train at once"),
        ({"static": {"rate": "1"}}, "'rate' is both static and in a range"),
        ({"ranges": {"ContinuousParameterRanges": [continuous("2", "1")]}}, "'rate' is empty"),
        ({"ranges": {"ContinuousParameterRanges": [continuous("a", "1")]}}, "is 'a', not a number"),
        ({"ranges": {"ContinuousParameterRanges": [continuous("0", "1", "Logarithmic")]}}, "greater than 0"),
        ({"ranges": {"ContinuousParameterRanges": [continuous("0", "1", "ReverseLogarithmic")]}}, r"0<=x<1\.0"),
        ({"ranges": {"ContinuousParameterRanges": [continuous(), continuous()]}}, "'rate' has 2 ranges"),
        ({"ranges": {"IntegerParameterRanges": [continuous("0.5", "2")]}}, "not whole numbers"),
        ({"ranges": {"IntegerParameterRanges": [continuous("1", "2", "ReverseLogarithmic")]}}, "for continuous ranges"),
        ({"ranges": {"AutoParameters": [{"Name": "rate", "ValueHint": "1"}]}}, "does not support AutoParameters"),
        ({"ranges": {"IntegerParameterRanges": []}}, "at least one hyperparameter"),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "los"}},
            "none of the MetricDefinitions",
        ),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused_with_a_sentence_that_names_it(tiny, options, message):
    with pytest.raises(ClientError, match=message):
        start(tiny, **options)


def test_a_name_is_used_once(tiny, tune):
    job, _ = tune(jobs=1)
    with pytest.raises(ClientError, match="already exists") as raised:
        tiny.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=job["HyperParameterTuningJobName"], **request(tiny)
        )
    assert raised.value.response["Error"]["Code"] == "ResourceInUse"
    with pytest.raises(ClientError, match="no tuning job named 'nobody'"):
        describe(tiny, "nobody")


def test_a_step_takes_the_tuned_values_and_the_models_of_an_earlier_step_by_reference(tiny):
    tune = {"Name": "FindTheBestRate", "Type": "Tuning", "Arguments": request(tiny, jobs=3, parallel=3)}
    get = "Steps.FindTheBestRate."
    train = {
        "Name": "Train",
        "Type": "Training",
        "Arguments": tiny.training(
            hyperparameters={
                "rate": {"Get": get + "BestTrainingJob.TunedHyperParameters['rate']"},
                "first": {"Get": get + "TrainingJobSummaries[0].TrainingJobName"},
                "reached": {"Get": get + "TrainingJobSummaries[0].FinalHyperParameterTuningJobObjectiveMetric.Value"},
            }
        ),
    }
    train["Arguments"]["HyperParameters"]["reached"] = {
        "Std:Join": {"On": "", "Values": [train["Arguments"]["HyperParameters"]["reached"]]}
    }
    execution = tiny.run([train, tune])
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    arn = execution["Steps"]["FindTheBestRate"]["Metadata"]["TuningJob"]["Arn"]
    name = arn.rsplit("/", 1)[-1]
    identity = execution["PipelineExecutionArn"].rsplit("/", 1)[-1]
    assert name.startswith(f"{identity}-FindTheB-")
    best = describe(tiny, name)["BestTrainingJob"]
    training = execution["Steps"]["Train"]["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    given = tiny.sagemaker.describe_training_job(TrainingJobName=training)["HyperParameters"]
    assert given["rate"] == best["TunedHyperParameters"]["rate"]
    assert given["first"] == best["TrainingJobName"]
    assert math.isclose(float(given["reached"]), best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


def test_a_failed_tuning_step_tells_the_reason_and_a_stopped_execution_stops_it(tiny, until):
    failing = {"Name": "Tune", "Type": "Tuning", "Arguments": request(tiny, jobs=1, static={"breaks_above": "-1"})}
    execution = tiny.run([failing])
    assert "No training job succeeded after 1 attempt." in execution["Steps"]["Tune"]["FailureReason"]
    assert "the rate is too high" in execution["FailureReason"]

    long = {"Name": "Tune", "Type": "Tuning", "Arguments": request(tiny, jobs=2, static={"sleep": "600"})}
    arn = tiny.start(tiny.create([long]))
    steps = tiny.sagemaker.list_pipeline_execution_steps
    until(lambda: [s for s in steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"] if s.get("Metadata")])
    tiny.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    stopped = tiny.finish(arn)
    assert stopped["PipelineExecutionStatus"] == stopped["Steps"]["Tune"]["StepStatus"] == "Stopped"


def test_a_definition_whose_tuning_step_is_malformed_is_refused(tiny):
    arguments = request(tiny)
    del arguments["HyperParameterTuningJobConfig"]["Strategy"]
    with pytest.raises(ClientError, match=r"step 'Tune' are not valid: 'HyperParameterTuningJobConfig\.Strategy'"):
        tiny.create([{"Name": "Tune", "Type": "Tuning", "Arguments": arguments}])
