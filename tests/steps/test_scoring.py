"""The answers that are scored follow the decision kept with the model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from steps.decision import Decision
from steps.preprocessing import Preprocessing
from steps.scoring import answer
from steps.shards import Dataset, Shards, write_dataset, write_shard
from steps.signature import Signature

CLASSES = ("0", "1", "2", "3")
SIZE = 4


@pytest.fixture
def model(tmp_path):
    """A model that looks at the first pixel's red alone: it is sure of class 0 at red 0, of class 3 at red 3."""
    nodes = [
        helper.make_node("Slice", ["images", "starts", "ends"], ["first"]),
        helper.make_node("Cast", ["first"], ["red"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["red", "column"], ["counted"]),
        helper.make_node("Sub", ["counted", "centres"], ["distance"]),
        helper.make_node("Abs", ["distance"], ["positive"]),
        helper.make_node("Mul", ["positive", "sharpness"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("starts", TensorProto.INT64, [4], [0, 0, 0, 0]),
        helper.make_tensor("ends", TensorProto.INT64, [4], [2**31, 1, 1, 1]),
        helper.make_tensor("column", TensorProto.INT64, [2], [-1, 1]),
        helper.make_tensor("centres", TensorProto.FLOAT, [1, len(CLASSES)], range(len(CLASSES))),
        helper.make_tensor("sharpness", TensorProto.FLOAT, [1], [-50.0]),
    ]
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIZE, SIZE, 3])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(CLASSES)])]
    graph = helper.make_graph(nodes, "first pixel", inputs, outputs, constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(proto, full_check=True)
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    return tmp_path


@pytest.fixture
def shards(tmp_path):
    """Seven images: 0 items on their left edge and 3 on their right, but the last, which has 1 on both."""
    images = np.zeros((7, SIZE, SIZE, 3), dtype=np.uint8)
    images[:6, :, -1] = 3
    images[6] = 1
    write_dataset(tmp_path, Dataset(classes=CLASSES, preprocessing=Preprocessing(size=SIZE)))
    write_shard(tmp_path, "algo-1-00000", images, np.zeros(7, dtype=np.int64), [str(index) for index in range(7)])
    return Shards(tmp_path)


def signature(decision):
    return Signature(
        classes=CLASSES,
        preprocessing=Preprocessing(size=SIZE),
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
        architecture="first pixel",
        training_job="train-1",
        decision=decision,
    )


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision(), [0] * 6 + [1]),
        (Decision(rule="expectation"), [0] * 6 + [1]),
        (Decision(mirrored=True, rule="expectation"), [2] * 6 + [1]),  # 1.5, rounded
        (Decision(mirrored=True, rule="median"), [0] * 6 + [1]),
    ],
    ids=str,
)
@pytest.mark.parametrize("batch_size", [2, 64])
def test_both_views_and_the_rule_make_the_answer(model, shards, decision, expected, batch_size):
    answers = answer(model, signature(decision), shards, batch_size)
    assert answers.predictions.tolist() == expected


def test_the_confidence_is_calibrated_by_the_temperature(model, shards):
    sure, unsure = (
        answer(model, signature(Decision(temperature=temperature)), shards, 64).confidence for temperature in (1, 50)
    )
    np.testing.assert_allclose(sure, 1)
    # With logits 0, -1, -2, -3 left by the temperature, and -1, 0, -1, -2 for the last image.
    edge, inner = 1 / np.exp([0, -1, -2, -3]).sum(), 1 / np.exp([-1, 0, -1, -2]).sum()
    np.testing.assert_allclose(unsure, [edge] * 6 + [inner], rtol=1e-5)
