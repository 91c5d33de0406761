"""The compiled definition. `python tests/pipelines/test_definition.py` writes the golden copies anew when wanted."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import load_preset, parse_config, preset_names
from pipelines.definition import compile_definition
from pipelines.errors import PipelineError
from pipelines.stack.settings import NetworkConfig
from steps.declaration import OWN_DISKS

GOLDEN = Path(__file__).parent / "golden"

# Any attempt to look up a name or to reach an address ends the compilation. (Importing urllib3 binds a socket once, to
# see whether the machine has IPv6; nothing can be sent through it.)
OFFLINE = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"):
        raise SystemExit(f"compiling used the network: {event} {arguments}")
sys.addaudithook(refuse)
from pipelines.__main__ import main
sys.argv[0] = "pipelines"
main()
"""


def compile_in_new_process(preset: str, hash_seed: str = "0") -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": hash_seed, "HOME": "/nonexistent"}
    command = [sys.executable, "-c", OFFLINE, "compile", "--preset", preset]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="session")
def definitions() -> dict[str, str]:
    return {preset: compile_in_new_process(preset) for preset in preset_names()}


def readable(definition: str) -> str:
    """Hashes of code and images are left out: the golden copy shows the pipeline, not every edit of a step."""
    text = json.dumps(json.loads(definition), indent=1) + "\n"
    text = re.sub(r"@sha256:[0-9a-f]{64}\b", ":latest", text)
    return re.sub(r"\b[0-9a-f]{64}\b", "<sha256>", text)


@pytest.mark.parametrize("preset", preset_names())
def test_the_definition_is_its_golden_copy(preset: str, definitions: dict[str, str]) -> None:
    golden = GOLDEN / f"{preset}.json"
    assert readable(definitions[preset]) == golden.read_text(), f"after a wanted change: python {__file__}"


def test_two_compiles_give_the_same_bytes_without_credentials_and_without_a_socket(definitions: dict[str, str]) -> None:
    assert compile_in_new_process("demo", hash_seed="1") == definitions["demo"]


def test_the_socket_guard_of_these_tests_works() -> None:
    program = OFFLINE.split("from pipelines")[0] + "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "compiling used the network" in done.stderr


def step(definition: str, name: str) -> dict[str, Any]:
    return next(found for found in json.loads(definition)["Steps"] if found["Name"] == name)


def test_parameters_are_typed_and_have_the_presets_values_as_defaults(definitions: dict[str, str]) -> None:
    parameters = {entry["Name"]: entry for entry in json.loads(definitions["abid"])["Parameters"]}
    assert parameters["MinimumAccuracy"] == {"Name": "MinimumAccuracy", "Type": "Float", "DefaultValue": 0.5567}
    assert parameters["MaximumRmse"] == {"Name": "MaximumRmse", "Type": "Float", "DefaultValue": 0.93}
    assert parameters["MaxCount"] == {"Name": "MaxCount", "Type": "Integer", "DefaultValue": 5}
    assert parameters["SourceUri"]["DefaultValue"] == load_preset("abid").catalog.source
    assert parameters["ModelApprovalStatus"]["EnumValues"] == ["PendingManualApproval", "Approved", "Rejected"]
    assert {"IngestInstanceType", "IngestInstanceCount", "TrainingInstanceType"} < set(parameters)


def test_the_gate_needs_accuracy_and_rmse_and_tells_both_numbers_when_it_refuses(definitions: dict[str, str]) -> None:
    gate = step(definitions["demo"], "QualityGate")["Arguments"]
    kinds = {condition["Type"]: condition for condition in gate["Conditions"]}
    assert set(kinds) == {"GreaterThanOrEqualTo", "LessThanOrEqualTo"}
    assert [found["Type"] for found in gate["IfSteps"]] == ["RegisterModel", "Lambda"]
    message = json.dumps(gate["ElseSteps"][0]["Arguments"]["ErrorMessage"])
    for part in ("accuracy.value", "rmse.value", "Parameters.MinimumAccuracy", "Parameters.MaximumRmse"):
        assert part in message


FOLDERS = """
name = "dog-breeds"
[images]
processing = "p"
training = "t"
serving = "s"
[catalog]
source = "s3://{bucket}/dogs"
layout = "folders"
[train]
label_softness = 0
[register]
group = "breeds"
[gate]
minimum_accuracy = 0.8
"""


def compile_text(text: str) -> str:
    config = parse_config(text.encode(), "test").placed("111122223333", "eu-west-1")
    return compile_definition(config, "eu-west-1")


