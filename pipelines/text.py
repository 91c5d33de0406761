"""Texts from elsewhere, made fit for a terminal."""

import re
import unicodedata

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Escape sequences of ECMA-48 and operating system commands: colours, moves, titles, links."""

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(line: str) -> str:
    """`line` without what a terminal would obey or hide: escape sequences, control and direction characters.

    Of a progress bar that was drawn over and over, the last drawing is left. A tab or a line's end becomes a space.
    """
    drawn = _ESCAPES.sub("", line).rstrip("\r\n").rpartition("\r")[2].replace("\t", " ").replace("\n", " ")
    return "".join(character for character in drawn if unicodedata.category(character) not in _UNSEEN)


def one_line(text: str) -> str:
    """`text` with every run of white space as one space."""
    return " ".join(text.split())


def shortened(text: str, longest: int) -> str:
    """The first `longest` characters of `text`, with a mark where something is missing."""
    return text if len(text) <= longest else f"{text[: longest - 4]} ..."
