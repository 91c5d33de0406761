"""Cutting objects into requests, and JSONPath: against small models of their own."""

import io
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.transforms.association import Association, Csv, JsonLines
from pipelines.local.transforms.jsonpath import JsonPath, JsonPathError
from pipelines.local.transforms.records import RecordError, batches, read_records

EVERYTHING = JsonPath.parse("$")
LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")))


@given(LINES, st.integers(12, 40))
def test_batches_hold_every_record_once_in_order_and_never_more_than_fits(lines, largest):
    content = b"".join(line + b"\n" for line in lines)
    records = read_records(io.BufferedReader(io.BytesIO(content)), lines=True, largest_bytes=largest)
    grouped = list(batches(records, several=True, largest_bytes=largest))
    assert [record for batch in grouped for record in batch] == lines
    assert all(len(b"\n".join(batch)) <= largest for batch in grouped)
    for batch, following in itertools.pairwise(grouped):
        assert len(b"\n".join([*batch, following[0]])) > largest, "another record would have fitted"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_a_csv_row_is_the_same_after_it_was_read(row):
    form = Csv()
    assert form.read(form.write(row)) == row


@given(st.lists(st.integers(), min_size=1, max_size=8), st.data())
def test_indexes_and_slices_of_a_path_select_what_those_of_a_list_do(values, data):
    ends = st.one_of(st.none(), st.integers(-9, 9))
    start, end = data.draw(ends), data.draw(ends)
    text = f"$[{'' if start is None else start}:{'' if end is None else end}]"
    assert JsonPath.parse(text).find(values) == values[start:end]
    index = data.draw(st.integers(-len(values), len(values) - 1))
    assert JsonPath.parse(f"$[{index}]").find(values) == values[index]
    assert JsonPath.parse(f"$[{index},1:]").find(values) == [values[index], *values[1:]]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", {"id": 7, "box": {"a b": [1, 2], "c": 3}}),
        ("$.id", 7),
        ("$.box['a b'][1]", 2),
        ("$['box']['c']", 3),
        ("$['id','box'].id", 7),
        ("$.box.*", [[1, 2], 3]),
        ('$.box["a b"][*]', [1, 2]),
    ],
)
def test_a_path_finds_what_it_names(path, found):
    assert JsonPath.parse(path).find({"id": 7, "box": {"a b": [1, 2], "c": 3}}) == found


@pytest.mark.parametrize("text", ["", "id", "$id", "$.", "$[", "$[]", "$[x]", "$['a',0]", "$[0 1]", "$..id", "$[?(@)]"])
def test_what_is_no_path_of_sagemaker_is_refused(text):
    with pytest.raises(JsonPathError):
        JsonPath.parse(text)


@given(st.text(alphabet="$.[]'\"*:,-019ab ", max_size=20), st.recursive(st.integers(), st.lists, max_leaves=5))
def test_no_text_does_anything_but_find_or_be_refused(text, value):
    try:
        JsonPath.parse(text).find(value)
    except JsonPathError as error:
        assert "JSONPath" in str(error)  # noqa: PT017 - either outcome is right


def test_an_index_outside_of_a_record_is_an_error():
    association = Association(Csv(), JsonPath.parse("$[5]"), False, EVERYTHING)
    with pytest.raises(RecordError, match=r"'\$\[5\]' finds nothing"):
        association.filtered([b"1,2"])


def test_answers_that_do_not_fit_the_records_cannot_be_associated():
    association = Association(JsonLines(), EVERYTHING, True, EVERYTHING)
    with pytest.raises(RecordError, match="2 records were sent and 1 predictions came back"):
        association.associated([b"1", b"2"], b"3\n")
    with pytest.raises(RecordError, match="cannot be read"):
        association.associated([b"1", b"2"], b"3\nlamp\n")
    joined = association.associated([b"1"], b"[3]\n")
    assert json.loads(joined) == {"SageMakerInput": 1, "SageMakerOutput": [3]}
