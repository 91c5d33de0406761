"""What does not reach AWS, or is not let in: what a person reads of it."""

import datetime
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig
from botocore.exceptions import EndpointConnectionError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipelines.errors import PipelineError
from pipelines.target import aws_errors_explained, connect


def client(service: str, **settings: Any) -> Any:
    once = ClientConfig(retries={"total_max_attempts": 1, "mode": "standard"}, **settings)
    return boto3.Session().client(service, config=once)


def sentence(call: Callable[[], object]) -> str:
    with pytest.raises(PipelineError) as raised, aws_errors_explained():
        call()
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000
    return str(raised.value)


def test_throttling_is_told_only_after_it_has_been_tried_four_times(answers: Any) -> None:
    answers.refuse_as_sts("Throttling", "Rate exceeded")
    with pytest.raises(PipelineError, match="AWS throttles GetCallerIdentity"):
        connect()
    assert answers.asked == 4


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_sts_refuses_end_every_command_with_a_sentence(answers: Any, code: str) -> None:
    answers.refuse_as_sts(code, "The security token included in the request is ...")
    with pytest.raises(PipelineError, match="credentials"):
        connect()
    assert answers.asked == 1


def test_an_answer_that_never_comes_is_told(answers: Any) -> None:
    answers.silent.set()
    told = sentence(lambda: client("sagemaker", read_timeout=0.3).list_models())
    assert "did not answer in time" in told
    assert answers.url in told


def test_a_proxy_that_does_not_answer_is_named(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sagemaker.us-east-1.amazonaws.com")
        told = sentence(lambda: client("sagemaker").list_models())
    assert "the proxy does not answer" in told
    assert proxy in told


def test_a_certificate_that_is_not_trusted_is_told(
    answers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    answers.server.socket = context.wrap_socket(answers.server.socket, server_side=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", answers.url.replace("http:", "https:"))
    assert "set AWS_CA_BUNDLE" in sentence(lambda: client("sagemaker").list_models())


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    begun = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(begun + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "both.pem"
    file.write_bytes(private + certificate.public_bytes(pem))
    return file


def test_a_region_that_does_not_exist_is_answered_with_the_one_that_was_meant() -> None:
    def fail() -> None:
        raise EndpointConnectionError(endpoint_url="https://sts.us-esat-1.amazonaws.com/")

    assert "AWS has no region 'us-esat-1', did you mean us-west-1 or us-east-1" in sentence(fail)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            "[profile p]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n"
            "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://nowhere.example/start\n",
            "single sign-on session has ended or was never begun .*aws sso login --profile p",
        ),
        ("[profile p]\ncredential_process = /bin/false\n", "credentials could not be had"),
        ("[profile q]\n", r"The config profile \(p\) could not be found: `aws configure list-profiles`"),
        ("[profile p\n", "the AWS configuration cannot be used"),
    ],
)
def test_a_profile_that_gives_no_credentials_is_told_with_the_fix(
    answers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: str, expected: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "p")
    (tmp_path / "config").write_text(config)
    with pytest.raises(PipelineError, match=expected):
        connect()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AWS_ENDPOINT_URL", "localhost:4599", "AWS_ENDPOINT_URL must look like http://"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999", "Port out of range 0-65535; it must look like http://"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:abc", "AWS_ENDPOINT_URL_STS=http://127.0.0.1:abc: Port could not"),
        ("AWS_ENDPOINT_URL", "ftp://127.0.0.1", "only http:// and https:// are spoken"),
        ("AWS_DEFAULT_REGION", "us east", "set AWS_DEFAULT_REGION"),
    ],
)
def test_a_variable_that_makes_no_sense_is_told(
    answers: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(PipelineError, match=expected):
        connect()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html><body>It works!</body></html>"),
        (200, "text/html", b"<!doctype html><p>not even XML"),
        (200, "application/json", b"{}"),
        (200, "text/plain", b""),
        (404, "text/html", b"<html><body>Not Found</body></html>"),
        (404, "application/json", b'{"detail": "Not Found"}'),
        (404, "text/plain", b""),
    ],
)
def test_another_web_server_is_not_taken_for_aws(answers: Any, status: int, kind: str, body: bytes) -> None:
    answers.say(status, kind, body)
    with pytest.raises(PipelineError, match=rf"what answers at {answers.url} is not AWS: check AWS_ENDPOINT_URL"):
        connect()


def test_https_where_only_http_is_spoken_is_told(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", answers.url.replace("http:", "https:"))
    with pytest.raises(PipelineError, match="does not speak https: write http:// in AWS_ENDPOINT_URL"):
        connect()
