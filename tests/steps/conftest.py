"""What the tests of the steps share: small photos, folders in the bucket layout of ABID, a real S3 server."""

import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from moto.server import ThreadedMotoServer
from PIL import Image

REAL_PHOTOS = Path(__file__).parents[3] / "shared" / "abid"


# How fast a machine is says nothing about whether the code is right.
settings.register_profile("steps", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steps")


@pytest.fixture
def photo() -> Callable[..., bytes]:
    """Make the bytes of a JPEG of one colour."""

    def make(colour: tuple[int, int, int] = (200, 160, 40), size: tuple[int, int] = (40, 30)) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", size, colour).save(buffer, "JPEG", quality=95)
        return buffer.getvalue()

    return make


@pytest.fixture
def add_bin(photo: Callable[..., bytes]) -> Callable[..., None]:
    """Put a photo and its metadata into a folder in the bucket layout of ABID; None leaves a file out."""

    def add(folder: Path, name: str, count: Any, asins: tuple[str, ...] = (), image: bytes | None = photo()) -> None:
        metadata = {"EXPECTED_QUANTITY": count, "BIN_FCSKU_DATA": {asin: {"asin": asin} for asin in asins}}
        for kind, suffix, content in (
            ("bin-images", "jpg", image),
            ("metadata", "json", None if count is None else json.dumps(metadata).encode()),
        ):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            if content is not None:
                (folder / kind / f"{name}.{suffix}").write_bytes(content)

    return add


@pytest.fixture
def small_source(tmp_path: Path, add_bin: Callable[..., None], photo: Callable[..., bytes]) -> Path:
    """A folder of 60 good photos, ten of each count 0 to 5, no two bins alike; the red channel tells the id."""
    folder = tmp_path / "source"
    for number in range(60):
        add_bin(folder, f"{number:05d}", number % 6, (f"A{number}",), photo((number * 4, 90, 30)))
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Endpoint of a real S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dummy credentials, and nothing of the developer's own configuration."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def bucket(s3_server: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket of the S3 server that `AWS_ENDPOINT_URL` points at, as a boto3 resource."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    made = boto3.resource("s3").Bucket(f"bins-{uuid.uuid4().hex[:12]}")
    made.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return made


@pytest.fixture
def upload(bucket: Any) -> Callable[[Path, str], str]:
    """Copy a folder below a prefix of the bucket and tell its URI."""

    def copy(folder: Path, prefix: str) -> str:
        for file in folder.rglob("*"):
            if file.is_file():
                bucket.upload_file(str(file), f"{prefix}/{file.relative_to(folder).as_posix()}")
        return f"s3://{bucket.name}/{prefix}"

    return copy


@pytest.fixture
def real_photos() -> Callable[[str], Path]:
    """Folder of real bin photos by its name; skips where they are not."""

    def folder(name: str) -> Path:
        if not (REAL_PHOTOS / name).is_dir():
            pytest.skip(f"real bin photos are not here: {REAL_PHOTOS / name}")
        return REAL_PHOTOS / name

    return folder


@pytest.fixture
def noise() -> np.ndarray:
    """A square of random pixels, uint8 [64, 64, 3], the same every time."""
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