def test_named_classes_have_a_gate_of_accuracy_alone_and_no_parameter_for_an_error() -> None:
    definition = compile_text(FOLDERS)
    gate = step(definition, "QualityGate")["Arguments"]
    assert [condition["Type"] for condition in gate["Conditions"]] == ["GreaterThanOrEqualTo"]
    assert "MaximumRmse" not in definition
    assert "regression_metrics" not in definition
    arguments = step(definition, "Evaluate")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert "--maximum-rmse" not in arguments


def test_the_deploying_function_is_told_of_the_package_just_registered(definitions: dict[str, str]) -> None:
    deploy = step(definitions["demo"], "QualityGate")["Arguments"]["IfSteps"][1]
    assert deploy["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:bin-counter-demo-deploy"
    assert deploy["Arguments"] == {"ModelPackageArn": {"Get": "Steps.Register-RegisterModel.ModelPackageArn"}}
    assert "CacheConfig" not in deploy


def test_without_a_deployment_the_pipeline_ends_with_the_registration() -> None:
    gate = step(compile_text(FOLDERS), "QualityGate")["Arguments"]
    assert [found["Type"] for found in gate["IfSteps"]] == ["RegisterModel"]


def test_the_gate_can_ask_that_a_model_is_not_worse_than_the_champion() -> None:
    definition = compile_text(FOLDERS + "not_worse_than_champion = true")
    gate = step(definition, "QualityGate")["Arguments"]
    figure = gate["Conditions"][1]["LeftValue"]["Std:JsonGet"]["Path"]
    assert (figure, gate["Conditions"][1]["RightValue"]) == ("detail.champion.not_worse", 1.0)
    assert "detail.champion.statement" in json.dumps(gate["ElseSteps"][0]["Arguments"]["ErrorMessage"])
    arguments = step(definition, "Evaluate")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--champion-required") + 1] == "True"


def test_evaluate_reaches_the_registry_and_takes_no_earlier_result_for_it(definitions: dict[str, str]) -> None:
    evaluate = step(definitions["demo"], "Evaluate")
    assert "CacheConfig" not in evaluate
    assert evaluate["Arguments"]["NetworkConfig"]["EnableNetworkIsolation"] is False
    arguments = evaluate["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--champion-group") + 1] == load_preset("demo").register_.group
    assert {entry["InputName"] for entry in evaluate["Arguments"]["ProcessingInputs"]} == {
        "code",
        "model",
        "test",
        "catalog",
    }


KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
NETWORK = {"subnets": ("subnet-1", "subnet-2"), "security_groups": ("sg-1",)}


@pytest.fixture(scope="module")
def inside() -> dict[str, dict[str, Any]]:
    """The jobs of the preset abid within a network and with a key of its own, by step."""
    config = load_preset("abid").placed("111122223333", "eu-west-1")
    config = config.model_copy(update={"kms_key": KEY, "network": NetworkConfig.model_validate(NETWORK)})
    definition = compile_definition(config, "eu-west-1")
    names = ("Catalog", "Ingest", "Explore", "Tune", "Train", "Evaluate")
    jobs = {name: step(definition, name)["Arguments"] for name in names}
    return {name: job.get("TrainingJobDefinition", job) for name, job in jobs.items()}


def test_every_job_runs_in_the_network_that_is_named(inside: dict[str, dict[str, Any]]) -> None:
    for job in inside.values():
        network = job.get("NetworkConfig", job)["VpcConfig"]
        assert network == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}


def test_the_key_encrypts_all_outputs_and_the_disks_that_hardware_does_not(inside: dict[str, dict[str, Any]]) -> None:
    for name, job in inside.items():
        if "ProcessingOutputConfig" in job:
            assert job["ProcessingOutputConfig"]["KmsKeyId"] == KEY
            assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == KEY
        else:
            assert job["OutputDataConfig"]["KmsKeyId"] == KEY
            # abid trains on ml.g5 with an NVMe disk, for which SageMaker refuses a key.
            resources = job["HyperParameterTuningResourceConfig" if name == "Tune" else "ResourceConfig"]
            assert "VolumeKmsKeyId" not in resources


@pytest.mark.parametrize(
    ("instance_type", "own"),
    [
        ("ml.m5.xlarge", False),
        ("ml.m5d.xlarge", True),
        ("ml.c6id.large", True),
        ("ml.c7i.2xlarge", False),
        ("ml.g4dn.xlarge", True),
        ("ml.g5.4xlarge", True),
        ("ml.p3.2xlarge", False),
        ("ml.p4d.24xlarge", True),
        ("ml.trn1.2xlarge", True),
    ],
)
def test_instances_with_disks_of_their_own_are_known(instance_type: str, own: bool) -> None:
    assert bool(OWN_DISKS.fullmatch(instance_type)) == own


