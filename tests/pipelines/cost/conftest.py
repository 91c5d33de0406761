"""Prices that are easy to reckon with, compiled definitions, and a server with a trainer that takes a second."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.cost.prices import Meter, Price, PriceTable
from pipelines.local import EmbeddedSageMaker

GOLDEN = Path(__file__).parents[1] / "golden"
HERE = "us-east-1"

TRAIN = """#!/usr/bin/env python3
import os, pathlib, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
time.sleep(1)
print("loss=0.25;", flush=True)
(base / "model/weights.json").write_text("{}")
"""


def price(meter: Meter, item: str, usd: float, unit: str = "instance-hour") -> Price:
    return Price.model_validate(
        {
            "region": HERE,
            "meter": meter,
            "item": item,
            "unit": unit,
            "usd": usd,
            "date": "2026-11-01",
            "source": "a test",
        }
    )


@pytest.fixture
def prices() -> PriceTable:
    """Disks of 73 and 146 thousandths a GB and month: 100 GB are 0.01 and 0.02 dollars an hour."""
    return PriceTable(
        [
            price("Processing", "ml.m5.xlarge", 0.25),
            price("Processing", "ml.m5.2xlarge", 0.5),
            price("Processing", "ml.c5.4xlarge", 1.0),
            price("Processing", "ml.c7i.2xlarge", 0.4),
            price("Training", "ml.c7i.2xlarge", 0.5),
            price("Training", "ml.g5.4xlarge", 2.0),
            price("Hosting", "ml.c7i.large", 0.1),
            price("Processing volume", "gp2", 0.073, "GB-month"),
            price("Training volume", "gp2", 0.146, "GB-month"),
            price("Serverless", "memory", 0.00002, "GB-second"),
            price("S3", "standard", 0.02, "GB-month"),
        ]
    )


@pytest.fixture
def definitions() -> dict[str, dict[str, Any]]:
    """The compiled definitions of presets, by name."""
    return {name: json.loads((GOLDEN / f"{name}.json").read_text()) for name in ("abid", "demo")}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """As for all tests of commands, but with a trainer of our own."""
    folder = tmp_path_factory.mktemp("containers")
    program = folder / "trainer" / "bin" / "train"
    program.parent.mkdir(parents=True)
    program.write_text(TRAIN)
    program.chmod(0o755)
    with EmbeddedSageMaker(state=tmp_path_factory.mktemp("sagemaker"), containers=folder) as server:
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        yield {**others, **server.environment()}
