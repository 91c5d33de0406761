from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import Config, load_preset, parse_config, preset_names
from pipelines.errors import PipelineError

MINIMAL = """
name = "some-pipeline"
[images]
processing = "p"
training = "t"
serving = "s"
[catalog]
source = "s3://{bucket}/photos"
"""


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_can_be_placed(name: str) -> None:
    placed = load_preset(name).placed("111122223333", "eu-west-1")
    texts = placed.model_dump_json()
    assert "{account}" not in texts
    assert "111122223333" in placed.bucket
    assert placed.images.training.startswith("111122223333.dkr.ecr.eu-west-1.")


def test_the_gate_of_the_whole_dataset_is_what_the_challenge_published() -> None:
    gate = load_preset("abid").gate
    assert (gate.minimum_accuracy, gate.maximum_rmse) == (0.5567, 0.93)


def test_an_unknown_preset_is_answered_with_those_there_are() -> None:
    with pytest.raises(PipelineError, match="there is no preset 'adib'; presets are abid, abid-10k, demo"):
        load_preset("adib")


@pytest.mark.parametrize("name", ["../demo", "demo.toml", "", "/etc/passwd"])
def test_a_preset_is_a_name_and_not_a_path(name: str) -> None:
    with pytest.raises(PipelineError, match="there is no preset"):
        load_preset(name)


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("[train]\nlearning_rat = 0.1", r"unknown field 'train.learning_rat': known are accumulate, .*learning_rate"),
        ("[train]\nepochs = 'many'", r"field 'train.epochs' is 'many': Input should be a valid integer"),
        ("[train]\nepochs = 0", r"field 'train.epochs' is 0: Input should be greater than or equal to 1"),
        (
            "[train]\narchitecture = 'vgg'",
            r"field 'train.architecture' is 'vgg': Input should be 'baseline', 'resnet18', ",
        ),
        ("[train]\ntrainable = 'head'", r"trainable is 'head', but initial_weights name none for the rest"),
        ("[gate]\nminimum_accuracy = 55.67", r"field 'gate.minimum_accuracy' is 55.67: .* less than or equal to 1"),
        ("[machines.train]\ninstance_type = 'g5'", r"field 'machines.train.instance_type' is 'g5': .* match pattern"),
        ("[tune]\njobs = 3", r"field 'tune' is .*nothing is searched: give at least one of learning_rate, "),
        ("[tune]\nlearning_rat = [1, 2]", r"unknown field 'tune.learning_rat': known are batch_size, .*learning_rate"),
        ("[tune]\nlearning_rate = [0.01, 0.001]", r"field 'tune.learning_rate' is .*: Value error, give the lower end"),
        ("[tune]\nlearning_rate = [0.01, 2.0]", r"tried value of 'learning_rate' is 2.0: .* less than or equal to 1"),
        ("[tune]\nbatch_size = [1, 2]", r"tried value of 'batch_size' is 1: .* greater than or equal to 2"),
        ("[tune]\nepochs = [1, 2]\ntrial_epochs = 1", r"epochs are searched and set by trial_epochs"),
        ("[tune]\nepochs = [1, 2]\njobs = 2", r"parallel_jobs is 3, more than the 2 jobs"),
        ("[colour]\nred = 1", r"unknown field 'colour': known are "),
        ("= 1", "test is not TOML: "),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(addition: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message) as raised:
        parse_config((MINIMAL + addition).encode(), "test")
    assert "\n" not in str(raised.value)


def test_fractions_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(PipelineError, match="leave nothing to train on"):
        parse_config((MINIMAL + "validation_fraction = 0.5\ntest_fraction = 0.5").encode(), "test")


def test_a_missing_field_is_named() -> None:
    with pytest.raises(PipelineError, match=r"field 'name' is missing"):
        parse_config(MINIMAL.replace('name = "some-pipeline"', "").encode(), "test")


def test_an_unknown_placeholder_is_named_with_those_there_are() -> None:
    config = parse_config(MINIMAL.replace("{bucket}", "{bukket}").encode(), "test")
    known = r"\{account\}, \{region\}, \{partition\}, \{name\}, \{bucket\}"
    with pytest.raises(PipelineError, match=rf"\{{bukket\}}.* known are {known}"):
        config.placed("111122223333", "us-east-1")


@pytest.mark.parametrize("source", ["s3://{bucket}", "s3://{bucket}/", "s3://{bucket}/some-pipeline"])
def test_photos_among_what_the_pipeline_writes_are_refused(source: str) -> None:
    config = parse_config(MINIMAL.replace("s3://{bucket}/photos", source).encode(), "test")
    with pytest.raises(PipelineError, match=r"writes to s3://.*/some-pipeline/, which is part of its source s3://"):
        config.placed("111122223333", "us-east-1")


def test_photos_beside_what_the_pipeline_writes_are_taken() -> None:
    config = parse_config(MINIMAL.replace("s3://{bucket}/photos", "s3://{bucket}/some").encode(), "test")
    assert config.placed("111122223333", "us-east-1").catalog.source.endswith("/some")


def test_a_preset_that_is_not_utf_8_is_refused_with_the_place() -> None:
    with pytest.raises(PipelineError, match=r"^preset mine is not UTF-8: invalid start byte at byte 15$"):
        parse_config('description = "é"'.encode("latin-1").replace(b"\xe9", b"\xff"), "preset mine")


@given(st.text(max_size=200).map(str.encode) | st.binary(max_size=200))
def test_nothing_makes_the_parser_fail_otherwise_than_with_a_sentence(content: bytes) -> None:
    # Something is always missing: a name, a source.
    with pytest.raises(PipelineError, match=r"^test"):
        parse_config(content, "test")


def test_every_field_of_a_preset_is_described() -> None:
    def undescribed(model: type, path: str) -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            sections = [
                kind for kind in (field.annotation, *get_args(field.annotation)) if hasattr(kind, "model_fields")
            ]
            if sections:
                found += undescribed(sections[0], f"{path}{name}.")
            elif not field.description:
                found.append(path + name)
        return found

    assert undescribed(Config, "") == []


@pytest.mark.parametrize("uri", ["weights", "s3://bucket", "https://host/weights/", "s3:///weights"])
def test_initial_weights_that_are_no_s3_folder_are_refused(uri: str) -> None:
    with pytest.raises(PipelineError, match=f"field 'initial_weights' is '{uri}'"):
        parse_config(f'initial_weights = "{uri}"\n{MINIMAL}'.encode(), "x")


def test_a_head_may_learn_on_named_weights() -> None:
    text = f'initial_weights = "s3://{{bucket}}/weights/resnet34"\n{MINIMAL}[train]\ntrainable = "head"'
    placed = parse_config(text.encode(), "x").placed("111122223333", "eu-west-1")
    assert placed.initial_weights == f"s3://{placed.bucket}/weights/resnet34"


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("", "set train.label_softness to 0"),
        ("[train]\nlabel_softness = 0\n[tune]\nlearning_rate = [1e-4, 1e-2]", "set tune.objective to 'validation:acc"),
    ],
)
def test_named_classes_with_errors_in_items_are_refused_before_anything_runs(addition: str, message: str) -> None:
    folders = MINIMAL.replace("[catalog]", '[catalog]\nlayout = "folders"')
    with pytest.raises(PipelineError, match=message):
        parse_config(f"{folders}{addition}".encode(), "test")
    parse_config(f"{folders}{addition}\n[gate]\nmaximum_rmse = 1.0".encode(), "test")
