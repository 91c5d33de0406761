"""The journal itself: bounded, robust, and true whatever it forgets."""

import io
import os
import signal
import socket
import subprocess
import sys
import urllib.request
import zipfile

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.local import EmbeddedSageMaker, ServerError
from pipelines.local.persistence.compaction import superseded
from pipelines.local.persistence.effects import Effect, Kind
from pipelines.local.persistence.folder import StateFolder

BUCKET = "kept-bucket"


def bodies(state):
    return list((state / "aws").iterdir())


def test_what_is_overwritten_or_deleted_leaves_the_disk(on, tmp_path):
    def work(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for number in range(5):
            s3.put_object(Bucket=BUCKET, Key="k", Body=bytes([number]) * 10_000)
            s3.put_object(Bucket=BUCKET, Key=f"gone-{number}", Body=b"g" * 10_000)
            s3.delete_object(Bucket=BUCKET, Key=f"gone-{number}")

    on(work)
    assert len(bodies(tmp_path)) == 10
    on(lambda client: None)
    assert len(bodies(tmp_path)) == 1
    assert on(lambda client: client("s3").get_object(Bucket=BUCKET, Key="k")["Body"].read()) == b"\4" * 10_000


def test_a_large_object_that_is_written_again_and_again_does_not_fill_the_disk(on, tmp_path):
    def work(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for _ in range(12):
            s3.put_object(Bucket=BUCKET, Key="checkpoint", Body=bytes(40 * 1024 * 1024))
        assert len(bodies(tmp_path)) < 8

    on(work)


def test_the_code_of_updated_and_deleted_functions_leaves_the_disk(on, tmp_path):
    def archive(number):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as opened:
            opened.writestr("main.py", f"number = {number}\n" * 1000)
        return content.getvalue()

    def before(client):
        role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions = client("lambda")
        for name in ("kept", "versioned", "deleted"):
            functions.create_function(
                FunctionName=name, Runtime="python3.11", Handler="main.h", Role=role, Code={"ZipFile": archive(0)}
            )
            for number in range(1, 4):
                functions.update_function_code(FunctionName=name, ZipFile=archive(number), Publish=name == "versioned")
                functions.update_function_configuration(FunctionName=name, Description=f"{number}")
        functions.delete_function(FunctionName="deleted")
        return look(client)

    def look(client):
        every = client("lambda").list_functions(FunctionVersion="ALL")["Functions"]
        return sorted(
            (each["FunctionName"], each["Version"], each["CodeSha256"], each["Description"]) for each in every
        )

    found = on(before)
    assert len(bodies(tmp_path)) == 12
    assert on(look) == found
    assert len(bodies(tmp_path)) == 6  # created and updated last; created and three versions


def test_a_journal_with_holes_gives_back_the_rest(on, tmp_path):
    def work(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key in ("a", "b", "c"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode() * 10_000)

    on(work)
    (lost, *_) = bodies(tmp_path)
    lost.unlink()
    (tmp_path / "aws" / ".part-left-by-a-kill").write_bytes(b"half")

    def after(client):
        return [each["Key"] for each in client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]

    assert len(on(after)) == 2
    assert not (tmp_path / "aws" / ".part-left-by-a-kill").exists()


def test_a_client_that_goes_away_in_the_middle_of_an_upload_leaves_nothing(on, tmp_path):
    def work(client):
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET)
        host, port = s3.meta.endpoint_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            head = f"PUT /{BUCKET}/half HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 100000\r\n\r\n"
            raw.sendall(head.encode() + b"x" * 50_000)
            raw.shutdown(socket.SHUT_WR)
            assert b" 400 " in raw.recv(100)
        assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)

    on(work)
    assert bodies(tmp_path) == []


def test_a_reset_of_moto_is_for_good(tmp_path, client_of):
    with EmbeddedSageMaker(state=tmp_path) as aws:
        client_of(aws.url, "s3").create_bucket(Bucket=BUCKET)
        post = urllib.request.Request(f"{aws.url}/moto-api/reset", method="POST")  # noqa: S310 - our own server
        urllib.request.urlopen(post, timeout=30).close()  # noqa: S310 - our own server
    with EmbeddedSageMaker(state=tmp_path) as aws:
        assert client_of(aws.url, "s3").list_buckets()["Buckets"] == []


def test_a_second_server_on_a_folder_is_refused(tmp_path):
    other = StateFolder(tmp_path)
    with pytest.raises(ServerError, match="uses this state folder already"):
        EmbeddedSageMaker(state=tmp_path).start()
    other.release()
    with EmbeddedSageMaker(state=tmp_path) as aws:
        assert aws.url


def test_nothing_that_was_answered_is_lost_when_the_server_is_killed(tmp_path, client_of):
    command = [sys.executable, "-m", "pipelines.local", "--port", "0", "--state", str(tmp_path)]

    def serve():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = next(line for line in process.stdout if "AWS_ENDPOINT_URL" in line)
        return process, client_of(line.strip().partition("=")[2], "s3")

    process, s3 = serve()
    try:
        s3.create_bucket(Bucket=BUCKET)
        answered = []
        while len(answered) < 200:
            if len(answered) == 60:
                os.kill(process.pid, signal.SIGKILL)
            try:
                s3.put_object(Bucket=BUCKET, Key=f"{len(answered):04}", Body=f"{len(answered)} ".encode() * 3000)
            except (BotoCoreError, ClientError):
                break
            answered.append(f"{len(answered):04}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert len(answered) >= 60
    process, s3 = serve()
    try:
        found = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert found[: len(answered)] == answered
        assert len(found) <= len(answered) + 1  # the last may have been kept, and not yet answered
        for key in answered[::20]:
            assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == f"{int(key)} ".encode() * 3000
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


# A bucket in a dozen lines: what each effect does, for comparing a list of them with what compaction leaves of it.
def objects_after(effects):
    found, uploads = {}, {}
    for number, each in effects:
        sources = tuple(found.get(source) for source in each.sources)
        if each.kind is Kind.PART:
            uploads.setdefault(each.upload, []).append((number, sources))
        elif each.kind is Kind.WRITE:
            found[each.keys[0]] = (number, sources, tuple(uploads.pop(each.upload, ())), ())
        elif each.kind is Kind.CHANGE and each.keys[0] in found:
            content = found[each.keys[0]]
            found[each.keys[0]] = (*content[:3], (*content[3], number))
        elif each.kind is Kind.DELETE:
            for key in each.keys:
                found.pop(key, None)
        elif each.kind is Kind.UNKNOWN:  # one that reads everything and writes anything
            found[f"b/{'xyz'[number % 3]}"] = (number, tuple(sorted(found.items())), (), ())
        elif each.kind is Kind.ABORT:
            uploads.pop(each.upload, None)
    return found, uploads


names = st.sampled_from(["b/x", "b/y", "b/z", "c/x"])
copies = st.lists(names, max_size=1).map(tuple)
plain = st.one_of(
    st.builds(lambda key, sources: Effect(Kind.WRITE, (key,), sources), names, copies),
    st.builds(lambda key: Effect(Kind.CHANGE, (key,)), names),
    st.builds(lambda keys: Effect(Kind.DELETE, tuple(keys)), st.lists(names, min_size=1, max_size=3, unique=True)),
    st.builds(lambda sources: Effect(Kind.OTHER, (), sources), copies),
    st.just(Effect(Kind.UNKNOWN)),
)


@st.composite
def histories(draw):
    """Effects in an order that clients can cause: an upload is begun, gets parts, and ends once."""
    effects, open_uploads = [], {}
    for number in range(draw(st.integers(0, 25))):
        choice = draw(st.sampled_from(["plain", "plain", "begin", "part", "complete", "abort"]))
        if choice == "begin":
            open_uploads[f"u{number}"] = draw(names)
            effects.append(Effect(Kind.PART, upload=f"u{number}"))
        elif choice == "plain" or not open_uploads:
            effects.append(draw(plain))
        else:
            upload = draw(st.sampled_from(sorted(open_uploads)))
            key = open_uploads[upload] if choice == "part" else open_uploads.pop(upload)
            kind = {"part": Kind.PART, "complete": Kind.WRITE, "abort": Kind.ABORT}[choice]
            effects.append(Effect(kind, (key,), draw(copies) if choice == "part" else (), upload))
    return effects


@settings(max_examples=300, deadline=None)
@given(histories())
def test_what_compaction_leaves_leads_to_the_same_objects(effects):
    dropped = superseded(effects)
    left = [(number, each) for number, each in enumerate(effects) if number not in dropped]
    assert objects_after(left) == objects_after(list(enumerate(effects)))
    again = superseded([each for _, each in left])
    assert not again  # one pass finds all


def test_versioned_buckets_are_left_alone():
    writes = [Effect(Kind.WRITE, ("b/x",)), Effect(Kind.WRITE, ("b/x",)), Effect(Kind.DELETE, ("b/x",))]
    assert superseded(writes) == {0, 1, 2}
    assert superseded([Effect(Kind.VERSIONING, ("b",)), *writes]) == set()
