"""Model archives that are wrong are refused, with the reason, before anything is written."""

import tarfile

import onnx
import pytest

from steps.contract import StepError
from steps.evaluate.artifact import unpacked_model


@pytest.fixture
def members(onnx_bytes, signature_bytes):
    """Make the members of an archive: by default a whole model; None leaves a member out."""

    def make(**changed):
        named = {"model.onnx": onnx_bytes(), "signature.json": signature_bytes(), **changed}
        return {name: content for name, content in named.items() if content is not None}

    return make


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model.onnx": None}, r"holds no model\.onnx"),
        ({"signature.json": None}, r"signature\.json does not exist"),
        ({"model.onnx": b"no model"}, "cannot be read as a network"),
        ({"../evil": b"x"}, "cannot be unpacked: .*evil.* outside the destination"),
        ({"classes": 3}, r"has 'logits' of f32 \[\?,3\], but its signature asks for f32 \[\?,4\]"),
        ({"size": 8}, r"has 'images' of u8 \[\?,8,8,3\], but its signature asks for u8 \[\?,16,16,3\]"),
        ({"infinite": True}, r"no finite numbers for 10 of 10 images, bin-000 the first: its training diverged"),
    ],
    ids=["no model", "no signature", "not ONNX", "traversal", "logits", "size", "infinite"],
)
def test_a_wrong_model_archive_is_refused_with_its_reason(
    wrong, message, score, pack, members, onnx_bytes, split, tmp_path
):
    network = {key: value for key, value in wrong.items() if key in {"classes", "size", "infinite"}}
    content = members(**({"model.onnx": onnx_bytes(**network)} if network else wrong))
    with pytest.raises(StepError, match=message):
        score(pack(tmp_path / "wrong", content), split)
    assert not (tmp_path / "out" / "evaluation.json").exists()
    assert not (tmp_path / "evil").exists()


def test_a_model_without_the_named_output_is_refused(score, pack, members, onnx_bytes, split, tmp_path):
    model = onnx.load_from_string(onnx_bytes())
    model.graph.output[0].name = model.graph.node[-1].output[0] = "scores"
    with pytest.raises(StepError, match="has no tensor 'logits'"):
        score(pack(tmp_path / "wrong", members(**{"model.onnx": model.SerializeToString()})), split)


def test_a_folder_without_an_archive_is_named(score, split, tmp_path):
    with pytest.raises(StepError, match=r"model\.tar\.gz does not exist"):
        score(tmp_path / "nothing", split)


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"no archive at all"])
def test_a_damaged_archive_is_refused(score, model, split, damage):
    archive = model / "model.tar.gz"
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(StepError, match=r"model\.tar\.gz cannot be unpacked"):
        score(model, split)


def test_a_member_that_declares_a_huge_size_is_refused_before_it_is_read(score, split, tmp_path):
    folder = tmp_path / "huge"
    folder.mkdir()
    member = tarfile.TarInfo("model.onnx")
    member.size = 1 << 40
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.addfile(member)
    with pytest.raises(StepError, match="unpacks to more than 2,147,483,648 bytes"):
        score(folder, split)


def test_a_link_is_refused(score, split, tmp_path):
    folder = tmp_path / "linked"
    folder.mkdir()
    link = tarfile.TarInfo("model.onnx")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.addfile(link)
    with pytest.raises(StepError, match=r"cannot be unpacked: model\.onnx is neither a file nor a folder"):
        score(folder, split)


def test_a_header_larger_than_the_archive_may_be_is_refused(pack, tmp_path):
    folder = pack(tmp_path / "bomb", {"n" * 2_000_000: b""})
    with pytest.raises(StepError, match="unpacks to more than 1,000,000 bytes"), unpacked_model(folder, 1_000_000):
        pass


def test_the_unpacked_model_is_gone_after_use(model, onnx_bytes):
    with unpacked_model(model) as folder:
        assert (folder / "model.onnx").read_bytes() == onnx_bytes()
    assert not folder.exists()
