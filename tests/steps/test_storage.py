"""Objects of buckets and folders are listed and read by URI; what fails says so in a sentence."""

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steps.contract import StepError
from steps.storage import Storage, UnreadableObjectError, below

NAMES = ["a.jpg", "sub/b.jpg", "spaces and ü.jpg", "100%25.jpg", "plus+#?.jpg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        file = tmp_path / "some folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path / "some folder"


@pytest.fixture
def scripted_server(aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An HTTP server in place of S3 that answers what `answers` holds, the last of them again and again."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(dict(self.headers))
            status, body = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT")
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_response(403)
            self.send_header("x-amz-bucket-region", server.region)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.answers, server.region = [], [], "us-east-1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


def read_all(uri: str) -> dict[str, bytes]:
    storage = Storage()
    return {stored.name: storage.read(stored.uri, 100) for stored in storage.list(uri)}


def test_a_folder_is_listed_and_each_listed_uri_is_read(folder: Path) -> None:
    assert read_all(folder.as_uri()) == {name: name.encode() for name in NAMES}


def test_a_bucket_is_listed_and_each_listed_uri_is_read(folder: Path, upload: Callable[..., str]) -> None:
    assert read_all(upload(folder, "deep/prefix")) == {name: name.encode() for name in NAMES}


def test_the_size_of_an_object_is_told_by_its_name_below_a_folder(folder: Path, upload: Callable[..., str]) -> None:
    for uri in (folder.as_uri(), upload(folder, "deep")):
        assert [Storage().size(below(uri, name)) for name in NAMES] == [len(name.encode()) for name in NAMES]
        with pytest.raises(UnreadableObjectError, match=r"^does not exist$"):
            Storage().size(below(uri, "absent.jpg"))


def test_a_whole_bucket_is_listed(bucket: Any) -> None:
    bucket.put_object(Key="x.txt", Body=b"12345")
    assert [(stored.name, stored.size) for stored in Storage().list(f"s3://{bucket.name}")] == [("x.txt", 5)]


def test_more_objects_than_one_answer_holds_are_all_listed(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")  # AWS answers 1,000
    for number in range(25):
        bucket.put_object(Key=f"many/{number}")
    assert bucket.meta.client.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 10
    assert len({stored.name for stored in Storage().list(f"s3://{bucket.name}/many")}) == 25


def test_folder_markers_and_a_neighbouring_prefix_are_not_listed(bucket: Any) -> None:
    for key in ("a/", "a/deeper/", "a/x.txt", "ab/y.txt"):
        bucket.put_object(Key=key)
    assert [stored.name for stored in Storage().list(f"s3://{bucket.name}/a/")] == ["x.txt"]


@pytest.mark.parametrize("prefix", ["nothing", ""])
def test_an_empty_bucket_or_prefix_lists_nothing(bucket: Any, prefix: str) -> None:
    assert list(Storage().list(f"s3://{bucket.name}/{prefix}")) == []


def test_a_missing_folder_lists_nothing(tmp_path: Path) -> None:
    assert list(Storage().list((tmp_path / "nowhere").as_uri())) == []


def test_a_missing_bucket_is_named(bucket: Any) -> None:
    with pytest.raises(StepError, match=r"^cannot list s3://no-such-bucket-1/x: the bucket does not exist$"):
        list(Storage().list("s3://no-such-bucket-1/x"))
    with pytest.raises(StepError, match=r"^cannot read s3://no-such-bucket-1/x: the bucket does not exist$"):
        Storage().read("s3://no-such-bucket-1/x", 10)


def test_a_missing_object_is_unreadable_alone(bucket: Any, tmp_path: Path) -> None:
    for uri in (f"s3://{bucket.name}/gone.jpg", (tmp_path / "gone.jpg").as_uri()):
        with pytest.raises(UnreadableObjectError, match="does not exist"):
            Storage().read(uri, 10)


def test_an_object_above_the_limit_is_not_fetched(bucket: Any) -> None:
    bucket.put_object(Key="big", Body=b"x" * 1001)
    with pytest.raises(UnreadableObjectError, match=r"1,001 bytes of at most 1,000"):
        Storage().read(f"s3://{bucket.name}/big", 1000)


ODD_KEYS = {
    "in//b.jpg": "its name begins or ends with a slash, or has two together",
    "in/../b.jpg": "its name has a part '..'",
    "in/./b.jpg": "its name has a part '.'",
    "in/b\x01.jpg": r"its name has a control character, '\x01'",
    "in/b.jpg/": "its name begins or ends with a slash, or has two together",
}


def test_objects_with_odd_keys_are_listed_but_not_read(bucket: Any) -> None:
    for key in ("in/b.jpg", *ODD_KEYS):
        bucket.put_object(Key=key, Body=key.encode())
    storage = Storage()
    listed = {stored.name: stored.uri for stored in storage.list(f"s3://{bucket.name}/in")}
    assert set(listed) == {key.removeprefix("in/") for key in ("in/b.jpg", *ODD_KEYS)}
    assert storage.read(listed["b.jpg"], 100) == b"in/b.jpg"
    for key, reason in ODD_KEYS.items():
        for use in (lambda uri: storage.read(uri, 100), storage.size):
            with pytest.raises(UnreadableObjectError) as caught:
                use(listed[key.removeprefix("in/")])
            assert str(caught.value) == f"cannot be read: {reason}"


def test_a_key_that_begins_with_a_slash_is_not_taken_for_the_one_without(bucket: Any) -> None:
    bucket.put_object(Key="/a.jpg", Body=b"odd")
    bucket.put_object(Key="a.jpg", Body=b"plain")
    assert sorted(stored.name for stored in Storage().list(f"s3://{bucket.name}")) == ["/a.jpg", "a.jpg"]
    assert Storage().read(f"s3://{bucket.name}/a.jpg", 10) == b"plain"
    with pytest.raises(UnreadableObjectError, match="begins or ends with a slash"):
        Storage().read(f"s3://{bucket.name}//a.jpg", 10)


def test_files_with_odd_names_are_listed_but_not_read(tmp_path: Path) -> None:
    for name in (b"a.jpg", b"line\nbreak.jpg", b"latin-\xfc.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    storage = Storage()
    listed = {stored.name: stored.uri for stored in storage.list(tmp_path.as_uri())}
    assert set(listed) == {"a.jpg", "line\nbreak.jpg", r"latin-\xfc.jpg"}
    assert storage.read(listed["a.jpg"], 10) == b"x"
    with pytest.raises(UnreadableObjectError, match=r"has a control character, '\\n'"):
        storage.read(listed["line\nbreak.jpg"], 10)
    with pytest.raises(UnreadableObjectError, match="its name is not UTF-8"):
        storage.read(listed[r"latin-\xfc.jpg"], 10)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(b"x")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    assert sorted(stored.name for stored in Storage().list(tmp_path.as_uri())) == ["linked/a.jpg", "real/a.jpg"]


@pytest.mark.parametrize("uri", ["/tmp/x", "https://host/x", "s3://", "s3:///key", "file://relative/x", "", "file:/x"])
def test_a_uri_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(StepError, match=r"write s3://bucket/prefix or file:///absolute/path"):
        list(Storage().list(uri))


def test_denied_access_says_what_to_do(scripted_server: Any) -> None:
    scripted_server.answers = [(403, b"<Error><Code>AccessDenied</Code></Error>")]
    with pytest.raises(StepError, match=r"^cannot list s3://secret/x: access is denied; allow it"):
        list(Storage().list("s3://secret/x"))
    with pytest.raises(StepError, match=r"^cannot read s3://secret/x: access is denied; allow it"):
        Storage().read("s3://secret/x", 10)


def test_a_server_error_is_tried_again(scripted_server: Any) -> None:
    slow_down = (503, b"<Error><Code>SlowDown</Code></Error>")
    scripted_server.answers = [slow_down, slow_down, (200, b"photo")]
    assert Storage().read("s3://busy/x", 10) == b"photo"
    assert len(scripted_server.requests) == 3


def test_a_server_that_keeps_failing_is_an_error_and_not_a_missing_object(scripted_server: Any) -> None:
    scripted_server.answers = [(503, b"<Error><Code>SlowDown</Code></Error>")]
    with pytest.raises(StepError, match=r"^cannot read s3://busy/x: SlowDown$"):
        Storage(max_retries=1).read("s3://busy/x", 10)


def test_a_server_that_is_not_there_is_an_error(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(StepError, match=r"^cannot list s3://some/x: Could not connect to the endpoint"):
        list(Storage(max_retries=0).list("s3://some/x"))
    with pytest.raises(StepError, match=r"^cannot read s3://some/x: .*error sending request"):
        Storage(max_retries=0).read("s3://some/x", 10)


@pytest.fixture
def unused_port() -> int:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        return server.server_port


def test_the_public_bucket_is_read_without_signing_and_any_other_signed(
    scripted_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_server.answers = [(200, b"x")]
    Storage().read("s3://my-own-bucket/x", 10)
    Storage().read("s3://aft-vbi-pds/x", 10)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    Storage().read("s3://aft-vbi-pds/x", 10)
    signed = ["authorization" in {name.lower() for name in headers} for headers in scripted_server.requests]
    assert signed == [True, False, False]


def test_no_credentials_are_named(scripted_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StepError, match=r"^no AWS credentials to read s3://my-own-bucket with"):
        Storage().read("s3://my-own-bucket/x", 10)
    assert scripted_server.requests == []


def test_requests_are_signed_for_the_region_of_the_bucket_not_of_the_job(
    scripted_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a SageMaker job boto3 knows no region, and the bucket may lie in another one than the job."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    scripted_server.answers, scripted_server.region = [(200, b"x")], "eu-west-3"
    Storage().read("s3://mine/x", 10)
    assert "/eu-west-3/s3/aws4_request" in scripted_server.requests[0]["authorization"]


@pytest.mark.parametrize("uri", ["s3://aft-vbi-pds/metadata", "s3://mine/metadata"])
def test_without_an_endpoint_of_its_own_s3_is_looked_for_at_aws(
    uri: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    """As in a job on AWS; a proxy that is not there stands in for a network that does not reach it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StepError, match=rf"^cannot list {uri}: Failed to connect to proxy"):
        list(Storage(max_retries=0).list(uri))
    with pytest.raises(StepError, match=rf"^cannot read {uri}: .*error sending request"):
        Storage(max_retries=0).read(uri, 10)
