"""Training starts from weights in a file, and refuses files that do not fit or could do harm."""

import os
import pickle
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from steps.contract import StepError
from steps.shards import Shards
from steps.train.networks import weights as module
from steps.train.networks.network import Classifier
from steps.train.networks.weights import initial_model, load_weights
from steps.train.settings import TrainSettings
from steps.train.train import fit, train

BASELINE = TrainSettings(architecture="baseline", epochs=1, batch_size=16)


def network(classes=4, seed=1):
    torch.manual_seed(seed)
    return Classifier("baseline", classes)


def state(model):
    return dict(model.network.state_dict())


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "weights"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def first(shards, tmp_path_factory):
    """A finished training, and a folder with its weights alone."""
    folder = tmp_path_factory.mktemp("first")
    long = BASELINE.model_copy(update={"epochs": 5})
    result = train(long, shards / "train", shards / "validation", folder, "first")
    (folder / "model.onnx").unlink()
    (folder / "signature.json").unlink()
    return result, folder


def test_a_trained_model_is_the_start_of_the_next_training(first, capsys):
    _, folder = first
    second = initial_model(BASELINE, 4, folder)
    assert same(state(second), load_file(folder / "model.safetensors"))
    assert "initial weights are those of model.safetensors" in capsys.readouterr().out


def test_the_first_loss_of_a_training_tells_that_it_went_on_from_its_weights(shards, first):
    result, folder = first
    _, (second,) = fit(BASELINE, Shards(shards / "train"), Shards(shards / "validation"), folder)
    assert second.train_loss < 0.85 * result.epochs[0].train_loss


@pytest.mark.parametrize("name", ["resnet34-b627a593.pth", "any.safetensors"])
def test_weights_for_other_classes_are_taken_over_but_for_the_head(folder, name, capsys):
    source = network(classes=1000)
    if name.endswith(".pth"):
        torch.save(source.network.state_dict(), folder / name)
    else:
        save_file(state(source), folder / name)
    model = network(seed=2)
    before = state(network(seed=2))
    load_weights(model, folder)
    for key, tensor in state(model).items():
        assert torch.equal(tensor, before[key] if key.startswith("fc.") else source.network.state_dict()[key])
    assert "fc.weight is [1000, 256], so the head starts from random weights" in capsys.readouterr().out


def test_files_without_the_count_of_seen_batches_are_good(folder):
    source = network()
    old = {name: tensor for name, tensor in state(source).items() if not name.endswith("num_batches_tracked")}
    save_file(old, folder / "old.safetensors")
    model = network(seed=2)
    load_weights(model, folder)
    assert same(state(model), state(source))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tensors: tensors.pop("features.0.0.weight"), "it lacks features.0.0.weight;"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "it has besides extra;"),
        (lambda tensors: [tensors.pop(name) for name in list(tensors)[:5]], r"and \d+ more;"),
        (
            lambda tensors: tensors.update({"features.1.0.weight": torch.zeros(2, 3)}),
            r"it has of another shape features.1.0.weight \[2, 3\] instead of \[64, 32, 3, 3\];",
        ),
        (lambda tensors: tensors.pop("fc.bias"), "it lacks fc.bias;"),
    ],
    ids=["missing", "unknown", "many", "shape", "half a head"],
)
def test_tensors_that_do_not_fit_are_named_and_nothing_is_changed(folder, change, told):
    tensors = state(network())
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    model = network(seed=2)
    with pytest.raises(StepError, match=f"does not fit the network: .*{told}"):
        load_weights(model, folder)
    assert same(state(model), state(network(seed=2)))


def test_weights_that_are_no_numbers_are_refused(folder):
    tensors = state(network())
    tensors["fc.bias"] = torch.full_like(tensors["fc.bias"], float("nan"))
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(StepError, match=r"no finite numbers in fc\.bias"):
        load_weights(network(), folder)


@pytest.mark.parametrize("names", [[], ["a.pth", "b.safetensors"], ["readme.txt"]], ids=len)
def test_a_channel_without_exactly_one_file_is_refused(folder, names):
    for name in names:
        (folder / name).touch()
    weights = [name for name in names if name != "readme.txt"]
    with pytest.raises(StepError, match=f"has {len(weights)}: {', '.join(weights) or 'none'}"):
        load_weights(network(), folder)


class _Hostile:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("write", [torch.save, lambda what, file: file.write_bytes(pickle.dumps(what))])
def test_a_pickle_with_code_is_refused_and_does_not_run(folder, tmp_path, write):
    trace = tmp_path / "ran"
    write({"fc.weight": _Hostile(trace)}, folder / "model.pth")
    with pytest.raises(StepError, match="holds more than tensors, which could be code, and is not loaded") as refusal:
        load_weights(network(), folder)
    assert "\n" not in str(refusal.value)
    assert not trace.exists()


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"state_dict": {}}], ids=repr)
def test_a_checkpoint_that_is_no_state_dictionary_is_refused(folder, content):
    torch.save(content, folder / "model.pth")
    with pytest.raises(StepError, match=r"no mapping of names to tensors: save the model's state_dict\(\) alone"):
        load_weights(network(), folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(content=st.binary(max_size=300), suffix=st.sampled_from(["pth", "safetensors"]))
def test_any_other_bytes_are_refused_in_a_sentence(folder, content, suffix):
    for file in folder.iterdir():
        file.unlink()
    (folder / f"model.{suffix}").write_bytes(content)
    with pytest.raises(StepError):
        load_weights(network(), folder)


def test_an_archive_that_unpacks_to_more_than_weights_take_is_not_opened(folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    with zipfile.ZipFile(folder / "model.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(2 << 20))
    assert (folder / "model.pth").stat().st_size < 1 << 20
    with pytest.raises(StepError, match=r"takes 2,097,152 bytes, more than the 1,048,576"):
        load_weights(network(), folder)


def test_a_head_on_random_weights_is_refused():
    with pytest.raises(StepError, match="trainable is 'head', but there are no initial weights"):
        initial_model(BASELINE.model_copy(update={"trainable": "head"}), 4, None)


def test_a_training_of_the_head_leaves_the_rest_as_it_was(shards, folder):
    save_file(state(network()), folder / "model.safetensors")
    few = Shards(shards / "validation")
    model, _ = fit(BASELINE.model_copy(update={"trainable": "head"}), few, few, folder)
    start = state(network())
    changed = {name for name, tensor in state(model).items() if not torch.equal(tensor, start[name])}
    assert changed == {"fc.weight", "fc.bias"}
