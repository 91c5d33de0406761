"""What a model says of itself."""

import json

import numpy as np
import pytest

from steps.contract import StepError
from steps.decision import Decision
from steps.preprocessing import Preprocessing
from steps.signature import Signature, read_signature

SIGNATURE = Signature(
    classes=("0", "1", "2"),
    preprocessing=Preprocessing(size=64, resize="crop", contrast="clahe"),
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.2, 0.1),
    architecture="resnet18",
    training_job="train-1",
    decision=Decision(temperature=1.5, mirrored=True, rule="median"),
)
NAMES = ("0", "2", "4")


def test_a_signature_is_read_as_it_was_written(tmp_path):
    SIGNATURE.write(tmp_path)
    assert read_signature(tmp_path) == SIGNATURE


def test_the_answer_follows_the_rule_of_the_decision():
    probabilities = np.array([[0.45, 0.1, 0.45]], dtype=np.float32)
    assert SIGNATURE.decide(probabilities).tolist() == [1]
    plain = SIGNATURE.model_copy(update={"decision": Decision()})
    assert plain.decide(probabilities).tolist() == [0]


def test_a_signature_that_names_no_decision_answers_the_likeliest_class(tmp_path):
    content = SIGNATURE.model_dump(mode="json", exclude={"decision"})
    (tmp_path / "signature.json").write_text(json.dumps(content))
    assert read_signature(tmp_path).decision == Decision(temperature=1, mirrored=False, rule="likeliest")


@pytest.mark.parametrize("rule", ["median", "expectation"])
def test_named_classes_have_no_median_and_no_expectation(tmp_path, rule):
    content = SIGNATURE.model_dump(mode="json") | {"classes": NAMES, "decision": {"rule": rule}}
    (tmp_path / "signature.json").write_text(json.dumps(content))
    with pytest.raises(StepError, match=rf"the {rule} of the classes 0, 2, 4, \.\.\. means nothing"):
        read_signature(tmp_path)


def test_a_folder_without_a_signature_is_named(tmp_path):
    with pytest.raises(StepError, match=r"signature\.json does not exist: the folder holds no model"):
        read_signature(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["0"]},
        {"preprocessing": {"size": 0}},
        {"mean": [0.5]},
        {"version": 2},
        {"surprise": 1},
        {"decision": {"rule": "loudest"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_signature_that_this_code_does_not_understand_is_refused(tmp_path, change):
    content = SIGNATURE.model_dump(mode="json") | change
    (tmp_path / "signature.json").write_text(json.dumps(content))
    with pytest.raises(StepError, match=r"is not a model signature"):
        read_signature(tmp_path)


def test_broken_json_is_refused(tmp_path):
    (tmp_path / "signature.json").write_text('{"classes": [')
    with pytest.raises(StepError, match=r"is not a model signature: Invalid JSON"):
        read_signature(tmp_path)
