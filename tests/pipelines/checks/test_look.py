import pytest

from pipelines.checks.look import at, find, mapping, objects, whole
from pipelines.checks.values import with_defaults, written_text

REQUEST = {"Outputs": [{"Name": "a", "S3": {"Uri": "s3://x"}}, {"Name": "b"}, 3], "Limit": {"Seconds": 5}}


def test_what_is_found_is_told_with_where_it_stands() -> None:
    assert list(find(REQUEST, "Outputs[].S3.Uri")) == [("Outputs[0].S3.Uri", "s3://x")]
    assert at(REQUEST, "Limit.Seconds") == 5


@pytest.mark.parametrize("path", ["", "None", "Limit[]", "Outputs.S3", "Limit.Seconds.More", "Outputs[].S3.Uri.More"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert list(find(REQUEST, path)) == []
    assert at(REQUEST, path) is None
    assert mapping(REQUEST, path) == {}


def test_lists_are_read_as_far_as_they_hold_objects() -> None:
    assert [each["Name"] for each in objects(REQUEST, "Outputs")] == ["a", "b"]
    assert (whole(3), whole(True), whole("3"), whole(3.0)) == (3, None, None, None)


def test_parameters_are_replaced_by_their_defaults_and_known_texts_joined() -> None:
    joined = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}, {"Get": "Parameters.Count"}]}}
    assert with_defaults(joined, {"Bucket": "b", "Count": 2}) == "s3://b/2"
    assert with_defaults({"a": [{"Get": "Parameters.Count"}]}, {"Count": 2}) == {"a": [2]}


def test_a_text_shows_what_is_known_of_it_only_when_the_pipeline_runs() -> None:
    unknown = {
        "Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineName"}, {"Get": "Parameters.X"}]}
    }
    assert written_text(with_defaults(unknown, {})) == "s3://b/{Execution.PipelineName}/{Parameters.X}"
    assert written_text({"a": 1}) is None
