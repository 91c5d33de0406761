from typing import Any

import pytest

from pipelines.config import Config
from pipelines.doctor.storage import check_bucket, check_source
from pipelines.target import Target

pytestmark = pytest.mark.usefixtures("filled_bucket")


def test_the_bucket_that_the_stack_made_is_sound(target: Target, config: Config, judged: Any) -> None:
    text = f"{config.bucket} is this account's, private and encrypted"
    assert judged(check_bucket(target, config)) == [("bucket", "ok", text)]


def test_a_bucket_that_does_not_exist_is_to_be_deployed(target: Target, config: Config, only_to_do: Any) -> None:
    other = config.model_copy(update={"bucket": "never-made"})
    assert only_to_do(check_bucket(target, other)) == "never-made does not exist: `make deploy-stack` creates it"


def test_a_bucket_of_somebody_else_is_told(target: Target, config: Config, only_to_do: Any, refused: Any) -> None:
    refused(target.s3, "s3", "HeadBucket", "403")
    assert f"{config.bucket} belongs to another account" in only_to_do(check_bucket(target, config))


def test_the_owner_is_asked_for(target: Target, config: Config) -> None:
    asked: list[Any] = []
    note = lambda params, **_: asked.append(params["headers"].get("x-amz-expected-bucket-owner"))  # noqa: E731
    target.s3.meta.events.register("before-call.s3.HeadBucket", note, unique_id="note")
    list(check_bucket(target, config))
    target.s3.meta.events.unregister("before-call.s3.HeadBucket", unique_id="note")
    assert asked == [target.account]


def test_a_bucket_of_another_region_is_told(target: Target, config: Config, only_to_do: Any, refused: Any) -> None:
    refused(target.s3, "s3", "HeadBucket", "301")
    assert f"its region may not be {target.region}" in only_to_do(check_bucket(target, config))


def test_an_open_and_unencrypted_bucket_has_two_things_to_do(target: Target, config: Config, judged: Any) -> None:
    target.s3.create_bucket(Bucket="open-bucket")
    found = judged(check_bucket(target, config.model_copy(update={"bucket": "open-bucket"})))
    assert [state for _, state, _ in found] == ["to do", "to do"]
    assert "can be opened to the public" in found[0][2]
    assert "is not encrypted by default" in found[1][2]


def test_a_source_with_photos_can_be_read(target: Target, config: Config, judged: Any) -> None:
    assert judged(check_source(target, config)) == [("source", "ok", f"{config.catalog.source} can be read")]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("s3://never-made/photos", r"s3://never-made/photos cannot be read \(NoSuchBucket\)"),
        ("s3://open-source/nothing/here", "nothing lies at s3://open-source/nothing/here: put it there"),
    ],
)
def test_a_source_without_photos_is_to_be_filled(
    target: Target, config: Config, only_to_do: Any, source: str, told: str
) -> None:
    target.s3.create_bucket(Bucket="open-source")
    other = config.model_copy(update={"catalog": config.catalog.model_copy(update={"source": source})})
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(only_to_do(check_source(target, other)))


def test_a_source_that_may_not_be_listed_is_tried_without_credentials_as_the_steps_do(
    target: Target, config: Config, judged: Any, refused: Any
) -> None:
    refused(target.s3, "s3", "ListObjectsV2", "AccessDenied")
    assert [state for _, state, _ in judged(check_source(target, config))] == ["ok"]


def test_file_list_and_weights_are_looked_at_too(target: Target, config: Config, judged: Any) -> None:
    catalog = config.catalog.model_copy(update={"file_list": f"s3://{config.bucket}/list.json"})
    other = config.model_copy(update={"catalog": catalog, "initial_weights": f"s3://{config.bucket}/weights/resnet34"})
    found = judged(check_source(target, other))
    assert [(about, state) for about, state, _ in found] == [
        ("source", "ok"),
        ("file list", "to do"),
        ("weights", "to do"),
    ]
