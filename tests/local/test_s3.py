"""Folders come out of S3 as they went in."""

from pipelines.local.s3 import Storage


def test_names_that_differ_only_after_two_hundred_letters_keep_their_own_content(tiny, tmp_path):
    contents = {f"{'x' * 210}-{number:02}": f"{number:02}" * 50_000 for number in range(24)}
    for name, content in contents.items():
        tiny.put(f"alike/{name}", content)
    for attempt in ("first", "second", "third"):  # eight at a time: whether they meet is a matter of chance
        folder = tmp_path / attempt
        Storage(tiny.s3).download_prefix(f"s3://{tiny.bucket}/alike/", folder)
        assert {path.name: path.read_text() for path in folder.iterdir()} == contents
