"""The audit's pipeline, every step's real code in its own process and the serving container behind a transform job."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines.audit.definition import audit_config, compile_definition
from pipelines.audit.run import run_audit
from pipelines.config import Config, load_preset
from pipelines.errors import PipelineError
from pipelines.target import Target
from steps.images import preprocess
from steps.scoring import answer
from steps.shards import Dataset, Shards, write_dataset, write_shard
from steps.signature import read_signature

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def audited(
    target: Target,
    config: Config,
    register: Callable[[Path], str],
    model: Path,
    bins: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder that an audit of `bins` has written to, after one without an approved model has failed."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.raises(PipelineError, match=r"no model of the group bin-counter-demo is approved: approve one"):
        run_audit(target, config, str(bins), folder, QUIET)
    register(model)
    run_audit(target, config, str(bins), folder, QUIET)
    return folder


def answers(target: Target, config: Config) -> dict[str, dict[str, float]]:
    """Probabilities by the bin's id, from the objects that the transform job left."""
    (job,) = target.sagemaker.list_transform_jobs()["TransformJobSummaries"]
    described = target.sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
    prefix = described["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{config.bucket}/")
    found = {}
    for entry in target.s3.list_objects_v2(Bucket=config.bucket, Prefix=f"{prefix}/")["Contents"]:
        body = target.s3.get_object(Bucket=config.bucket, Key=entry["Key"])["Body"].read()
        found[entry["Key"].rsplit("/", 1)[-1].removesuffix(".jpg.out")] = json.loads(body).get("probabilities")
    return found


def test_bins_stand_by_the_probability_of_their_record_and_unknown_quantities_last(
    target: Target, config: Config, audited: Path, photos: dict[str, bytes]
) -> None:
    rows = pq.read_table(audited / "audit.parquet").to_pylist()
    given = answers(target, config)
    assert {row["id"] for row in rows} == {*photos, "many"}
    known, unknown = rows[:-1], rows[-1]
    assert [row["probability"] for row in known] == sorted(given[row["id"]][str(row["recorded"])] for row in known)
    assert (unknown["id"], unknown["probability"], unknown["verdict"]) == ("many", None, "unsure")
    for row in known:
        limits = {"mismatch": (0, 0.05), "unsure": (0.05, 0.5), "match": (0.5, 1.01)}[row["verdict"]]
        assert limits[0] <= row["probability"] < limits[1]
        assert row["uri"].endswith(f"/bin-images/{row['id']}.jpg")
    assert {"mismatch", "match"} < {row["verdict"] for row in rows}


def test_what_cannot_be_audited_is_quarantined_with_its_reason_and_fails_nothing(audited: Path) -> None:
    reasons = {row["id"]: row["reason"] for row in pq.read_table(audited / "quarantine.parquet").to_pylist()}
    truncated = reasons.pop("truncated")
    assert "truncated" in truncated or "broken" in truncated
    assert reasons == {"empty": "the photo is empty", "no-record": "no metadata file", "no-photo": "no image"}


def test_the_page_shows_the_likeliest_errors_and_loads_nothing(audited: Path) -> None:
    page = (audited / "audit.html").read_text(encoding="utf-8")
    rows = pq.read_table(audited / "audit.parquet").to_pylist()
    mismatches = [row["id"] for row in rows if row["verdict"] == "mismatch"]
    assert f"{len(mismatches)} bin" in page
    places = [page.index(f'alt="Photo {name}"') for name in mismatches]
    assert places == sorted(places)
    assert "http" not in page
    assert page.count("data:image/jpeg;base64,") == sum(row["verdict"] != "match" for row in rows)


def test_one_photo_has_the_same_probabilities_in_evaluate_endpoint_and_transform(
    target: Target, config: Config, audited: Path, photos: dict[str, bytes], model: Path, tmp_path: Path
) -> None:
    signature = read_signature(model)
    write_dataset(tmp_path, Dataset(classes=signature.classes, preprocessing=signature.preprocessing))
    pixels = np.stack([preprocess(photo, signature.preprocessing) for photo in photos.values()])
    write_shard(tmp_path, "one", pixels, np.zeros(len(photos), np.int64), list(photos))
    evaluated = answer(model, signature, Shards(tmp_path), batch_size=3).probabilities
    transformed = answers(target, config)
    endpoint = deploy(target, config)
    runtime = boto3.client("sagemaker-runtime")
    for row, (name, photo) in zip(evaluated, photos.items(), strict=True):
        body = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/jpeg", Body=photo)["Body"].read()
        served = json.loads(body)["probabilities"]
        assert list(served.values()) == pytest.approx(row.tolist(), abs=1e-5)
        assert transformed[name] == pytest.approx(served, abs=1e-5)
    assert evaluated.std(axis=0).max() > 0.01  # the model does tell the photos apart


def test_the_definition_is_the_same_bytes_twice() -> None:
    config = audit_config(load_preset("demo").placed("123456789012", "eu-west-1"))
    first = compile_definition(config, "eu-west-1")
    assert compile_definition(config, "eu-west-1") == first
    assert [step["Name"] for step in json.loads(first)["Steps"]] == ["Survey", "Counter-CreateModel", "Count", "Audit"]


def test_a_folder_that_is_no_folder_of_bins_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines", "audit", "--preset", "demo", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 1
    assert (
        done.stderr == f"error: {tmp_path} holds no bin-images/*.jpg beside metadata/*.json: is it a folder of bins?\n"
    )


def deploy(target: Target, config: Config) -> str:
    """Put the model that the audit made behind an endpoint."""
    sagemaker = target.sagemaker
    (job,) = sagemaker.list_transform_jobs()["TransformJobSummaries"]
    made = sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
    sagemaker.create_endpoint_config(
        EndpointConfigName="same",
        ProductionVariants=[
            {
                "VariantName": "all",
                "ModelName": made["ModelName"],
                "InitialInstanceCount": 1,
                "InstanceType": "ml.c7i.large",
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName="same", EndpointConfigName="same")
    deadline = time.monotonic() + 120
    while (status := sagemaker.describe_endpoint(EndpointName="same")["EndpointStatus"]) == "Creating":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert status == "InService"
    return "same"
