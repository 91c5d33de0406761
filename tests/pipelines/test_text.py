import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text import one_line, printable, shortened


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://nowhere.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        (" 10%|#   |\r 50%|##  |\r100%|####|\n", "100%|####|"),
        ("two\nlines", "two lines"),
        ("a\tb\x00c\x08d\x9be", "a bcde"),
        ("abc\u202edef\u2066", "abcdef"),
        ("Größe 5 µm, 数", "Größe 5 µm, 数"),
    ],
)
def test_what_a_terminal_would_obey_is_left_out(line: str, seen: str) -> None:
    assert printable(line) == seen


@given(st.text() | st.lists(st.sampled_from(["\x1b", "[", "]", "31m", "\x07", "\\", "\r", "x"])).map("".join))
def test_nothing_that_controls_a_terminal_is_ever_left(line: str) -> None:
    seen = printable(line)
    assert not {unicodedata.category(each) for each in seen} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(seen) == seen


def test_texts_become_one_line_and_short() -> None:
    assert one_line(" a\n b\t c ") == "a b c"
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefgh", 7) == "abc ..."
