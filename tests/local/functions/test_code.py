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


def unpack(folders, body):
    with folders.lend([body]) as (folder,):
        return folder


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "a/../../outside.py"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    with pytest.raises(CodeError, match="leads out of its folder"):
        unpack(CodeFolders(tmp_path / "code"), archive((name, "x")))
    assert not list(tmp_path.rglob("outside.py"))


def test_an_archive_that_grows_beyond_the_quota_is_refused_and_leaves_nothing(tmp_path):
    bomb = archive(("zeros", bytes(251 * 1024 * 1024)))
    assert len(bomb) < 1024 * 1024
    with pytest.raises(CodeError, match="Unzipped size must be smaller"):
        unpack(CodeFolders(tmp_path), bomb)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", archive(("a.py", "x" * 5000))[:-30]])
def test_what_is_no_archive_is_refused(tmp_path, content):
    with pytest.raises(CodeError, match="Could not unzip uploaded file"):
        unpack(CodeFolders(tmp_path), content)


def member(name, mode):
    found = zipfile.ZipInfo(name)
    found.external_attr = mode << 16
    return found


def test_programs_and_links_within_the_folder_are_what_they_were(tmp_path):
    program, link = member("bin/program", stat.S_IFREG | 0o755), member("lib/latest", stat.S_IFLNK | 0o777)
    body = archive((program, "#!/bin/sh"), (link, "../bin/program"))
    folder = unpack(CodeFolders(tmp_path), body)
    assert (folder / "bin/program").stat().st_mode & stat.S_IXUSR
    assert (folder / "lib/latest").read_text() == "#!/bin/sh"


@pytest.mark.parametrize("to", ["/etc/passwd", "../../outside", "x" * 5000])
def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path, to):
    body = archive((member("link", stat.S_IFLNK | 0o777), to), ("link/through.py", "x"))
    with pytest.raises(CodeError, match=r"leads out of its folder|longer than"):
        unpack(CodeFolders(tmp_path / "code"), body)


def test_the_code_of_the_last_few_functions_stays_unpacked_and_that_of_running_ones(tmp_path):
    folders = CodeFolders(tmp_path / "code")
    bodies = [archive(("main.py", str(number))) for number in range(12)]

    def stay():
        return sorted(int((path / "main.py").read_text()) for path in (tmp_path / "code").iterdir())

    with folders.lend([bodies[0]]):
        for body in bodies[1:]:
            unpack(folders, body)
        assert stay() == [0, 4, 5, 6, 7, 8, 9, 10, 11]
        unpack(folders, bodies[5])
        unpack(folders, bodies[1])
        assert stay() == [0, 1, 5, 6, 7, 8, 9, 10, 11]
        unpack(folders, bodies[2])
        assert stay() == [0, 1, 2, 5, 7, 8, 9, 10, 11]
    assert stay() == [1, 2, 5, 7, 8, 9, 10, 11]


def test_a_new_server_begins_without_unpacked_code(tmp_path):
    unpack(CodeFolders(tmp_path / "code"), archive(("main.py", "")))
    CodeFolders(tmp_path / "code")
    assert not (tmp_path / "code").exists()
