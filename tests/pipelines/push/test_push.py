"""Folders arrive in a bucket as they are, once, and whatever happens on the way."""

import dataclasses
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from pipelines.config import load_preset
from pipelines.errors import PipelineError
from pipelines.push.push import Pushed, push
from pipelines.target import Target

Stored = Callable[[], dict[str, bytes]]
LARGE_BYTES = 17_000_000
ODD_NAMES = (
    "with space.jpg",
    " leading and trailing ",
    "100 %.jpg",
    "%41.jpg",
    "a+b=c&d?e#f.jpg",
    "Bär 🐻 熊.jpg",
    "tab\tbell\a.jpg",
    "'quoted' \"twice\".jpg",
    "back\\slash.jpg",
    "~tilde.jpg",
    "...",
    "-rf",
    "x" * 250,
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, content in {"dog/1.jpg": b"one", "dog/2.jpg": b"two", "cat/1.jpg": b"one", "empty.txt": b""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_files_keep_their_paths_and_a_second_push_sends_nothing(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    assert push(target, photos, f"s3://{bucket}/a/b/", console) == Pushed(sent=4, sent_bytes=9, unchanged=0)
    there = {"a/b/dog/1.jpg": b"one", "a/b/dog/2.jpg": b"two", "a/b/cat/1.jpg": b"one", "a/b/empty.txt": b""}
    assert stored() == there
    assert push(target, photos, f"s3://{bucket}/a/b", console) == Pushed(sent=0, sent_bytes=0, unchanged=4)
    assert stored() == there


def test_a_bucket_itself_can_be_the_place(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    push(target, photos, f"s3://{bucket}", console)
    assert set(stored()) == {"dog/1.jpg", "dog/2.jpg", "cat/1.jpg", "empty.txt"}


def test_a_file_with_other_content_goes_again_though_its_size_and_date_are_those_of_before(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    push(target, photos, f"s3://{bucket}/p", console)
    changed = photos / "dog" / "1.jpg"
    before = changed.stat()
    changed.write_bytes(b"ONE")
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert push(target, photos, f"s3://{bucket}/p", console).sent == 1
    assert stored()["p/dog/1.jpg"] == b"ONE"


def test_a_push_goes_on_with_what_is_missing(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    push(target, photos, f"s3://{bucket}/p", console)
    target.s3.delete_object(Bucket=bucket, Key="p/cat/1.jpg")
    assert push(target, photos, f"s3://{bucket}/p", console) == Pushed(sent=1, sent_bytes=3, unchanged=3)
    assert len(stored()) == 4


def test_what_boto3_has_put_there_is_not_sent_again(
    target: Target, photos: Path, bucket: str, console: Console
) -> None:
    (photos / "large.bin").write_bytes(os.urandom(LARGE_BYTES))
    target.s3.upload_file(str(photos / "large.bin"), bucket, "p/large.bin")
    target.s3.put_object(Bucket=bucket, Key="p/dog/1.jpg", Body=b"one", ChecksumAlgorithm="CRC32")
    assert push(target, photos, f"s3://{bucket}/p", console).unchanged == 2


@pytest.mark.parametrize("checksum", ["SHA1", "CRC32"])
def test_an_object_whose_checksum_tells_nothing_is_sent_again_rather_than_trusted(
    checksum: Any, target: Target, tmp_path: Path, bucket: str, console: Console
) -> None:
    """Another algorithm than ours, or parts of another size than ours."""
    (tmp_path / "large.bin").write_bytes(os.urandom(LARGE_BYTES))
    parts = TransferConfig(multipart_chunksize=6_000_000)
    upload = {"ChecksumAlgorithm": checksum}
    target.s3.upload_file(str(tmp_path / "large.bin"), bucket, "p/large.bin", ExtraArgs=upload, Config=parts)
    assert push(target, tmp_path, f"s3://{bucket}/p", console).sent == 1


def test_a_large_file_goes_in_parts_that_are_checked_on_arrival(
    target: Target, tmp_path: Path, bucket: str, stored: Stored, console: Console
) -> None:
    content = os.urandom(LARGE_BYTES)
    (tmp_path / "large.bin").write_bytes(content)
    assert push(target, tmp_path, f"s3://{bucket}/p", console).sent == 1
    head = target.s3.head_object(Bucket=bucket, Key="p/large.bin", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"')
    assert head["ChecksumCRC32"]
    assert stored() == {"p/large.bin": content}
    assert push(target, tmp_path, f"s3://{bucket}/p", console).unchanged == 1
    (tmp_path / "large.bin").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert push(target, tmp_path, f"s3://{bucket}/p", console).sent == 1


def test_odd_names_become_keys_as_they_are(
    target: Target, tmp_path: Path, bucket: str, stored: Stored, console: Console
) -> None:
    for number, name in enumerate(ODD_NAMES):
        (tmp_path / name).write_text(str(number))
    push(target, tmp_path, f"s3://{bucket}/p", console)
    assert stored() == {f"p/{name}": str(number).encode() for number, name in enumerate(ODD_NAMES)}
    assert push(target, tmp_path, f"s3://{bucket}/p", console).unchanged == len(ODD_NAMES)


# Letters that XML 1.0 cannot hold at all are left to the listing's own encoding, which the server here does not know.
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=8))
def test_any_name_becomes_a_key_as_it_is(
    names: set[str], target: Target, bucket: str, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / uuid4().hex
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    push(target, folder, f"s3://{bucket}/{folder.name}", console)
    for name in names:
        found = target.s3.get_object(Bucket=bucket, Key=f"{folder.name}/{name}")["Body"].read()
        assert found == name.encode()


def test_links_and_what_is_no_file_are_said_and_left_out(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    (photos / "link.jpg").symlink_to(photos / "dog" / "1.jpg")
    (photos / "round").symlink_to(photos)
    os.mkfifo(photos / "pipe")
    push(target, photos, f"s3://{bucket}/p", console)
    assert len(stored()) == 4
    assert "left out, links and what is no file: " in printed(console)
    assert f"{photos}/link.jpg, {photos}/pipe, {photos}/round" in printed(console)


def test_what_is_in_the_bucket_and_not_in_the_folder_is_said_and_stays(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    target.s3.put_object(Bucket=bucket, Key="p/dog/blurred.jpg", Body=b"x")
    target.s3.put_object(Bucket=bucket, Key="p-other/dog/1.jpg", Body=b"x")
    push(target, photos, f"s3://{bucket}/p", console)
    assert f"not in the folder, and left as they are: s3://{bucket}/p/dog/blurred.jpg\n" in printed(console)
    assert "p/dog/blurred.jpg" in stored()


@pytest.mark.parametrize(
    ("folder", "to", "message"),
    [
        ("absent", "s3://{bucket}/p", "absent is not a folder"),
        ("photos/dog/1.jpg", "s3://{bucket}/p", "1.jpg is not a folder"),
        ("nothing", "s3://{bucket}/p", "nothing holds no file that could be sent"),
        ("photos", "s3://no-such-bucket-of-ours/p", "there is no bucket no-such-bucket-of-ours: `make deploy-stack`"),
        ("photos", "s3://aft-vbi-pds", "is a public bucket that can only be read"),
        ("photos", "/data/photos", "'/data/photos' is no place to send photos to: write s3://bucket/prefix"),
        ("photos", "s3:///p", "is no place to send photos to"),
        ("photos", "s3://{bucket}/a//b", "is no place to send photos to"),
        ("photos", "s3://{bucket}/../b", "is no place to send photos to"),
        ("photos", "s3://{bucket}/" + "x" * 1020, "4 files have names that are .* longer than 1,024 bytes"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_a_sentence(
    folder: str, to: str, message: str, target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    (photos.parent / "nothing").mkdir()
    with pytest.raises(PipelineError, match=message):
        push(target, photos.parent / folder, to.format(bucket=bucket), console)
    assert stored() == {}


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDenied", "access is denied, allow s3:PutObject to who runs this; what has arrived stays"),
        (400, "BadDigest", "BadDigest; what has arrived stays, and the same command sends the rest"),
    ],
)
def test_a_file_that_s3_refuses_is_named_with_the_reason(
    status: int,
    code: str,
    message: str,
    target: Target,
    tmp_path: Path,
    console: Console,
    refusing: Callable[[int, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "1.jpg").write_bytes(b"one")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", refusing(status, code))
    with pytest.raises(PipelineError, match=f"{tmp_path}/1.jpg cannot be sent to s3://photos: {message}"):
        push(dataclasses.replace(target, s3=boto3.client("s3")), tmp_path, "s3://photos/p", console)


def test_a_name_that_is_not_utf_8_is_refused_before_anything_is_sent(
    target: Target, photos: Path, bucket: str, stored: Stored, console: Console
) -> None:
    Path(os.fsdecode(os.fsencode(photos) + b"/caf\xe9.jpg")).write_bytes(b"x")
    with pytest.raises(PipelineError, match=r"1 files have names that are not UTF-8 .*: rename .*caf\\xe9.jpg"):
        push(target, photos, f"s3://{bucket}/p", console)
    assert stored() == {}


def test_the_command_sends_to_the_presets_source_where_no_other_is_named(
    target: Target, photos: Path, command: Callable[..., str]
) -> None:
    config = target.place(load_preset("demo"))
    target.s3.create_bucket(Bucket=config.bucket)
    assert f"sent 4 files, 0.0 MB, to {config.catalog.source}; 0 were there already" in command("push", str(photos))
    assert "error: there is no bucket nowhere-at-all" in command("push", str(photos), "s3://nowhere-at-all", fails=True)


def test_a_push_that_is_interrupted_leaves_no_part_of_a_file_behind(
    target: Target, bucket: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(400_000_000)
    line = [sys.executable, "-m", "pipelines", "push", str(tmp_path), f"s3://{bucket}/p"]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as sender:
        deadline = time.monotonic() + 60
        while not target.s3.list_multipart_uploads(Bucket=bucket).get("Uploads"):
            assert sender.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        sender.send_signal(signal.SIGINT)
        _, told = sender.communicate(timeout=60)
    assert sender.returncode == 130
    assert b"Traceback" not in told
    assert "Uploads" not in target.s3.list_multipart_uploads(Bucket=bucket)
    there = [each["Size"] for each in target.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert there in ([], [400_000_000])  # the whole file, where the last part was sent before the signal came


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
