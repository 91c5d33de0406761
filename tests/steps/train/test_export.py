"""The exported files answer as the trained model does, and are all there or none."""

import numpy as np
import onnx
import pytest
import torch
import torchvision
from safetensors.torch import load_file

from steps.contract import StepError
from steps.preprocessing import Preprocessing
from steps.runtime import openvino
from steps.shards import Shards
from steps.signature import read_signature
from steps.train.export import check_agreement, export
from steps.train.networks.network import Classifier


@pytest.fixture
def images(shards):
    """uint8 [40, 32, 32, 3]."""
    validation = Shards(shards / "validation")
    return validation.images(np.arange(len(validation)))


@pytest.fixture
def bare_network(trained):
    """The network whose weights are in model.safetensors, in evaluation mode."""
    signature = read_signature(trained.model)
    network = torchvision.models.get_model(signature.architecture, num_classes=len(signature.classes))
    network.load_state_dict(load_file(trained.model / "model.safetensors"))
    return network.eval()


def serve(trained, images):
    model = openvino.Core().compile_model(trained.model / "model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model(images)["logits"]


def test_a_model_is_three_files(trained):
    assert {file.name for file in trained.model.iterdir()} == {"model.onnx", "model.safetensors", "signature.json"}
    onnx.checker.check_model(trained.model / "model.onnx", full_check=True)


def test_the_graph_takes_any_number_of_uint8_rgb_images(trained):
    graph = onnx.load(trained.model / "model.onnx").graph
    (images,), (logits,) = graph.input, graph.output
    shape = images.type.tensor_type.shape.dim
    assert (images.name, logits.name) == ("images", "logits")
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert logits.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert shape[0].dim_param
    assert [side.dim_value for side in shape[1:]] == [32, 32, 3]


@pytest.mark.parametrize("count", [1, 3, 40])
@torch.inference_mode()
def test_the_served_graph_answers_as_the_weights_under_the_signature_do(trained, bare_network, images, count):
    signature = read_signature(trained.model)
    pixels = torch.from_numpy(images[:count]).float() / 255
    normalised = (pixels - torch.tensor(signature.mean)) / torch.tensor(signature.std)
    expected = bare_network(normalised.permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(serve(trained, images[:count]), expected, atol=1e-4 * np.abs(expected).max())


def test_the_served_graph_is_as_accurate_as_training_said(trained, shards, images):
    labels = Shards(shards / "validation").labels
    accuracy = np.mean(serve(trained, images).argmax(axis=1) == labels)
    assert accuracy == pytest.approx(
        trained.result.epochs[-1].validation_accuracy, abs=0.06
    )  # bfloat16 may turn two of 40


def test_the_signature_tells_of_the_data_and_the_job(trained):
    signature = read_signature(trained.model)
    assert signature == trained.result.signature
    assert (signature.classes, signature.preprocessing) == (("0", "1", "2", "3"), Preprocessing(size=32))
    assert (signature.architecture, signature.training_job) == ("resnet18", "squares")


def test_an_onnx_file_of_other_weights_is_refused(trained, images):
    torch.manual_seed(1)
    other = Classifier("resnet18", 4).eval()
    with pytest.raises(StepError, match="does not answer as the trained model does"):
        check_agreement(other, trained.model / "model.onnx", images[:2])


def test_an_export_that_fails_its_check_leaves_no_file(trained, images, tmp_path):
    broken = Classifier("resnet18", 4)
    torch.nn.init.constant_(broken.network.fc.bias, float("nan"))
    with pytest.raises(StepError, match="does not answer"):
        export(broken, trained.result.signature, images[:2], tmp_path)
    assert list(tmp_path.iterdir()) == []
