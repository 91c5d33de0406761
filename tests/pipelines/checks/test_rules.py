"""Each rule finds what was planted against it, where it was planted."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from pipelines.checks.rules import RULES

Json = dict[str, Any]
Edit = Callable[[Json], None]

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BUCKET = "s3://some-bucket"
RANGES = "Arguments.HyperParameterTuningJobConfig.ParameterRanges"
TRIAL = "Arguments.TrainingJobDefinition"
OUTPUT = "Arguments.ProcessingOutputConfig.Outputs[0]"
URI = f"{OUTPUT}.S3Output.S3Uri"
OTHER_BRANCH = {"Get": "Steps.Late.ProcessingJobArn"}


class Planted(NamedTuple):
    """A violation: of which rule, in which definition, what is told of which step."""

    rule: str
    step: str
    edit: Edit
    told: str
    definition: str = "demo"


def step_of(definition: Json, name: str) -> Json:
    """The step, in branches too; the definition itself for an empty name."""
    if not name:
        return definition
    steps = list(definition["Steps"])
    for step in steps:
        if step["Name"] == name:
            return step
        steps += step["Arguments"].get("IfSteps", []) + step["Arguments"].get("ElseSteps", [])
    raise KeyError(name)


def put(step: str, path: str, value: Any) -> Edit:
    """Set what stands at a path in a step; items of lists are counted in brackets."""

    def edit(definition: Json) -> None:
        *way, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
        place: Any = step_of(definition, step)
        for part in way:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
        place[last] = value

    return edit


def drop(step: str, path: str) -> Edit:
    """Remove a field of an object in a step."""

    def edit(definition: Json) -> None:
        *way, last = path.split(".")
        place = step_of(definition, step)
        for part in way:
            place = place[part]
        del place[last]

    return edit


def all_of(*edits: Edit) -> Edit:
    def edit(definition: Json) -> None:
        for each in edits:
            each(definition)

    return edit


def again(step: str, **changes: Any) -> Edit:
    """Add a copy of a step at the end, with other fields."""

    def edit(definition: Json) -> None:
        copy = json.loads(json.dumps(step_of(definition, step)))
        definition["Steps"].append({**copy, **changes})

    return edit


def append(path: str, value: Any, step: str = "") -> Edit:
    def edit(definition: Json) -> None:
        place: Any = step_of(definition, step)
        for part in path.split("."):
            place = place.setdefault(part, []) if part == path.rpartition(".")[2] else place[part]
        place.append(value)

    return edit


def parameter(name: str, type_: str = "String", **others: Any) -> Edit:
    return append("Parameters", {"Name": name, "Type": type_, **others})


def reading_the_copied_uri(definition: Json) -> None:
    uri = step_of(definition, "Catalog")["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    put("Ingest", "Arguments.ProcessingInputs[1].S3Input.S3Uri", uri)(definition)


def cut_off(definition: Json) -> None:
    """Evaluate waits for a step that runs only when the gate has refused what Evaluate found; Deploy for both."""
    late = json.loads(json.dumps(step_of(definition, "Catalog")))
    step_of(definition, "QualityGate")["Arguments"]["ElseSteps"].append({**late, "Name": "Late"})
    put("Deploy", "Arguments.Late", OTHER_BRANCH)(definition)


PLANTED = [
    Planted("definition-form", "", put("", "Version", "2019-01-01"), "Version is '2019-01-01'"),
    Planted("definition-form", "", put("", "Steps", []), "at least one step"),
    Planted("definition-form", "", put("", "Parameters", [{"Type": "String"}]), "each with a Name"),
    Planted("definition-form", "Train", drop("Train", "Arguments"), r"Steps\[4\] must have Arguments"),
    Planted("definition-form", "Deploy", put("Deploy", "Type", 7), r"QualityGate.IfSteps\[1\] must have Type"),
    Planted("definition-form", "Train", put("Train", "RetryPolicies", {}), "must have RetryPolicies as a list"),
    Planted("step-type", "Train", put("Train", "Type", "Trainig"), "'Trainig' is not one of"),
    Planted("step-fields", "Train", put("Train", "Retries", []), "a Training step has no field 'Retries'"),
    Planted("request-shape", "Train", drop("Train", "Arguments.RoleArn"), "'RoleArn' is required"),
    Planted("request-shape", "Train", put("Train", "Arguments.Rolle", "x"), "'Rolle' is not a known field"),
    Planted(
        "request-shape",
        "Catalog",
        put("Catalog", "Arguments.ProcessingResources.ClusterConfig.InstanceCount", "2"),
        r"InstanceCount' must be of type integer, not '2'",
    ),
    Planted(
        "request-shape",
        "Catalog",
        put("Catalog", "Arguments.ProcessingResources.ClusterConfig.VolumeSizeInGB", 20_000),
        "VolumeSizeInGB' must have a value of at most 16384",
    ),
    Planted(
        "request-shape", "Ingest", put("", "Parameters[2].DefaultValue", "ml.m5.huge"), "InstanceType' must be one of"
    ),
    Planted("request-shape", "Train", put("Train", "Arguments.RoleArn", "role"), "RoleArn' must .* at least 20"),
    Planted("request-shape", "Deploy", put("Deploy", "FunctionArn", "arn:aws:s3:::f"), "Invoke: .* must match"),
    Planted(
        "expression-place",
        "Catalog",
        put(
            "Catalog",
            "Arguments.ProcessingResources.ClusterConfig.InstanceCount",
            {"Get": "Execution.PipelineName"},
        ),
        "InstanceCount must be of type integer, which Execution.PipelineName never is",
    ),
    Planted(
        "expression-place",
        "Train",
        put("Train", "Arguments.Environment", {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Unknown"}]}}),
        "Environment must be of type map, which Std:Join never is",
    ),
    Planted("definition-size", "", put("", "Metadata", {"note": "x" * 1_048_576}), "at most 1,048,576"),
    Planted("definition-size", "", all_of(*[again("Explore", Name=f"E{n}") for n in range(50)]), "at most 50"),
    Planted("definition-size", "", all_of(*[parameter(f"P{n}") for n in range(200)]), "at most 200"),
    Planted("names", "Train_" * 11, put("Train", "Name", "Train_" * 11), "length of at most 64"),
    Planted("names", "", parameter("a b"), "must match the pattern"),
    Planted("names", "", put("Explore", "Name", ""), "Name is empty"),
    Planted("retry-policy", "Train", put("Train", "RetryPolicies[0].IntervalSeconds", 43_201), "at most 43200"),
    Planted("retry-policy", "Train", put("Train", "RetryPolicies[0].MaxAttempts", 21), "less than or equal to 20"),
    Planted("retry-policy", "Train", put("Train", "RetryPolicies[0].ExpireAfterMin", 5), "only one of MaxAttempts"),
    Planted("retry-policy", "Train", put("Train", "RetryPolicies[0].ExceptionType", ["Step.BAD_LUCK"]), "Input should"),
    Planted("retry-policy", "Deploy", put("Deploy", "RetryPolicies", [{}]), "Lambda steps take no RetryPolicies"),
    Planted("cache-config", "Train", put("Train", "CacheConfig.ExpireAfter", "a week"), "not an ISO 8601 duration"),
    Planted(
        "cache-config", "Register-RegisterModel", put("Register-RegisterModel", "CacheConfig", {}), "no step cache"
    ),
    Planted(
        "training-time",
        "Train",
        put("Train", "Arguments.StoppingCondition", {"MaxRuntimeInSeconds": 2_419_201, "MaxWaitTimeInSeconds": 9**9}),
        "at most 2419200",
    ),
    Planted(
        "tuning-limits",
        "Tune",
        put("Tune", "Arguments.HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs", 751),
        "751 trainings: at most 750",
    ),
    Planted(
        "tuning-limits",
        "Tune",
        put("Tune", "Arguments.HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs", 4),
        "MaxParallelTrainingJobs is 4, more than all 3",
    ),
    Planted(
        "tuning-limits",
        "Tune",
        put("Tune", f"{RANGES}.CategoricalParameterRanges", [{"Name": f"h{n}", "Values": ["1"]} for n in range(30)]),
        "31 searched hyperparameters: at most 30",
    ),
    Planted("transform-payload", "Count", put("Count", "Arguments.MaxPayloadInMB", 26), "4 x 26 MB at once", "audit"),
    Planted("output-parameters", "Deploy", put("Deploy", "OutputParameters[0].OutputType", "List"), "must be String"),
    Planted(
        "output-parameters",
        "Deploy",
        put("Deploy", "OutputParameters", [{"OutputName": f"o{n}", "OutputType": "String"} for n in range(51)]),
        "51 OutputParameters: at most 50",
    ),
    Planted(
        "spot-wait",
        "Train",
        put("Train", "Arguments.StoppingCondition.MaxWaitTimeInSeconds", 60),
        "60, is less than MaxRuntimeInSeconds, 14400",
    ),
    Planted(
        "spot-wait", "Tune", drop("Tune", f"{TRIAL}.StoppingCondition.MaxWaitTimeInSeconds"), "without MaxWaitTime"
    ),
    Planted("spot-wait", "Train", put("Train", "Arguments.EnableManagedSpotTraining", False), "does not run on"),
    Planted(
        "local-storage-key",
        "Train",
        all_of(
            put("Train", "Arguments.ResourceConfig.VolumeKmsKeyId", KEY),
            put("", "Parameters[4].DefaultValue", "ml.g5.xlarge"),
        ),
        "ml.g5.xlarge has local storage",
    ),
    Planted("tag-keys", "Train", append("Arguments.Tags", {"Key": "pipeline", "Value": ""}, "Train"), "given twice"),
    Planted("tag-keys", "Train", append("Arguments.Tags", {"Key": "AWS:team", "Value": ""}, "Train"), "AWS's own"),
    Planted(
        "tag-keys",
        "Register-RegisterModel",
        put("Register-RegisterModel", "Arguments.Tags", [{"Key": "team", "Value": "bins"}]),
        "leave Tags out",
    ),
    Planted(
        "training-program",
        "Train",
        put("Train", "Arguments.AlgorithmSpecification.AlgorithmName", "xgboost"),
        "and not both",
    ),
    Planted("training-program", "Train", drop("Train", "Arguments.ResourceConfig"), "ResourceConfig is missing"),
    Planted("tuning-search", "Tune", put("Tune", f"{TRIAL}.StaticHyperParameters.learning_rate", "0.1"), "both"),
    Planted(
        "tuning-search",
        "Tune",
        put("Tune", f"{RANGES}.ContinuousParameterRanges[0].MinValue", "0.5"),
        "range of 'learning_rate' must go from a number to a larger one",
    ),
    Planted(
        "tuning-search",
        "Tune",
        put("Tune", "Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName", "f1"),
        "the objective 'f1' is not among",
    ),
    Planted("unique-entries", "Train", put("Train", "Arguments.InputDataConfig[0].ChannelName", "train"), "twice"),
    Planted("unique-entries", "Catalog", put("Catalog", f"{OUTPUT}.S3Output.LocalPath", "/tmp"), "must begin with"),
    Planted(
        "unique-entries",
        "Catalog",
        put("Catalog", f"{OUTPUT}.S3Output.LocalPath", "/opt/ml/processing/input/code"),
        "LocalPath '/opt/ml/processing/input/code' is given twice",
    ),
    Planted("unique-names", "Explore", again("Explore"), "2 steps are named 'Explore'"),
    Planted("unique-names", "", parameter("SourceUri"), "2 parameters are named 'SourceUri'"),
    Planted("parameters", "", put("", "Parameters[1].DefaultValue", "five"), "MaxCount"),
    Planted("parameters", "", put("", "Parameters[7].DefaultValue", "Perhaps"), "ModelApprovalStatus"),
    Planted("parameters", "", put("", "Parameters[1].Type", "Whole"), "the parameter 'MaxCount'.Type: Input should"),
    Planted("unused-parameter", "", parameter("Spare"), "no step takes the parameter 'Spare'"),
    Planted("expressions", "Train", put("Train", "Arguments.RoleArn", {"Get": "Steps"}), "is not a reference"),
    Planted("expressions", "Train", put("Train", "Arguments.RoleArn", {"Std:Join": []}), "takes On and Values"),
    Planted("known-references", "Train", put("Train", "DependsOn", ["Rest"]), "'Rest', which is not a step"),
    Planted(
        "known-references",
        "Train",
        put("Train", "Arguments.RoleArn", {"Get": "Parameters.Role"}),
        "the parameter 'Role', which is not declared",
    ),
    Planted(
        "known-references",
        "Train",
        put("Train", "Arguments.RoleArn", {"Get": "Steps.Rest.RoleArn"}),
        "the step 'Rest', which is not a step",
    ),
    Planted(
        "known-references",
        "QualityGate",
        put("Evaluate", "PropertyFiles[0].PropertyFileName", "Figures"),
        "the property file 'Evaluation', which Evaluate does not declare",
    ),
    Planted(
        "known-properties",
        "Train",
        put("Train", "Arguments.RoleArn", {"Get": "Steps.Ingest.Role"}),
        "The step 'Ingest' has no property 'Role'",
    ),
    Planted(
        "property-file",
        "Evaluate",
        put("Evaluate", "PropertyFiles[0].OutputName", "figures"),
        "in no output of the step",
    ),
    Planted("property-file", "Train", put("Train", "PropertyFiles", [{}]), "Training steps have no PropertyFiles"),
    Planted("condition-form", "QualityGate", put("QualityGate", "Arguments.Conditions", []), "a list of Conditions"),
    Planted(
        "condition-form",
        "QualityGate",
        put("QualityGate", "Arguments.Conditions[0].Type", "RoughlyEquals"),
        "is not a type of condition",
    ),
    Planted("condition-form", "QualityTooLow", drop("QualityTooLow", "Arguments.ErrorMessage"), "an ErrorMessage"),
    Planted("no-circle", "", put("Catalog", "DependsOn", ["Evaluate"]), "in a circle: "),
    Planted("reachable", "Deploy", cut_off, "it waits for both branches of the condition 'QualityGate'"),
    Planted(
        "encrypted-traffic",
        "Ingest",
        put("Ingest", "Arguments.NetworkConfig.EnableInterContainerTrafficEncryption", False),
        "must be true",
    ),
    Planted("encrypted-traffic", "Tune", drop("Tune", f"{TRIAL}.EnableInterContainerTrafficEncryption"), "be true"),
    Planted("one-key", "Catalog", put("Train", "Arguments.OutputDataConfig.KmsKeyId", KEY), "outputs have no KmsKeyId"),
    Planted("one-key", "Train", put("Train", "Arguments.OutputDataConfig.KmsKeyId", KEY), "disks have no VolumeKms"),
    Planted("network-isolation", "Tune", drop("Tune", f"{TRIAL}.EnableNetworkIsolation"), "must be true"),
    Planted(
        "network-isolation",
        "Counter-CreateModel",
        drop("Counter-CreateModel", "Arguments.EnableNetworkIsolation"),
        "must be true",
        "audit",
    ),
    Planted("processing-isolation", "Ingest", drop("Ingest", "Arguments.NetworkConfig"), "neither EnableNetwork"),
    Planted("no-secrets", "Train", put("Train", "Arguments.HyperParameters.db_password", "hunter2"), "db_password"),
    Planted(
        "no-secrets",
        "Catalog",
        put("Catalog", "Arguments.Environment.EXTRA", "Zx9Qw3Lk7Vb2Nm5Rt8Yp1Hs4Jd6Fg0Ac"),
        "looks like a secret",
    ),
    Planted(
        "no-secrets",
        "Catalog",
        put("Catalog", "Arguments.AppSpecification.ContainerArguments[0]", "--id=AKIAIOSFODNN7EXAMPLE"),
        "AppSpecification.ContainerArguments.0 holds what looks like a key",
    ),
    *[
        Planted("no-secrets", "Train", put("Train", f"Arguments.Environment.{name}", value), "looks like a secret")
        for name, value in (
            ("AWS_SESSION_TOKEN", "hunter2"),
            ("HF_TOKEN", "hunter2"),
            ("TOKEN", "hunter2"),
            ("EXTRA", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        )
    ],
    *[
        Planted(
            "no-secrets",
            "Catalog",
            put("Catalog", "Arguments.AppSpecification.ContainerArguments", words),
            r"AppSpecification.ContainerArguments\['.*'\] looks like a secret",
        )
        for words in (
            ["--seed", "1", "--password", "hunter2"],
            ["--password", "hunter2="],
            ["--api-key=hunter2"],
            ["TOKEN=hunter2"],
            ["run", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
        )
    ],
    Planted(
        "no-secrets", "", parameter("ApiKey", DefaultValue="hunter2"), "the parameter 'ApiKey' looks like a secret"
    ),
    Planted(
        "pinned-images",
        "Train",
        put("Train", "Arguments.AlgorithmSpecification.TrainingImage", "localhost:5000/training:latest"),
        "name a digest",
    ),
    Planted(
        "pinned-images",
        "Register-RegisterModel",
        put("Register-RegisterModel", "Arguments.InferenceSpecification.Containers[0].Image", "localhost:5000/serving"),
        "name a digest",
    ),
    Planted("maximum-runtime", "Ingest", drop("Ingest", "Arguments.StoppingCondition"), "is missing"),
    Planted("maximum-runtime", "Tune", drop("Tune", f"{TRIAL}.StoppingCondition"), "is missing"),
    Planted("spot-training", "Tune", drop("Tune", f"{TRIAL}.EnableManagedSpotTraining"), "must be true"),
    Planted("spot-checkpoints", "Train", drop("Train", "Arguments.CheckpointConfig"), "without a CheckpointConfig"),
    Planted("tagged", "Ingest", drop("Ingest", "Arguments.Tags"), "it has no Tags"),
    Planted("tagged", "Count", put("Count", "Arguments.Tags", []), "it has no Tags", "audit"),
    Planted("own-bucket", "Catalog", put("Catalog", URI, f"{BUCKET}-of-others/x"), "outputs go below"),
    Planted(
        "own-bucket", "Train", put("Train", "Arguments.CheckpointConfig.S3Uri", "s3://others/x"), "outputs go below"
    ),
    Planted("known-inputs", "Ingest", reading_the_copied_uri, "is written by Catalog, but does not refer to it"),
    Planted(
        "known-inputs",
        "Ingest",
        put("Ingest", "Arguments.ProcessingInputs[1].S3Input.S3Uri", f"{BUCKET}/bin-counter-demo/executions/old/x"),
        "which no step writes",
    ),
]


@pytest.mark.parametrize("name", ["demo", "audit"])
def test_a_sound_definition_breaks_no_rule(name: str, sound, findings) -> None:
    assert findings(name, sound[name]) == []


@pytest.mark.parametrize("planted", PLANTED, ids=[f"{each.rule}-{index}" for index, each in enumerate(PLANTED)])
def test_a_planted_violation_is_found_by_its_rule_at_its_step(planted: Planted, sound, findings) -> None:
    definition = json.loads(sound[planted.definition])
    planted.edit(definition)
    found = [each for each in findings(planted.definition, definition) if each.rule == planted.rule]
    assert [each for each in found if each.step == planted.step and re.search(planted.told, each.sentence)], found


def test_tokens_of_a_vocabulary_paths_and_sums_are_no_secrets(sound, findings) -> None:
    definition = json.loads(sound["demo"])
    harmless = {
        "pad_token": "<pad>",
        "max_tokens": "512",
        "TOKENIZER": "words",
        "MODEL_PATH": "opt/ml/processing/input/models/resnet50/",
        "COMMIT": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    }
    put("Train", "Arguments.Environment", harmless)(definition)
    put("Catalog", "Arguments.AppSpecification.ContainerArguments", ["--no-secret", "--seed", "1"])(definition)
    assert [each for each in findings("demo", definition) if each.rule == "no-secrets"] == []


def test_no_rule_lacks_a_violation() -> None:
    assert {planted.rule for planted in PLANTED} == set(RULES)


def test_every_rule_says_why_it_exists() -> None:
    assert all(rule.reason.endswith(".") and len(rule.reason) > 40 for rule in RULES.values())