def test_a_network_needs_subnets_and_security_groups() -> None:
    with pytest.raises(PipelineError, match="give both or neither"):
        compile_text('network = {subnets = ["subnet-1"]}\n' + FOLDERS)


def test_every_job_has_a_time_limit_and_encrypted_traffic(definitions: dict[str, str]) -> None:
    for name in ("Catalog", "Ingest", "Explore", "Tune", "Train", "Evaluate"):
        arguments = step(definitions["abid"], name)["Arguments"]
        arguments = arguments.get("TrainingJobDefinition", arguments)
        network = arguments.get("NetworkConfig", arguments)
        assert arguments["StoppingCondition"]["MaxRuntimeInSeconds"] > 0
        assert network["EnableInterContainerTrafficEncryption"] is True


def test_jobs_and_trials_carry_the_tags_by_which_costs_are_told_apart(definitions: dict[str, str]) -> None:
    for name in ("Catalog", "Ingest", "Explore", "Tune", "Train", "Evaluate"):
        assert step(definitions["abid"], name)["Arguments"]["Tags"] == [
            {"Key": "pipeline", "Value": "bin-counter-abid"}
        ]


@pytest.mark.parametrize("preset", preset_names())
def test_train_takes_the_tuned_values_by_reference_and_all_others_from_the_preset(
    preset: str, definitions: dict[str, str]
) -> None:
    tune, train = (step(definitions[preset], name)["Arguments"] for name in ("Tune", "Train"))
    ranges = tune["HyperParameterTuningJobConfig"]["ParameterRanges"]
    tuned = {entry["Name"] for kind in ranges.values() for entry in kind}
    given = train["HyperParameters"]
    settings = load_preset(preset)
    own = settings.train.model_dump(mode="json")
    assert settings.tune
    assert tuned == set(settings.tune.tuned)
    assert set(given) == set(type(settings.train).model_fields)
    for name, value in given.items():
        if name in tuned:
            assert f"Steps.Tune.BestTrainingJob.TunedHyperParameters['{name}']" in json.dumps(value)
        else:
            assert value == str(own[name])
    definition = tune["TrainingJobDefinition"]
    assert definition["InputDataConfig"] == train["InputDataConfig"]
    assert "CheckpointConfig" in train
    assert "CheckpointConfig" not in definition, "trials that run at once would overwrite each other's checkpoints"
    assert definition["Environment"] == train["Environment"]
    assert not tuned & set(definition["StaticHyperParameters"])


def test_without_a_search_nothing_is_tuned_and_train_has_the_presets_own_values() -> None:
    from pipelines.definition import compile_definition

    config = load_preset("demo").placed("111122223333", "us-east-1")
    definition = compile_definition(config.model_copy(update={"tune": None}), "us-east-1")
    assert "Tune" not in {found["Name"] for found in json.loads(definition)["Steps"]}
    given = step(definition, "Train")["Arguments"]["HyperParameters"]
    assert given["learning_rate"] == str(config.train.learning_rate)


def test_training_and_its_trials_start_from_the_named_weights() -> None:
    from pipelines.definition import compile_definition

    config = load_preset("demo").model_copy(update={"initial_weights": "s3://{bucket}/weights/resnet18"})
    placed = config.placed("111122223333", "us-east-1")
    definition = compile_definition(placed, "us-east-1")
    tune, train = (step(definition, name)["Arguments"] for name in ("Tune", "Train"))
    for job in (tune["TrainingJobDefinition"], train):
        sources = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in job["InputDataConfig"]}
        assert sources["weights"] == f"s3://{placed.bucket}/weights/resnet18/"


def test_without_named_weights_there_is_no_channel_of_them(definitions: dict[str, str]) -> None:
    channels = step(definitions["demo"], "Train")["Arguments"]["InputDataConfig"]
    assert [each["ChannelName"] for each in channels] == ["code", "train", "validation"]


def test_trials_are_as_short_as_asked_for_and_have_their_own_outputs(definitions: dict[str, str]) -> None:
    definition = step(definitions["demo"], "Tune")["Arguments"]["TrainingJobDefinition"]
    settings = load_preset("demo").tune
    assert settings
    assert definition["StaticHyperParameters"]["epochs"] == str(settings.trial_epochs)
    assert definition["OutputDataConfig"]["S3OutputPath"]["Std:Join"]["Values"][-1] == "tune"
    assert step(definitions["demo"], "Tune")["CacheConfig"]["Enabled"] is True


if __name__ == "__main__":
    for name in preset_names():
        (GOLDEN / f"{name}.json").write_text(readable(compile_in_new_process(name)))
