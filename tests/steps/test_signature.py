"""What a model says of itself."""

import json

import numpy as np
import pytest

from steps.contract import StepError
from steps.preprocessing import Preprocessing
from steps.signature import Signature, read_signature

SIGNATURE = Signature(
    classes=("0", "1", "2"),
    preprocessing=Preprocessing(size=64, resize="crop", contrast="clahe"),
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.2, 0.1),
    architecture="resnet18",
    training_job="train-1",
)


def test_a_signature_is_read_as_it_was_written(tmp_path):
    SIGNATURE.write(tmp_path)
    assert read_signature(tmp_path) == SIGNATURE


def test_the_answer_is_the_likeliest_class_of_each_image():
    probabilities = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]], dtype=np.float32)
    assert SIGNATURE.decide(probabilities).tolist() == [1, 0, 2]


def test_a_folder_without_a_signature_is_named(tmp_path):
    with pytest.raises(StepError, match=r"signature\.json does not exist: the folder holds no model"):
        read_signature(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"classes": ["0"]}, {"preprocessing": {"size": 0}}, {"mean": [0.5]}, {"version": 2}, {"surprise": 1}],
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
