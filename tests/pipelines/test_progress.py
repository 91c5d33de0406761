import io

import pytest
from rich.console import Console

from pipelines.progress import StepProgress, as_table

STEPS = [
    StepProgress("Catalog", "Succeeded", 2.2, "found 300 images"),
    StepProgress("Register-RegisterModel", "Executing", 61.0, ""),
    StepProgress("QualityTooLow", "Failed", 0.1, "accuracy is [0.1] " + "of what was asked " * 30 + "\nsecond line"),
]


@pytest.mark.parametrize("width", [80, 150])
def test_a_long_reason_leaves_names_statuses_and_seconds_readable(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(as_table(STEPS))
    header, *rows = captured.get().splitlines()
    assert header.split()[:3] == ["step", "status", "seconds"]
    assert [row.split()[:3] for row in rows] == [
        ["Catalog", "Succeeded", "2"],
        ["Register-RegisterModel", "Executing", "61"],
        ["QualityTooLow", "Failed", "0"],
    ]
    assert "accuracy is [0.1] of" in rows[2]
    assert all(len(row.rstrip()) <= width for row in rows)
