"""Every architecture builds, is exported, and can learn in whole or in its head alone."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from steps.decision import Decision
from steps.preprocessing import Preprocessing
from steps.signature import Signature
from steps.train.export import export
from steps.train.networks.network import MEAN, STD, Classifier
from steps.train.settings import Architecture

CLASSES = ("0", "1", "2")
ARCHITECTURES = get_args(Architecture)


def learn(model, images, steps=2):
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=0.01)
    labels = torch.arange(len(images)) % len(CLASSES)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimizer.step()


def check_export(architecture, size, folder):
    torch.manual_seed(0)
    images = torch.randint(0, 256, (6, size, size, 3), dtype=torch.uint8)
    model = Classifier(architecture, len(CLASSES))
    learn(model, images)
    signature = Signature(
        classes=CLASSES,
        preprocessing=Preprocessing(size=size),
        mean=MEAN,
        std=STD,
        architecture=architecture,
        training_job="train-1",
        decision=Decision(),
    )
    export(model, signature, images.numpy(), folder)
    assert {file.name for file in folder.iterdir()} == {"model.onnx", "model.safetensors", "signature.json"}
    assert (folder / "model.onnx").stat().st_size > 0.9 * (folder / "model.safetensors").stat().st_size


def test_the_small_network_is_exported_and_agrees(tmp_path):
    check_export("baseline", 32, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_architecture_learns_is_exported_in_one_file_and_agrees(architecture, tmp_path):
    check_export(architecture, 64, tmp_path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_head_is_the_layer_that_answers(architecture):
    network = Classifier(architecture, 7)
    head = network.network.get_submodule(network.head)
    assert head.out_features == 7
    assert [name for name, _ in network.network.named_parameters()][-1] == f"{network.head}.bias"


@pytest.mark.parametrize("architecture", ["baseline", "mobilenet_v3_small"])
def test_only_the_head_changes_when_only_the_head_learns(architecture):
    torch.manual_seed(0)
    model = Classifier(architecture, len(CLASSES))
    model.train_only_head()
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    learn(model, torch.randint(0, 256, (6, 32, 32, 3), dtype=torch.uint8))
    changed = {name for name, tensor in model.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {f"{model.head}.weight", f"{model.head}.bias"}


def test_dropout_in_front_of_a_head_stays_at_work_when_only_the_head_learns():
    model = Classifier("efficientnet_b0", len(CLASSES))
    model.train_only_head()
    model.train()
    learning = {name for name, module in model.network.named_modules() if module.training and name}
    assert learning == {"classifier", "classifier.0", "classifier.1"}
    model.eval()
    assert not any(module.training for module in model.modules())


def test_the_baseline_is_small_and_takes_images_of_any_usual_size():
    model = Classifier("baseline", 6).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) < 500_000
    for size in (16, 33, 100):
        assert model(torch.zeros(2, size, size, 3, dtype=torch.uint8)).shape == (2, 6)
    assert np.isfinite(model(torch.zeros(1, 32, 32, 3)).detach().numpy()).all()
