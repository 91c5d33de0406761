"""Edits of a definition, each with what is said of it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.diff.compare import differences

Definition = dict[str, Any]
OTHER_CODE = "1" * 64


def step(definition: Definition, name: str) -> Definition:
    branches = next(found for found in definition["Steps"] if found["Type"] == "Condition")["Arguments"]
    steps = [*definition["Steps"], *branches["IfSteps"], *branches["ElseSteps"]]
    return next(found for found in steps if found["Name"] == name)


def arguments(definition: Definition, name: str) -> Definition:
    found: Definition = step(definition, name)["Arguments"]
    return found


def add_parameter(definition: Definition) -> None:
    definition["Parameters"].append({"Name": "Epochs", "Type": "Integer", "DefaultValue": 8})


def remove_parameter(definition: Definition) -> None:
    del definition["Parameters"][0]


def change_default(definition: Definition) -> None:
    definition["Parameters"][1]["DefaultValue"] = 6


def narrow_parameter(definition: Definition) -> None:
    definition["Parameters"][-1]["EnumValues"].pop()


def remove_step(definition: Definition) -> None:
    definition["Steps"] = [found for found in definition["Steps"] if found["Name"] != "Explore"]


def add_step(definition: Definition) -> None:
    definition["Steps"].append({"Name": "Report", "Type": "Lambda", "Arguments": {}})


def add_to_branch(definition: Definition) -> None:
    arguments(definition, "QualityGate")["ElseSteps"].append({"Name": "Tell", "Type": "Lambda", "Arguments": {}})


def rename_step(definition: Definition) -> None:
    step(definition, "Ingest")["Name"] = "Pack"
    for name in ("Explore", "Tune", "Train", "Evaluate"):
        rewrite(arguments(definition, name), "Steps.Ingest.", "Steps.Pack.")


def rewrite(value: Any, old: str, new: str) -> None:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, str):
            value[key] = item.replace(old, new)
        elif isinstance(item, dict | list):
            rewrite(item, old, new)


def move_step(definition: Definition) -> None:
    gate = arguments(definition, "QualityGate")
    definition["Steps"].append(gate["IfSteps"].pop())


def wait_for_another(definition: Definition) -> None:
    step(definition, "Explore")["DependsOn"] = ["Evaluate"]


def other_image(definition: Definition) -> None:
    arguments(definition, "Train")["AlgorithmSpecification"]["TrainingImage"] = "training:2"


def other_digest(definition: Definition) -> None:
    arguments(definition, "Train")["AlgorithmSpecification"]["TrainingImage"] = f"{REGISTRY}/training@sha256:{'b' * 64}"


def other_machine(definition: Definition) -> None:
    cluster = arguments(definition, "Explore")["ProcessingResources"]["ClusterConfig"]
    cluster |= {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 2, "VolumeSizeInGB": 60}
    arguments(definition, "Explore")["StoppingCondition"]["MaxRuntimeInSeconds"] = 60


def other_hyperparameter(definition: Definition) -> None:
    for given in (
        arguments(definition, "Tune")["TrainingJobDefinition"]["StaticHyperParameters"],
        arguments(definition, "Train")["HyperParameters"],
    ):
        given["seed"] = "7"


def other_environment(definition: Definition) -> None:
    environment = arguments(definition, "Evaluate")["Environment"]
    environment["LANG"] = "C"
    del environment["PYTHONSAFEPATH"]


def other_code(definition: Definition) -> None:
    rewrite(arguments(definition, "Catalog"), "0" * 64, OTHER_CODE)


def other_argument(definition: Definition) -> None:
    given = arguments(definition, "Ingest")["AppSpecification"]["ContainerArguments"]
    given[given.index("--size") + 1] = "128"


def other_condition(definition: Definition) -> None:
    conditions = arguments(definition, "QualityGate")["Conditions"]
    conditions[0]["Type"] = "GreaterThan"
    del conditions[1]


def other_retry(definition: Definition) -> None:
    step(definition, "Train")["RetryPolicies"].pop(0)


def other_cache(definition: Definition) -> None:
    step(definition, "Train")["CacheConfig"]["ExpireAfter"] = "P7D"
    del step(definition, "Ingest")["CacheConfig"]


def other_output(definition: Definition) -> None:
    outputs = arguments(definition, "Ingest")["ProcessingOutputConfig"]["Outputs"]
    outputs[:] = [found for found in outputs if found["OutputName"] != "report"]
    outputs.reverse()


def other_experiment(definition: Definition) -> None:
    definition["PipelineExperimentConfig"]["TrialName"] = {"Get": "Execution.StartDateTime"}


SERVICE = "5 times after SERVICE_FAULT or THROTTLING, first after 10 s, times 2"
PATIENT = "120 minutes long after JOB_INTERNAL_ERROR or CAPACITY_ERROR, first after 60 s, times 2"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/bin-counter"
IMAGE = f"{REGISTRY}/training:latest"

EDITS: list[tuple[Callable[[Definition], None], list[str]]] = [
    (add_parameter, ["parameter Epochs is new, with the default 8"]),
    (remove_parameter, ["parameter SourceUri is gone"]),
    (change_default, ["the default of parameter MaxCount is now 6; it was 5"]),
    (
        narrow_parameter,
        [
            'EnumValues of parameter ModelApprovalStatus is now ["PendingManualApproval", "Approved"]; '
            'it was ["PendingManualApproval", "Approved", "Rejected"]'
        ],
    ),
    (remove_step, ["step Explore is gone"]),
    (add_step, ["step Report is new: Lambda, in every execution"]),
    (add_to_branch, ["step Tell is new: Lambda, if QualityGate finds its conditions not met"]),
    (rename_step, ["step Ingest is now called Pack"]),
    (move_step, ["step Deploy now runs in every execution; it ran if QualityGate finds its conditions met"]),
    (wait_for_another, ['"Evaluate" is new among the steps before Explore']),
    (other_image, [f'the image of Train is now "training:2"; it was "{IMAGE}"']),
    (
        other_machine,
        [
            'the instance type of Explore is now "ml.m5.4xlarge"; it was "ml.m5.xlarge"',
            "the number of instances of Explore is now 2; it was 1",
            "the disk in GB of Explore is now 60; it was 30",
            "the longest running time in seconds of Explore is now 60; it was 14400",
        ],
    ),
    (other_hyperparameter, ['hyperparameter seed of Tune and Train is now "7"; it was "0"']),
    (
        other_environment,
        [
            'environment variable PYTHONSAFEPATH of Evaluate is gone; it was "1"',
            'environment variable LANG of Evaluate is new: "C"',
        ],
    ),
    (other_code, ["the code of Catalog changed: it is now 111111111111; it was 000000000000"]),
    (other_argument, ['argument --size of Ingest is now "128"; it was "96"']),
    (
        other_condition,
        [
            "multiclass_classification_metrics.accuracy.value > Parameters.MinimumAccuracy "
            "is new among the conditions of QualityGate",
            "multiclass_classification_metrics.accuracy.value >= Parameters.MinimumAccuracy "
            "is no longer among the conditions of QualityGate",
            "regression_metrics.rmse.value <= Parameters.MaximumRmse is no longer among the conditions of QualityGate",
        ],
    ),
    (other_retry, [f"the retrying of Train is now {PATIENT}; it was {SERVICE}; {PATIENT}"]),
    (
        other_cache,
        [
            'the reuse of earlier results of Ingest is gone; it was {"Enabled": true, "ExpireAfter": "P1D"}',
            'the reuse of earlier results of Train (ExpireAfter) is now "P7D"; it was "P1D"',
        ],
    ),
    (
        other_experiment,
        [
            "PipelineExperimentConfig.TrialName of the pipeline is now Execution.StartDateTime; "
            "it was Execution.PipelineExecutionId"
        ],
    ),
]


@pytest.mark.parametrize(("edit", "said"), EDITS, ids=lambda value: getattr(value, "__name__", ""))
def test_an_edit_is_told_in_words(compiled: Definition, edit: Callable[[Definition], None], said: list[str]) -> None:
    edited = copy.deepcopy(compiled)
    edit(edited)
    assert differences(compiled, edited) == said


def test_another_digest_is_another_image_and_not_another_code(compiled: Definition) -> None:
    pinned = copy.deepcopy(compiled)
    other_digest(pinned)
    moved = json.loads(json.dumps(pinned).replace("b" * 64, "c" * 64))
    image = f"{REGISTRY}/training@sha256:"
    said = f'the image of Train is now "{image}{"c" * 64}"; it was "{image}{"b" * 64}"'
    assert differences(pinned, moved) == [said]


@pytest.mark.parametrize("text", ["none", f"{'1' * 64}/{'2' * 64}", "s3://b/c", f"s3://b/{'1' * 64}"])
def test_a_hash_that_comes_or_goes_is_a_change_like_any_other(compiled: Definition, text: str) -> None:
    edited = copy.deepcopy(compiled)
    for definition, value in ((compiled, f"s3://b/c{'1' * 64}/{'1' * 64}"), (edited, text)):
        arguments(definition, "Evaluate")["Environment"]["SOURCE"] = value
    for old, new in ((compiled, edited), (edited, compiled)):
        (said,) = differences(old, new)
        assert said.startswith("environment variable SOURCE of Evaluate is now ")


def test_of_several_hashes_the_one_that_changed_is_told(compiled: Definition) -> None:
    edited = copy.deepcopy(compiled)
    for definition, first in ((compiled, "1"), (edited, "2")):
        definition["Steps"][0]["Arguments"]["S3Uri"] = f"s3://b/{first * 64}/{'3' * 64}"
    (said,) = differences(compiled, edited)
    assert said.endswith(f"it ends in {'2' * 12}, no longer {'1' * 12}")


def test_what_is_gone_from_a_list_of_names_is_told_and_its_order_is_not(compiled: Definition) -> None:
    edited = copy.deepcopy(compiled)
    other_output(edited)
    (said,) = differences(compiled, edited)
    assert said.startswith('ProcessingOutputConfig.Outputs.report of Ingest is gone; it was {"OutputName": "report"')
    assert len(said) < 250


def test_a_new_checkpoint_place_is_told_to_follow_from_the_code(compiled: Definition) -> None:
    edited = copy.deepcopy(compiled)
    rewrite(arguments(edited, "Tune"), "0" * 64, OTHER_CODE)
    rewrite(arguments(edited, "Train"), "0" * 64, OTHER_CODE)
    assert differences(compiled, edited) == [
        "the code of Tune and Train changed: it is now 111111111111; it was 000000000000",
        "CheckpointConfig.S3Uri of Train follows a change of code or settings: "
        "it ends in 111111111111, no longer 000000000000",
    ]
