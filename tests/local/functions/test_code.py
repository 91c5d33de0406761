"""Archives of code that mean harm."""

import io
import stat
import zipfile

import pytest

from pipelines.local.functions.code import CodeError, CodeFolders


def archive(*members):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        for member, content in members:
            opened.writestr(member, content)
    return target.getvalue()


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "a/../../outside.py"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    with pytest.raises(CodeError, match="leads out of its folder"):
        CodeFolders(tmp_path / "code").of(archive((name, "x")))
    assert not list(tmp_path.rglob("outside.py"))


def test_an_archive_that_grows_beyond_the_quota_is_refused_and_leaves_nothing(tmp_path):
    bomb = archive(("zeros", bytes(251 * 1024 * 1024)))
    assert len(bomb) < 1024 * 1024
    with pytest.raises(CodeError, match="Unzipped size must be smaller"):
        CodeFolders(tmp_path).of(bomb)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", archive(("a.py", "x" * 5000))[:-30]])
def test_what_is_no_archive_is_refused(tmp_path, content):
    with pytest.raises(CodeError, match="Could not unzip uploaded file"):
        CodeFolders(tmp_path).of(content)


def test_links_are_left_out_and_programs_stay_programs(tmp_path):
    link, program = zipfile.ZipInfo("link"), zipfile.ZipInfo("bin/program")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    program.external_attr = (stat.S_IFREG | 0o755) << 16
    body = archive((link, "/etc/passwd"), (program, "#!/bin/sh"))
    folder = CodeFolders(tmp_path).of(body)
    assert sorted(path.name for path in folder.rglob("*")) == ["bin", "program"]
    assert (folder / "bin/program").stat().st_mode & stat.S_IXUSR
    assert CodeFolders(tmp_path).of(body) == folder
