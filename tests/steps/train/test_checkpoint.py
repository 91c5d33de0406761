"""A checkpoint is whole or not used, and only ever used by the training it is of."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from steps.contract import StepError
from steps.shards import Shards
from steps.train.faults.checkpoint import LATEST, PREVIOUS, Checkpoints, fingerprint, state_of

REPOSITORY = Path(__file__).parents[3]
OURS = {"learning_rate": "0.001", "code": "abc"}


def state(step):
    return {"step": step, "model": {"weight": torch.full((1000,), float(step))}, "stopping": {"best": None}}


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path, OURS)


def newest_step(checkpoints):
    content = checkpoints.newest()
    return state_of(content)["step"] if content else None


def test_what_is_loaded_is_what_was_saved(checkpoints):
    saved = {"tensors": [torch.arange(5), torch.ones(2, dtype=torch.bfloat16)], "epoch": 3, "best": None, "rate": 1e-3}
    checkpoints.save(saved)
    loaded = state_of(checkpoints.newest())
    assert all(torch.equal(one, other) for one, other in zip(loaded.pop("tensors"), saved.pop("tensors"), strict=True))
    assert loaded == saved


def test_an_empty_folder_holds_no_checkpoint_and_nothing_is_said_of_it(checkpoints, capsys):
    assert checkpoints.newest() == b""
    assert capsys.readouterr().out == ""


def test_the_latest_and_the_one_before_are_kept_and_no_other_file(checkpoints, tmp_path):
    for step in (1, 2, 3):
        checkpoints.save(state(step))
    assert newest_step(checkpoints) == 3
    assert state_of((tmp_path / PREVIOUS).read_bytes())["step"] == 2
    assert {file.name for file in tmp_path.iterdir()} == {LATEST, PREVIOUS}


def truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


def flip_a_bit_of_the_weights(file):
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        weights = next(entry for entry in archive.infolist() if "/data/" in entry.filename)
    content[weights.header_offset + 500] ^= 1
    file.write_bytes(content)


def replace_by_text(file):
    file.write_text("not a checkpoint")


def replace_by_code(file):
    torch.save({"fingerprint": OURS, "state": {"step": 9, "path": Path("/")}}, file)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit_of_the_weights, replace_by_text, replace_by_code])
def test_a_broken_checkpoint_gives_way_to_the_one_before_with_a_line(checkpoints, tmp_path, capsys, damage):
    checkpoints.save(state(1))
    checkpoints.save(state(2))
    damage(tmp_path / LATEST)
    assert newest_step(checkpoints) == 1
    assert f"checkpoint {tmp_path / LATEST} is not used" in capsys.readouterr().out
    damage(tmp_path / PREVIOUS)
    assert newest_step(checkpoints) is None


def test_a_checkpoint_of_other_settings_is_not_used_but_named_and_left_until_the_next_is_written(
    checkpoints, tmp_path, capsys
):
    checkpoints.save(state(1))
    others = Checkpoints(tmp_path, {**OURS, "learning_rate": "0.1"})
    assert others.newest() == b""
    assert "it is of a training with other learning_rate" in capsys.readouterr().out
    assert newest_step(checkpoints) == 1
    others.save(state(5))
    assert newest_step(others) == 5


def test_a_training_that_is_over_leaves_nothing_to_go_on_from(checkpoints, capsys):
    checkpoints.save(state(1))
    checkpoints.save(state(2))
    checkpoints.retire()
    assert checkpoints.newest() == b""
    assert capsys.readouterr().out == ""


def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint(tmp_path):
    program = (
        "import sys, torch; from pathlib import Path; from steps.train.faults.checkpoint import Checkpoints\n"
        "kept = Checkpoints(Path(sys.argv[1]), {'learning_rate': '0.001', 'code': 'abc'})\n"
        "for step in range(10**6):\n"
        "    kept.save({'step': step, 'weight': torch.full((2_000_000,), float(step))})\n"
        "    print(step, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    saving = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    while int(saving.stdout.readline()) < 3:
        pass
    saving.kill()
    last = [int(line) for line in saving.stdout.read().split()]
    saving.wait()
    found = state_of(Checkpoints(tmp_path, OURS).newest())
    assert found["step"] >= max(last, default=3)
    assert torch.equal(found["weight"], torch.full((2_000_000,), float(found["step"])))


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    with pytest.raises(StepError, match="no checkpoint can be written to"):
        Checkpoints(tmp_path / "absent", OURS).save(state(1))


def test_the_fingerprint_changes_with_settings_and_images_and_with_nothing_else(settings, shards, pack, tmp_path):
    train, validation = Shards(shards / "train"), Shards(shards / "validation")
    first = fingerprint(settings, train, validation)
    assert fingerprint(settings, Shards(shards / "train"), validation) == first
    others = {
        "epochs": fingerprint(settings.model_copy(update={"epochs": 9}), train, validation),
        "training images": fingerprint(settings, Shards(pack(tmp_path, 64)), validation),
        "validation images": fingerprint(settings, train, train),
        "initial weights": fingerprint(settings, train, validation, weights=shards),
    }
    for name, other in others.items():
        assert {key for key in first if first[key] != other[key]} == {name}
    relabelled = Shards(shards / "train")
    relabelled.labels = np.roll(relabelled.labels, 1)
    assert fingerprint(settings, relabelled, validation)["training images"] != first["training images"]
