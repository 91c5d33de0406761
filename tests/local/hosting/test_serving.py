"""A container's serve program becomes a healthy process, answers, and goes."""

import io
import json
import os
import tarfile

import pytest

from pipelines.local.connection import Connection
from pipelines.local.hosting.artifacts import ArtifactError, unpack
from pipelines.local.hosting.serving import InvocationError, ModelDataError, ServingError, ServingProcess
from pipelines.local.jobs.fleet import Surroundings
from pipelines.local.jobs.logs import LogFile

GROUP = "/aws/sagemaker/Endpoints/direct"


@pytest.fixture
def serve(tiny, server_image, containers, tmp_path):
    """Start a container; it is closed in the end."""
    log = LogFile(tmp_path / "log")
    started = []

    def make(*, image=server_image, grace=5.0, **definition):
        surroundings = Surroundings(tmp_path, containers, Connection(tiny.server.url), lambda: 1, grace)
        folder = tmp_path / f"ml-{len(started)}"
        stream = (GROUP, f"AllTraffic/{tmp_path.name}-{folder.name}")
        started.append(ServingProcess({"Image": image, **definition}, surroundings, folder, log, stream))
        return started[-1]

    yield make
    for process in started:
        process.close()
    log.close()


def test_a_container_serves_its_model_with_its_environment_until_it_is_closed(tiny, serve, pack, listens):
    tiny.s3.put_object(Bucket=tiny.bucket, Key="serving/model.tar.gz", Body=pack(**{"weights.txt": "7"}))
    data = f"s3://{tiny.bucket}/serving/model.tar.gz"
    process = serve(ModelDataUrl=data, Environment={"MODEL_PATH": "/opt/ml/model"})
    process.start()
    process.wait_until_healthy(60)
    answer = process.invoke(b"hello", {"Content-Type": "text/plain"})
    seen = json.loads(answer.body)
    assert (answer.status, seen["body"], seen["files"]) == (200, "hello", {"weights.txt": "7"})
    assert seen["environment"]["MODEL_PATH"].endswith("/model")
    assert process.alive
    process.close()
    assert not process.alive
    assert not listens(seen["port"])
    streams = tiny.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert streams[0]["logStreamName"].startswith("AllTraffic/")


def test_model_data_may_be_a_prefix_that_is_not_packed(tiny, serve):
    tiny.put("plain/model/a.txt", "a")
    tiny.put("plain/model/deep/b.txt", "b")
    source = {"S3Uri": f"s3://{tiny.bucket}/plain/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    process = serve(ModelDataSource={"S3DataSource": source})
    process.start()
    process.wait_until_healthy(60)
    assert json.loads(process.invoke(b"", {}).body)["files"] == {"a.txt": "a", "deep/b.txt": "b"}


def test_a_container_that_ignores_sigterm_is_killed(serve, listens):
    process = serve(grace=0.3, Environment={"STUBBORN": "1"})
    process.start()
    process.wait_until_healthy(60)
    port = json.loads(process.invoke(b"", {}).body)["port"]
    process.close()
    assert not listens(port)


def test_a_container_that_ends_or_is_never_well_is_not_healthy(serve):
    ended, sick = serve(Environment={"EXIT": "3"}), serve(Environment={"SICK": "1"})
    for process in (ended, sick):
        process.start()
    with pytest.raises(ServingError, match="exit code 3"):
        ended.wait_until_healthy(60)
    with pytest.raises(ServingError, match="did not answer GET /ping with 200 within 1 s"):
        sick.wait_until_healthy(1)


def test_what_keeps_a_container_from_starting_is_said(tiny, serve):
    with pytest.raises(ServingError, match=r"the program 'serve' is looked for in .*trainer.bin"):
        serve(image=tiny.image).start()
    with pytest.raises(ServingError, match=r"Could not find model data at s3://tiny-bucket/none\.tar"):
        serve(ModelDataUrl="s3://tiny-bucket/none.tar.gz").start()
    process = serve()
    process._folder.write_text("in the way")
    with pytest.raises(ModelDataError, match="Not a directory"):
        process.start()


def test_an_answer_that_is_late_or_broken_off_is_an_invocation_error(serve):
    process = serve()
    process.start()
    process.wait_until_healthy(60)
    with pytest.raises(InvocationError, match="timed out while waiting for a response"):
        process.invoke(b"sleep 30", {}, limit_seconds=0.3)
    assert json.loads(process.invoke(b"still there", {}).body)["body"] == "still there"
    with pytest.raises(InvocationError, match="closed the connection without an answer"):
        process.invoke(b"die", {})


def write(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name, **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("../out.txt"),
        member("link", type=tarfile.SYMTYPE, linkname="../../out.txt"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("device", type=tarfile.CHRTYPE),
    ],
    ids=["path", "relative link", "absolute link", "device"],
)
def test_a_model_archive_that_leads_out_of_its_folder_is_refused(tmp_path, bad):
    with pytest.raises(ArtifactError):
        unpack(write(tmp_path / "m.tar.gz", (bad, b"")), tmp_path / "model")
    assert not (tmp_path / "out.txt").exists()


def test_a_model_archive_that_would_fill_disk_or_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.local.hosting.artifacts._LARGEST_MODEL_BYTES", 1000)
    with pytest.raises(ArtifactError, match="larger than"):
        unpack(write(tmp_path / "big.tar.gz", (member("a"), b"x" * 600), (member("b"), b"x" * 600)), tmp_path / "m")
    header = member("long", type=tarfile.GNUTYPE_LONGNAME)
    with pytest.raises(ArtifactError, match="a header claims to be 8000000 bytes long"):
        unpack(write(tmp_path / "long.tar.gz", (header, b"x" * 8_000_000)), tmp_path / "m")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "text").write_bytes(b"not packed")
    whole = write(tmp_path / "whole", (member("a"), os.urandom(20_000))).read_bytes()
    (tmp_path / "half").write_bytes(whole[:9_000])
    for name in ("text", "half"):
        with pytest.raises(ArtifactError, match="it cannot be unpacked"):
            unpack(tmp_path / name, tmp_path / "model")
