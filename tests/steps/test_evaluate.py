"""The evaluate step: a model whose answers are known is scored, and what was found is written."""

import io
import json
import math
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from steps.contract import StepError
from steps.evaluate.artifact import unpacked_model
from steps.evaluate.evaluate import evaluate
from steps.evaluate.settings import EvaluateSettings
from steps.preprocessing import Preprocessing
from steps.shards import Dataset, write_dataset, write_shard
from steps.signature import Signature

SIZE = 16
BRIGHTNESS = 40  # the model answers how many times this is in an image's mean brightness
CLASSES = ("0", "1", "2", "3")
# (label, answer by brightness) of each test image, in order
ANSWERS = [(0, 0), (0, 0), (1, 1), (1, 2), (1, 1), (2, 2), (2, 0), (3, 3), (1, 3), (2, 1)]
SETTINGS = EvaluateSettings(batch_size=4)


def _onnx_bytes(classes: int = len(CLASSES), size: int = SIZE, infinite: bool = False) -> bytes:
    """A model whose logits are -|mean brightness - class * BRIGHTNESS|."""
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Sub", ["column", "centres"], ["distance"]),
        helper.make_node("Abs", ["distance"], ["positive"]),
        helper.make_node("Mul", ["positive", "sign"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("centres", TensorProto.FLOAT, [1, classes], [BRIGHTNESS * i for i in range(classes)]),
        helper.make_tensor("sign", TensorProto.FLOAT, [1], [-math.inf if infinite else -1.0]),
    ]
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", size, size, 3])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])]
    graph = helper.make_graph(nodes, "brightness", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _signature_bytes(classes: tuple[str, ...] = CLASSES, size: int = SIZE) -> bytes:
    signature = Signature(
        classes=classes,
        preprocessing=Preprocessing(size=size),
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
        architecture="brightness",
        training_job="train-7",
    )
    return signature.model_dump_json().encode()


def _pack(folder: Path, members: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return _pack(tmp_path / "model", {"model.onnx": _onnx_bytes(), "signature.json": _signature_bytes()})


@pytest.fixture
def write_test_split(tmp_path: Path) -> Callable[..., Path]:
    def write(answers=ANSWERS, classes=CLASSES, size=SIZE, ids=None) -> Path:
        """Two shards of plain grey images, each bright enough for its answer."""
        folder = tmp_path / "test"
        write_dataset(folder, Dataset(classes=classes, preprocessing=Preprocessing(size=size)))
        labels = np.array([label for label, _ in answers], dtype=np.int64)
        images = np.stack([np.full((size, size, 3), BRIGHTNESS * answer, np.uint8) for _, answer in answers])
        ids = ids or [f"bin-{index:03}" for index in range(len(answers))]
        half = len(answers) // 2
        write_shard(folder, "algo-1-00000", images[:half], labels[:half], ids[:half])
        write_shard(folder, "algo-1-00001", images[half:], labels[half:], ids[half:])
        return folder

    return write


@pytest.fixture
def split(write_test_split: Callable[..., Path]) -> Path:
    return write_test_split()


def test_evaluation_json_holds_the_figures_of_the_known_answers(model, split, tmp_path):
    evaluate(SETTINGS, model, split, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    errors = [answer - label for label, answer in ANSWERS]
    count = len(errors)
    accuracy = errors.count(0) / count
    squares = [error**2 for error in errors]
    mean_square = sum(squares) / count
    spread = math.sqrt(sum((square - mean_square) ** 2 for square in squares) / count)
    quality = written["multiclass_classification_metrics"]
    assert quality["accuracy"] == pytest.approx(
        {"value": accuracy, "standard_deviation": math.sqrt(accuracy * (1 - accuracy) / count)}
    )
    assert quality["confusion_matrix"] == {
        label: {answer: ANSWERS.count((int(label), int(answer))) for answer in CLASSES} for label in CLASSES
    }
    rmse = math.sqrt(mean_square)
    assert written["regression_metrics"]["rmse"] == pytest.approx(
        {"value": rmse, "standard_deviation": spread / (2 * rmse * math.sqrt(count))}
    )
    assert written["regression_metrics"]["mae"]["value"] == pytest.approx(sum(map(abs, errors)) / count)
    assert written["counting"]["images"] == count
    assert written["counting"]["within_one"] == pytest.approx(sum(abs(error) <= 1 for error in errors) / count)


def test_evaluation_json_tells_the_scores_of_each_class_and_which_model_was_scored(model, split, tmp_path):
    evaluate(SETTINGS, model, split, tmp_path / "out")
    counting = json.loads((tmp_path / "out" / "evaluation.json").read_text())["counting"]
    assert [row["class"] for row in counting["per_class"]] == list(CLASSES)
    assert counting["per_class"][1] == pytest.approx(
        {"class": "1", "images": 4, "accuracy": 0.5, "rmse": math.sqrt((1 + 4) / 4), "mae": 3 / 4}
    )
    assert counting["model"] == {
        "architecture": "brightness",
        "training_job": "train-7",
        "classes": list(CLASSES),
        "size": SIZE,
        "resize": "squash",
        "contrast": "none",
        "precision": "f32",
    }


def test_the_baseline_is_the_commonest_class_and_the_constant_of_least_rmse(model, write_test_split, tmp_path):
    split = write_test_split([(0, 0), (0, 0), (0, 0), (2, 0), (3, 0)])
    baseline = evaluate(SETTINGS, model, split, tmp_path / "out").counting.baseline
    assert (baseline.commonest, baseline.best_constant) == ("0", "1")
    assert baseline.accuracy == pytest.approx(3 / 5)
    assert baseline.rmse == pytest.approx(math.sqrt((4 + 9) / 5))
    assert baseline.within_one == pytest.approx(3 / 5)
    assert baseline.best_constant_rmse == pytest.approx(math.sqrt((1 + 1 + 1 + 1 + 4) / 5))


def test_a_class_without_test_images_has_null_scores_and_a_row_in_the_report(model, write_test_split, tmp_path):
    evaluate(SETTINGS, model, write_test_split([(0, 0), (1, 1)]), tmp_path / "out")
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert written["counting"]["per_class"][3] == {
        "class": "3",
        "images": 0,
        "accuracy": None,
        "rmse": None,
        "mae": None,
    }
    assert "no such photo in this set" in (tmp_path / "out" / "report.html").read_text()


def test_the_batch_size_changes_no_figure(model, split, tmp_path):
    results = [evaluate(EvaluateSettings(batch_size=size), model, split, tmp_path / "out") for size in (1, 3, 64)]
    assert results[0] == results[1] == results[2]


def test_the_same_inputs_give_the_same_bytes(model, split, tmp_path):
    for name in ("first", "second"):
        evaluate(SETTINGS, model, split, tmp_path / name)
    for file in ("evaluation.json", "report.html"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


class _Page(HTMLParser):
    """Collects what a page loads, its elements, and the captions of its gallery."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.captions: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attributes if name in {"src", "href", "srcset", "data"}]
        if tag not in {"meta", "img"}:
            self.open.append(tag)
        if tag == "figcaption":
            self.captions.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "figcaption" in self.open:
            self.captions[-1] += data


@pytest.fixture
def read_report(tmp_path: Path) -> Callable[[], tuple[str, _Page]]:
    def read() -> tuple[str, _Page]:
        text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        return text, _Page(text)

    return read


def test_the_report_is_one_well_formed_file_that_loads_nothing_and_runs_nothing(model, split, tmp_path, read_report):
    evaluate(SETTINGS, model, split, tmp_path / "out")
    text, page = read_report()
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.loaded
    assert all(address.startswith("data:image/") for address in page.loaded)
    assert not re.search(r"https?://|url\(|@import", text)


def test_the_report_shows_the_key_figures(model, split, tmp_path, read_report):
    evaluate(SETTINGS, model, split, tmp_path / "out")
    text, _ = read_report()
    right = sum(label == answer for label, answer in ANSWERS)
    assert f"<strong>{right}</strong> exactly right" in text
    assert f"{100 * right / len(ANSWERS):.1f}&nbsp;%" in text
    assert "train-7" in text


def test_the_gallery_shows_the_furthest_misses_first_and_no_right_answer(model, split, tmp_path, read_report):
    evaluate(SETTINGS, model, split, tmp_path / "out")
    _, page = read_report()
    shown = [re.search(r"record (\d), answered (\d)\s+\d+\s% sure · (\S+)", text).groups() for text in page.captions]
    wrong = [(index, *pair) for index, pair in enumerate(ANSWERS) if pair[0] != pair[1]]
    assert {(int(label), int(answer), name) for label, answer, name in shown} == {
        (label, answer, f"bin-{index:03}") for index, label, answer in wrong
    }
    distances = [abs(int(label) - int(answer)) for label, answer, _ in shown]
    assert distances == sorted(distances, reverse=True)


def test_the_gallery_is_no_longer_than_asked(model, split, tmp_path, read_report):
    evaluate(EvaluateSettings(gallery=2), model, split, tmp_path / "out")
    assert len(read_report()[1].captions) == 2


def test_a_model_without_misses_gets_a_report_that_says_so(model, write_test_split, tmp_path, read_report):
    evaluate(SETTINGS, model, write_test_split([(0, 0), (1, 1), (2, 2)]), tmp_path / "out")
    assert "every answer was right" in read_report()[0]


def test_markup_in_an_image_id_is_shown_as_text(model, write_test_split, tmp_path, read_report):
    evaluate(
        SETTINGS, model, write_test_split([(0, 2), (1, 1)], ids=["<script>alert(1)</script>", "b"]), tmp_path / "out"
    )
    text, page = read_report()
    assert "script" not in page.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_published_figures_are_shown_for_counts_0_to_5_only(write_test_split, tmp_path, read_report, model):
    evaluate(SETTINGS, model, write_test_split(), tmp_path / "out")
    assert "ABID challenge" not in read_report()[0]
    counts = ("0", "1", "2", "3", "4", "5")
    members = {"model.onnx": _onnx_bytes(6), "signature.json": _signature_bytes(counts)}
    evaluate(SETTINGS, _pack(tmp_path / "six", members), write_test_split(classes=counts), tmp_path / "out")
    text = read_report()[0]
    assert "ABID challenge" in text
    assert "55.7&nbsp;%" in text
    assert "left:97.7%" in text


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"signature.json": _signature_bytes()}, r"holds no model\.onnx"),
        ({"model.onnx": _onnx_bytes()}, r"signature\.json does not exist"),
        ({"model.onnx": b"no model", "signature.json": _signature_bytes()}, "cannot be read as an ONNX model"),
        ({"../evil": b"x", "model.onnx": _onnx_bytes()}, "cannot be unpacked: .*evil.* outside the destination"),
        (
            {"model.onnx": _onnx_bytes(classes=3), "signature.json": _signature_bytes()},
            r"has 'logits' of f32 \[\?,3\], but its signature asks for f32 \[\?,4\]",
        ),
        (
            {"model.onnx": _onnx_bytes(size=8), "signature.json": _signature_bytes()},
            r"has 'images' of u8 \[\?,8,8,3\], but its signature asks for u8 \[\?,16,16,3\]",
        ),
        (
            {"model.onnx": _onnx_bytes(infinite=True), "signature.json": _signature_bytes()},
            r"no finite numbers for 10 of 10 images, bin-000 the first: its training diverged",
        ),
    ],
    ids=["no model", "no signature", "not ONNX", "traversal", "logits", "size", "infinite"],
)
def test_a_wrong_model_archive_is_refused_with_its_reason(members, message, split, tmp_path):
    with pytest.raises(StepError, match=message):
        evaluate(SETTINGS, _pack(tmp_path / "wrong", members), split, tmp_path / "out")
    assert not (tmp_path / "out" / "evaluation.json").exists()
    assert not (tmp_path / "evil").exists()


def test_a_model_without_the_named_output_is_refused(split, tmp_path):
    model = onnx.load_from_string(_onnx_bytes())
    model.graph.output[0].name = model.graph.node[-1].output[0] = "scores"
    members = {"model.onnx": model.SerializeToString(), "signature.json": _signature_bytes()}
    with pytest.raises(StepError, match="has no tensor 'logits'"):
        evaluate(SETTINGS, _pack(tmp_path / "wrong", members), split, tmp_path / "out")


def test_a_folder_without_an_archive_is_named(split, tmp_path):
    with pytest.raises(StepError, match=r"model\.tar\.gz does not exist"):
        evaluate(SETTINGS, tmp_path / "nothing", split, tmp_path / "out")


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"no archive at all"])
def test_a_damaged_archive_is_refused(model, split, tmp_path, damage):
    archive = model / "model.tar.gz"
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(StepError, match=r"model\.tar\.gz cannot be unpacked"):
        evaluate(SETTINGS, model, split, tmp_path / "out")


def test_a_member_that_declares_a_huge_size_is_refused_before_it_is_read(split, tmp_path):
    folder = tmp_path / "huge"
    folder.mkdir()
    member = tarfile.TarInfo("model.onnx")
    member.size = 1 << 40
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.addfile(member)
    with pytest.raises(StepError, match="unpacks to more than 2,147,483,648 bytes"):
        evaluate(SETTINGS, folder, split, tmp_path / "out")


def test_a_header_larger_than_the_archive_may_be_is_refused(tmp_path):
    folder = _pack(tmp_path / "bomb", {"n" * 2_000_000: b""})
    with pytest.raises(StepError, match="unpacks to more than 1,000,000 bytes"), unpacked_model(folder, 1_000_000):
        pass


def test_the_unpacked_model_is_gone_after_use(model):
    with unpacked_model(model) as folder:
        assert (folder / "model.onnx").read_bytes() == _onnx_bytes()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"classes": ("0", "1", "2", "3", "4")}, r"classes of 0, 1, 2, 3, but the test images have 0, 1, 2, 3, 4"),
        ({"size": 8}, "images of 16 px, resize squash, contrast none, but the test images have 8 px, resize squash"),
    ],
    ids=["classes", "size"],
)
def test_a_model_of_another_dataset_is_refused(model, write_test_split, tmp_path, split, message):
    with pytest.raises(StepError, match=message):
        evaluate(SETTINGS, model, write_test_split(**split), tmp_path / "out")


def test_an_empty_test_split_is_refused(model, tmp_path):
    folder = tmp_path / "empty"
    write_dataset(folder, Dataset(classes=CLASSES, preprocessing=Preprocessing(size=SIZE)))
    with pytest.raises(StepError, match="holds no shard"):
        evaluate(SETTINGS, model, folder, tmp_path / "out")
    nothing = np.zeros((0, SIZE, SIZE, 3), np.uint8)
    write_shard(folder, "algo-1-00000", nothing, np.zeros(0, np.int64), [])
    with pytest.raises(StepError, match="holds no image"):
        evaluate(SETTINGS, model, folder, tmp_path / "out")


@pytest.fixture
def run_job(tmp_path: Path, model: Path, split: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m steps.evaluate` as SageMaker does, with `tmp_path`/ml in place of /opt/ml."""
        base = tmp_path / "ml"
        (base / "config").mkdir(parents=True)
        (base / "processing" / "input").mkdir(parents=True)
        model.rename(base / "processing" / "input" / "model")
        split.rename(base / "processing" / "input" / "test")
        (base / "config" / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        config = {
            "ProcessingInputs": [
                {"InputName": name, "S3Input": {"LocalPath": f"/opt/ml/processing/input/{name}"}}
                for name in ("model", "test")
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": "evaluation", "S3Output": {"LocalPath": "/opt/ml/processing/output/evaluation"}}
                ]
            },
        }
        (base / "config" / "processingjobconfig.json").write_text(json.dumps(config))
        return subprocess.run(
            [sys.executable, "-m", "steps.evaluate", *arguments],
            env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_the_container_writes_both_files_and_tells_how_far_it_is(run_job, tmp_path):
    finished = run_job("--batch-size", "4", "--gallery", "3")
    assert finished.returncode == 0, finished.stderr
    output = tmp_path / "ml" / "processing" / "output" / "evaluation"
    assert {file.name for file in output.iterdir()} == {"evaluation.json", "report.html"}
    assert re.search(r"^scoring: 10 of 10 images", finished.stdout, re.MULTILINE)


def test_the_container_says_why_it_failed(run_job, tmp_path):
    finished = run_job("--batch-size", "0")
    assert finished.returncode == 1
    assert "argument 'batch_size' is '0'" in (tmp_path / "ml" / "output" / "message").read_text()
