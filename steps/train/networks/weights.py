"""Initial weights from a file: another training's model.safetensors, or a state dictionary saved by PyTorch."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from steps.contract import StepError
from steps.train.networks.network import Classifier
from steps.train.progress import say
from steps.train.settings import TrainSettings

MAX_BYTES = 4 << 30
"""Most a file may take, unpacked; the weights of the largest architecture take a thirtieth of it."""

NAMED = 3
"""Tensors named in an error, which also says how many there are."""

OPTIONAL = ".num_batches_tracked"
"""How many batches a normalisation has seen: unused, and absent from files of old versions of PyTorch."""


def initial_model(settings: TrainSettings, classes: int, weights: Path | None) -> Classifier:
    """The network that training starts with, on the CPU.

    Args:
        settings: which network, and which part of it learns.
        classes: how many classes it tells apart.
        weights: folder for `load_weights`; None for random weights.

    Raises:
        StepError: the weights do not fit, or are missing where only the head is to learn.
    """
    if settings.trainable == "head" and weights is None:
        raise StepError("trainable is 'head', but there are no initial weights for the rest: give the channel weights")
    model = Classifier(settings.architecture, classes)
    if weights is not None:
        load_weights(model, weights)
    if settings.trainable == "head":
        model.train_only_head()
    return model


def load_weights(model: Classifier, folder: Path) -> None:
    """Fill `model` from the one *.safetensors or *.pth file directly in `folder`.

    The head keeps its random weights when the file's is of another shape, as that for ImageNet's 1000 classes.

    Args:
        model: what is filled; nothing is changed when the file does not fit.
        folder: the channel's folder.

    Raises:
        StepError: there is no such file or more than one, it is broken, holds more than tensors, or does not fit.
    """
    file = _only_file(folder)
    found, expected = _read(file), model.network.state_dict()
    head = [f"{model.head}.{name}" for name in ("weight", "bias")]
    for name in head:
        if name in found and found[name].shape != expected[name].shape:
            say(f"{file.name}: {name} is {list(found[name].shape)}, so the head starts from random weights")
            found |= {name: expected[name] for name in head if name in found}
    _check_fit(file, found, expected)
    model.network.load_state_dict({**expected, **found})
    say(f"initial weights are those of {file.name}")


def _only_file(folder: Path) -> Path:
    files = sorted(file for file in folder.iterdir() if file.suffix in {".safetensors", ".pth"})
    if len(files) != 1:
        names = ", ".join(file.name for file in files) or "none"
        raise StepError(f"the channel weights must hold one *.safetensors or *.pth file, but has {len(files)}: {names}")
    return files[0]


def _read(file: Path) -> dict[str, Tensor]:
    _check_size(file)
    try:
        tensors = load_file(file) if file.suffix == ".safetensors" else _read_pickled(file)
    except StepError:
        raise
    except Exception as error:  # a reader raises whatever a broken file leads it to
        reason = " ".join(str(error).split())[:200]
        raise StepError(f"{file} cannot be read as weights: {type(error).__name__}: {reason}") from None
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise StepError(f"{file} holds values that are no finite numbers in {_listed(broken)}: use other weights")
    return tensors


def _check_size(file: Path) -> None:
    size = file.stat().st_size
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            size = max(size, sum(entry.file_size for entry in archive.infolist()))
    if size > MAX_BYTES:
        raise StepError(f"{file} takes {size:,} bytes, more than the {MAX_BYTES:,} that weights may take")


def _read_pickled(file: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # an unpickler raises whatever a broken or hostile file leads it to
        raise StepError(
            f"{file} is broken or holds more than tensors, which could be code, and is not loaded: "
            "save the state dictionary alone, best with safetensors.torch.save_file"
        ) from None
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise StepError(f"{file} holds no mapping of names to tensors: save the model's state_dict() alone")
    return dict(content)


def _check_fit(file: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    missing = [name for name in expected if name not in found and not name.endswith(OPTIONAL)]
    unknown = [name for name in found if name not in expected]
    shapes = [
        f"{name} {list(tensor.shape)} instead of {list(expected[name].shape)}"
        for name, tensor in found.items()
        if name in expected and tensor.shape != expected[name].shape
    ]
    faults = (("lacks", missing), ("has besides", unknown), ("has of another shape", shapes))
    told = [f"it {verb} {_listed(names)}" for verb, names in faults if names]
    if told:
        raise StepError(
            f"{file} does not fit the network: {'; '.join(told)}; give weights of the same architecture as the setting"
        )


def _listed(names: Iterable[str]) -> str:
    every = list(map(str, names))
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + more
