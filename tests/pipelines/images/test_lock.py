"""`images.lock`, and the names that presets get from it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import parse_config
from pipelines.errors import PipelineError
from pipelines.images import lock
from pipelines.images.lock import Image, Locked, image_names, read_lock, write_lock
from pipelines.images.recipe import IMAGES

DIGEST, INPUTS = f"sha256:{'ab' * 32}", "cd" * 32
LOCKED = Locked(digest=DIGEST, inputs=INPUTS)
PRESET = b'name = "some"\n[catalog]\nsource = "s3://photos"\n'

hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
locks = st.dictionaries(
    st.sampled_from(IMAGES), st.builds(lambda a, b: Locked(digest=f"sha256:{a}", inputs=b), hashes, hashes)
)


@given(locks)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, locked: dict[Image, Locked]) -> None:
    file = tmp_path_factory.getbasetemp() / "images.lock"
    write_lock(locked, file)
    assert read_lock(file) == locked


def test_without_the_file_nothing_is_locked(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "images.lock") == {}


@pytest.mark.parametrize(
    "damage",
    [
        "[serving",
        "serving = 3",
        "[serving]\ndigest = 3\ninputs = 4",
        f'[serving]\ndigest = "{DIGEST}"',
        f'[serving]\ndigest = "md5:{INPUTS}"\ninputs = "{INPUTS}"',
        f'[serving]\ndigest = "{DIGEST}/../other"\ninputs = "{INPUTS}"',
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "images.lock"
    file.write_text(damage)
    with pytest.raises(PipelineError, match=r"images\.lock is damaged: restore it"):
        read_lock(file)


def test_a_locked_image_is_named_by_its_digest_and_another_by_the_tag_latest() -> None:
    names = image_names("111122223333", "eu-west-1", "aws", {"serving": LOCKED})
    assert names.serving == f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/bin-counter/serving@{DIGEST}"
    assert names.training == "111122223333.dkr.ecr.eu-west-1.amazonaws.com/bin-counter/training:latest"


def test_registries_in_china_have_a_domain_of_their_own() -> None:
    names = image_names("111122223333", "cn-north-1", "aws-cn", {})
    assert names.training == "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/bin-counter/training:latest"


def test_a_preset_that_names_no_image_gets_the_locked_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_lock(dict.fromkeys(IMAGES, LOCKED), tmp_path / "images.lock")
    monkeypatch.setattr("pipelines.config.read_lock", lambda: lock.read_lock(tmp_path / "images.lock"))
    images = parse_config(PRESET, "some").placed("111122223333", "us-east-1").images
    assert {name.rsplit("@")[1] for name in (images.processing, images.training, images.serving)} == {DIGEST}


def test_an_unknown_image_in_a_preset_is_refused() -> None:
    config = parse_config(PRESET + b'[images]\nserving = "{images.severing}"\n', "some")
    with pytest.raises(PipelineError, match=r"images\.severing.* has a placeholder that is not known"):
        config.placed("111122223333", "us-east-1")
