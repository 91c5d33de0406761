"""The policies for people can be used as they are, and allow no service as a whole."""

import json
from pathlib import Path

import pytest

PEOPLE = Path(__file__).resolve().parents[3] / "docs" / "policies"
LONGEST = 6144  # characters but white space: IAM's quota of a managed policy


@pytest.mark.parametrize("file", sorted(PEOPLE.glob("*.json")), ids=lambda file: file.stem)
def test_a_policy_is_short_enough_and_names_each_action(file: Path) -> None:
    text = file.read_text()
    assert len("".join(text.split())) <= LONGEST
    statements = json.loads(text)["Statement"]
    actions = [action for each in statements for action in each["Action"]]
    assert not [action for action in actions if "*" in action]
    assert len({each["Sid"] for each in statements}) == len(statements)
