"""Starts that fail: whatever goes wrong, and whenever, nothing is left behind and the next start works."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from pipelines.local import EmbeddedSageMaker, ServerError
from pipelines.local.hosting.service import Hosting
from pipelines.local.persistence.journal import Journal
from pipelines.local.store import Store


class UnforeseenError(Exception):
    """What no code expects."""


def served(port):
    """Whether anybody listens."""
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=10):
        return True
    return False


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(("part", "step"), [(Journal, "__init__"), (Journal, "restore"), (Hosting, "resume")])
def test_a_start_that_fails_leaves_no_server_and_the_next_one_works(
    part, step, monkeypatch, tmp_path, free_port, s3_of
):
    def fail(*_):
        raise UnforeseenError

    server = EmbeddedSageMaker(state=tmp_path, port=free_port)
    before = set(threading.enumerate())
    with monkeypatch.context() as patch:
        patch.setattr(part, step, fail)
        with pytest.raises(UnforeseenError):
            server.start()
    assert not served(free_port)
    assert set(threading.enumerate()) == before
    server.stop()  # there is nothing to stop
    with server as aws:
        s3_of(aws).create_bucket(Bucket="works")


def database(state):
    state.mkdir()
    return closing(sqlite3.connect(state / "state.sqlite", isolation_level=None))


def a_file(state):
    state.write_text("no folder")


def random_bytes(state):
    state.mkdir()
    (state / "state.sqlite").write_bytes(bytes(range(1, 256)) * 40)


def of_a_later_version(state):
    with database(state) as found:
        found.execute("PRAGMA user_version=9")


def of_other_tables(state):
    with database(state) as found:
        found.execute("CREATE TABLE documents (id TEXT, content TEXT)")


def with_a_record_of_other_fields(state):
    store = Store(state / "state.sqlite")
    store.put("job", "strange", {"name": "strange", "colour": "red"})
    store.close()


@pytest.mark.parametrize(
    "make", [a_file, random_bytes, of_a_later_version, of_other_tables, with_a_record_of_other_fields]
)
def test_a_state_folder_that_cannot_be_used_is_a_sentence_that_names_it(make, tmp_path):
    state = tmp_path / "state"
    make(state)
    with pytest.raises(ServerError, match=str(state)) as error:
        EmbeddedSageMaker(state=state).start()
    assert "\n" not in str(error.value)


def test_the_command_line_says_in_one_line_what_is_wrong_with_the_folder(tmp_path):
    (tmp_path / "file").touch()
    words = ["-m", "pipelines.local", "--port", "0", "--state", tmp_path / "file" / "below"]
    process = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert str(tmp_path / "file" / "below") in process.stderr


def test_a_folder_from_before_versions_were_written_down_is_taken_over(tmp_path):
    with closing(sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)) as found:
        columns = "number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, name TEXT, body TEXT, UNIQUE (kind, name)"
        found.execute(f"CREATE TABLE documents ({columns})")
        found.execute("INSERT INTO documents (kind, name, body) VALUES ('a', 'b', ?)", [json.dumps({"c": 1})])
    store = Store(tmp_path / "state.sqlite")
    assert store.all("a") == [{"c": 1}]
    store.close()


@pytest.mark.parametrize("host", ["::1", "nobody.invalid", "203.0.113.7"])
def test_a_host_that_is_none_of_this_machine_is_a_sentence_about_the_host(host, tmp_path):
    with pytest.raises(ServerError, match=f"of {host}: .*as the host, such as 127.0.0.1") as error:
        EmbeddedSageMaker(state=tmp_path, host=host).start()
    assert "another port" not in str(error.value)
