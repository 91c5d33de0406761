"""Packed images come back as they were written, from however many shards; a broken dataset is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.contract import StepError
from steps.preprocessing import Preprocessing
from steps.shards import Dataset, Shards, write_dataset, write_shard

SIZE = 4
DATASET = Dataset(classes=("0", "1", "2"), preprocessing=Preprocessing(size=SIZE))


def pixels(values: list[int]) -> np.ndarray:
    """Images whose every byte is the value."""
    return np.broadcast_to(np.array(values, np.uint8).reshape(-1, 1, 1, 1), (len(values), SIZE, SIZE, 3))


def write(folder: Path, shards: dict[str, list[int]]) -> Path:
    write_dataset(folder, DATASET)
    for name, values in shards.items():
        labels = np.array(values, np.int64) % 3
        write_shard(folder, name, pixels(values), labels, [f"id-{value}" for value in values])
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "train", {"algo-2-00000": [7, 8, 9], "algo-1-00001": [4], "algo-1-00000": [1, 2]})


def test_images_labels_and_ids_come_back_in_the_order_of_the_shards_names(folder: Path) -> None:
    shards = Shards(folder)
    assert len(shards) == 6
    assert shards.dataset == DATASET
    assert shards.labels.tolist() == [1, 2, 1, 1, 2, 0]
    assert shards.ids.tolist() == ["id-1", "id-2", "id-4", "id-7", "id-8", "id-9"]
    assert shards.images(np.arange(6))[:, 0, 0, 0].tolist() == [1, 2, 4, 7, 8, 9]


def test_images_come_in_the_order_they_are_asked_for_across_shards(folder: Path) -> None:
    batch = Shards(folder).images(np.array([5, 0, 2, 5, 1]))
    assert (batch == pixels([9, 1, 4, 9, 2])).all()
    assert batch.dtype == np.uint8


def test_no_index_gives_no_image(folder: Path) -> None:
    assert Shards(folder).images(np.array([], np.int64)).shape == (0, SIZE, SIZE, 3)


@given(st.data())
def test_any_division_into_shards_reads_as_the_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=20))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(values)), max_size=4)) | {0, len(values)})
    parts = {f"algo-1-{row:05d}": values[cuts[row] : cuts[row + 1]] for row in range(len(cuts) - 1)}
    shards = Shards(write(tmp_path_factory.mktemp("shards"), parts))
    wanted = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=10))
    assert (shards.images(np.array(wanted, np.int64)) == pixels([values[index] for index in wanted])).all()


def test_a_shard_written_again_replaces_the_first(folder: Path) -> None:
    write_shard(folder, "algo-1-00000", pixels([3]), np.array([0]), ["again"])
    assert Shards(folder).ids.tolist() == ["again", "id-4", "id-7", "id-8", "id-9"]


def test_a_shard_that_was_not_finished_is_not_read(folder: Path) -> None:
    (folder / "algo-1-00000").rename(folder / ".algo-1-00000.partial")
    assert len(Shards(folder)) == 4


def test_lengths_that_differ_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a shard of 2 images has 1 labels and 2 ids"):
        write_shard(tmp_path, "x", pixels([1, 2]), np.array([0]), ["a", "b"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"dataset\.json does not exist"):
        Shards(tmp_path)
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(StepError, match=r"dataset\.json is not a dataset description"):
        Shards(tmp_path)


def test_a_dataset_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="ingest packed no image into this split"):
        Shards(write(tmp_path, {}))


@pytest.mark.parametrize("file", ["images.npy", "labels.npy", "ids.npy"])
def test_a_damaged_array_is_named(folder: Path, file: str) -> None:
    (folder / "algo-1-00001" / file).write_bytes(b"damaged")
    with pytest.raises(StepError, match=rf"algo-1-00001.{file} cannot be read as an array"):
        Shards(folder)


def test_pickled_objects_are_never_loaded(folder: Path) -> None:
    np.save(folder / "algo-1-00001" / "ids.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(StepError, match="cannot be read as an array"):
        Shards(folder)


@pytest.mark.parametrize("array", [np.zeros((1, 5, 5, 3), np.uint8), np.zeros((1, SIZE, SIZE, 3), np.float32)])
def test_images_of_another_size_or_type_are_refused(folder: Path, array: np.ndarray) -> None:
    np.save(folder / "algo-1-00001" / "images.npy", array)
    with pytest.raises(StepError, match=r"not uint8 \(4, 4, 3\)"):
        Shards(folder)


def test_missing_labels_are_refused(folder: Path) -> None:
    np.save(folder / "algo-1-00001" / "labels.npy", np.array([], np.int64))
    with pytest.raises(StepError, match="holds 6 images, 5 labels and 6 ids"):
        Shards(folder)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classes_is_refused(folder: Path, label: int) -> None:
    np.save(folder / "algo-1-00001" / "labels.npy", np.array([label]))
    with pytest.raises(StepError, match="a label outside its 3 classes"):
        Shards(folder)
