"""The catalog is read whole or in shares, with or without its products, and only if it is one."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steps.catalog_files import CatalogImage, CatalogSummary, read_images, write_catalog
from steps.contract import StepError

ROWS = [
    CatalogImage(f"{number}", f"s3://bins/{number}.jpg", number % 2, f"g{number}", "train", 2, ("a cup", "a book"))
    for number in range(10_000)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    summary = CatalogSummary(
        source="s3://bins", classes=("0", "1"), found=len(ROWS), left_out=0, quarantined=0, images={}, groups={}
    )
    write_catalog(tmp_path, ROWS, [], summary)
    return tmp_path


@pytest.mark.parametrize("parts", [1, 2, 7, 9_999, 20_000])
def test_the_shares_of_all_instances_are_the_whole_catalog(folder: Path, parts: int) -> None:
    for part in {0, parts // 2, parts - 1}:
        assert read_images(folder, part, parts) == ROWS[part::parts]


def test_without_products_the_rest_is_the_same(folder: Path) -> None:
    images = read_images(folder, 3, 4, products=False)
    assert [(image.id, image.uri, image.label, image.group, image.split) for image in images] == [
        (row.id, row.uri, row.label, row.group, row.split) for row in ROWS[3::4]
    ]
    assert {(image.items, image.names) for image in images} == {(None, None)}


def test_what_is_no_catalog_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"catalog\.parquet does not exist: this folder was not written by catalog$"):
        read_images(tmp_path)
    (tmp_path / "catalog.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(StepError, match=r"catalog\.parquet is not a catalog: "):
        read_images(tmp_path)
    pq.write_table(pa.table({"id": ["1"], "uri": ["s3://x"], "split": ["test"]}), tmp_path / "catalog.parquet")
    with pytest.raises(StepError, match=r"catalog\.parquet is not a catalog: it has no column group$"):
        read_images(tmp_path, products=False)
