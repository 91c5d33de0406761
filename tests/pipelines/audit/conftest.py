"""A small approved model in the registry of an embedded SageMaker, and a folder of bins to audit with it."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.config import Config, load_preset
from pipelines.target import Target
from steps.decision import Decision
from steps.preprocessing import Preprocessing
from steps.signature import Signature
from steps.train.export import export
from steps.train.networks.network import MEAN, STD, Classifier

SIZE = 32
COUNTS = ("0", "1", "2", "3", "4", "5")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with random weights, as training writes one."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    signature = Signature(
        classes=COUNTS,
        preprocessing=Preprocessing(size=SIZE, resize="pad"),
        mean=MEAN,
        std=STD,
        architecture="baseline",
        training_job="none",
        decision=Decision(temperature=0.05, mirrored=True),
    )
    images = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    export(Classifier("baseline", len(COUNTS)).eval(), signature, images, folder)
    return folder


@pytest.fixture(scope="module")
def config(stacked: Callable[[Config], Config]) -> Config:
    return stacked(load_preset("demo"))


@pytest.fixture(scope="module")
def register(target: Target, config: Config) -> Callable[..., str]:
    """Register a model folder in the preset's group, approved; answers the package's ARN."""

    def put(model: Path) -> str:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for file in sorted(model.iterdir()):
                archive.add(file, file.name)
        target.s3.put_object(Bucket=config.bucket, Key="model/model.tar.gz", Body=buffer.getvalue())
        group = config.register_.group
        if not target.sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]:
            target.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        container = {"Image": config.images.serving, "ModelDataUrl": f"s3://{config.bucket}/model/model.tar.gz"}
        return target.sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]

    return put


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    """JPEG files that the model tells apart, by the bin's id."""
    made = {}
    rng = np.random.default_rng(3)
    for number in range(10):
        coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize((150, 120), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=90)
        made[f"{number:05}"] = buffer.getvalue()
    return made


@pytest.fixture(scope="module")
def bins(tmp_path_factory: pytest.TempPathFactory, photos: dict[str, bytes]) -> Path:
    """Ten good bins, one of a quantity that the model does not know, and four that cannot be audited."""
    folder = tmp_path_factory.mktemp("bins")
    for part in ("bin-images", "metadata"):
        (folder / part).mkdir()
    records = {name: int(name) % 6 for name in photos}
    more = {
        "many": (photos["00001"], 9),
        "truncated": (photos["00002"][:900], 2),
        "empty": (b"", 2),
        "no-record": (photos["00003"], None),
        "no-photo": (None, 1),
    }
    for name, (photo, recorded) in {**{name: (photos[name], records[name]) for name in photos}, **more}.items():
        if photo is not None:
            (folder / "bin-images" / f"{name}.jpg").write_bytes(photo)
        if recorded is not None:
            (folder / "metadata" / f"{name}.json").write_text(json.dumps({"EXPECTED_QUANTITY": recorded}))
    return folder
