"""The audit of simulated bins some of whose records are made wrong: how many of those stand at the top."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines import operations
from pipelines.audit.run import run_audit
from pipelines.config import Config
from pipelines.definition import compile_definition
from pipelines.demo.simulator import write_bucket
from pipelines.progress import watch
from pipelines.target import Target

TRAINED_ON, AUDITED, PLANTED = 2000, 500, 25
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def trained(target: Target, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The demo without its search for hyperparameters, its model approved."""
    own = config.model_copy(update={"tune": None})
    operations.upsert(target, own, compile_definition(own, target.region), lambda _: None)
    folder = tmp_path_factory.mktemp("training")
    source = upload(target, own, draw(folder / "bins", TRAINED_ON, seed=0))
    ended = watch(target, operations.start(target, own.name, {"SourceUri": source}), QUIET)
    assert ended.status == "Succeeded", ended.reason
    operations.decide(target, own.register_.group, None, "Approved", "")
    return own


def draw(folder: Path, images: int, seed: int) -> Path:
    write_bucket(folder, images, seed=seed, workers=1)
    return folder


def upload(target: Target, config: Config, folder: Path) -> str:
    for file in folder.rglob("*.*"):
        target.s3.upload_file(str(file), config.bucket, f"drawn/{file.relative_to(folder).as_posix()}")
    return f"s3://{config.bucket}/drawn"


def plant(folder: Path) -> set[str]:
    """Move the records of some bins to another quantity, each of the others as likely; answers their ids."""
    rng = np.random.default_rng(5)
    files = sorted((folder / "metadata").glob("*.json"))
    chosen = rng.choice(len(files), PLANTED, replace=False)
    for index in chosen:
        record = json.loads(files[index].read_text())
        others = [count for count in range(6) if count != record["EXPECTED_QUANTITY"]]
        record["EXPECTED_QUANTITY"] = int(rng.choice(others))
        files[index].write_text(json.dumps(record))
    return {files[index].stem for index in chosen}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_records_made_wrong_stand_at_the_top_of_the_audit(target: Target, trained: Config, tmp_path: Path) -> None:
    bins = draw(tmp_path / "bins", AUDITED, seed=77)
    wrong = plant(bins)
    run_audit(target, trained, str(bins), tmp_path / "audit", QUIET)
    rows = pq.read_table(tmp_path / "audit" / "audit.parquet").to_pylist()
    assert len(rows) == AUDITED
    found = [row["id"] in wrong for row in rows]
    top = sum(found[:PLANTED])
    depth = max(index for index, planted in enumerate(found) if planted) + 1
    accuracy = np.mean([row["counted"] == row["recorded"] for row in rows])
    print(f"\n{top} of {PLANTED} planted errors are in the first {PLANTED} rows: that is precision and recall")
    print(f"the first 50 rows hold {sum(found[:50])}, the first {depth} all; counts are as recorded for {accuracy:.1%}")
    assert top >= 4 * PLANTED * PLANTED / AUDITED  # four times what chance would put there
