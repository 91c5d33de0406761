"""Models whose answers are known, test splits that ask for them, and the report as a page."""

import io
import math
import tarfile
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from steps.catalog_files import CatalogImage, CatalogSummary, write_catalog
from steps.decision import Decision
from steps.evaluate.evaluate import evaluate
from steps.evaluate.results import Evaluation
from steps.evaluate.settings import EvaluateArguments
from steps.preprocessing import Preprocessing
from steps.shards import Dataset, write_dataset, write_shard
from steps.signature import Signature

SIZE = 16
BRIGHTNESS = 40  # a model answers how many times this is in the mean brightness of an image's left half
COUNTS = ("0", "1", "2", "3")
AS_IT_IS = Decision()
# (label, answer by brightness) of each test image, in order
ANSWERS = ((0, 0), (0, 0), (1, 1), (1, 2), (1, 1), (2, 2), (2, 0), (3, 3), (1, 3), (2, 1))


@pytest.fixture(scope="session")
def counts() -> tuple[str, ...]:
    return COUNTS


@pytest.fixture(scope="session")
def pairs() -> tuple[tuple[int, int], ...]:
    """Label and answer of each image of `split`."""
    return ANSWERS


@pytest.fixture(scope="session")
def onnx_bytes() -> Callable[..., bytes]:
    def make(classes: int = len(COUNTS), size: int = SIZE, infinite: bool = False, offset: float = 0) -> bytes:
        """A model whose logits are -|mean brightness of the left half + offset - class * BRIGHTNESS|."""
        nodes = [
            helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Slice", ["pixels", "start", "end", "width"], ["left"]),
            helper.make_node("ReduceMean", ["left", "axes"], ["mean"], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
            helper.make_node("Sub", ["column", "centres"], ["distance"]),
            helper.make_node("Abs", ["distance"], ["positive"]),
            helper.make_node("Mul", ["positive", "sign"], ["logits"]),
        ]
        centres = [BRIGHTNESS * index - offset for index in range(classes)]
        constants = [
            helper.make_tensor("start", TensorProto.INT64, [1], [0]),
            helper.make_tensor("end", TensorProto.INT64, [1], [size // 2]),
            helper.make_tensor("width", TensorProto.INT64, [1], [2]),
            helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("centres", TensorProto.FLOAT, [1, classes], centres),
            helper.make_tensor("sign", TensorProto.FLOAT, [1], [-math.inf if infinite else -1.0]),
        ]
        inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", size, size, 3])]
        outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])]
        graph = helper.make_graph(nodes, "brightness", inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.checker.check_model(model)
        return model.SerializeToString()

    return make


@pytest.fixture(scope="session")
def signature_bytes() -> Callable[..., bytes]:
    def make(classes: tuple[str, ...] = COUNTS, size: int = SIZE, decision: Decision = AS_IT_IS) -> bytes:
        signature = Signature(
            classes=classes,
            preprocessing=Preprocessing(size=size),
            mean=(0.5, 0.5, 0.5),
            std=(0.2, 0.2, 0.2),
            architecture="brightness",
            training_job="train-7",
            decision=decision,
        )
        return signature.model_dump_json().encode()

    return make


@pytest.fixture
def pack() -> Callable[[Path, dict[str, bytes]], Path]:
    def write(folder: Path, members: dict[str, bytes]) -> Path:
        """A folder with a model.tar.gz of these members."""
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return folder

    return write


@pytest.fixture
def make_model(tmp_path: Path, pack: Any, onnx_bytes: Any, signature_bytes: Any) -> Callable[..., Path]:
    def make(
        name: str = "model",
        classes: tuple[str, ...] = COUNTS,
        size: int = SIZE,
        decision: Decision = AS_IT_IS,
        offset: float = 0,
    ) -> Path:
        """The folder of a model's archive."""
        members = {
            "model.onnx": onnx_bytes(len(classes), size, offset=offset),
            "signature.json": signature_bytes(classes, size, decision),
        }
        return pack(tmp_path / name, members)

    return make


@pytest.fixture
def model(make_model: Callable[..., Path]) -> Path:
    return make_model()


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Folder that `write_split` writes the catalog to."""
    return tmp_path / "catalog"


@pytest.fixture
def write_split(tmp_path: Path, catalog: Path) -> Callable[..., Path]:
    def write(
        answers: Sequence[tuple[int, int]] = ANSWERS,
        classes: tuple[str, ...] = COUNTS,
        size: int = SIZE,
        ids: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
    ) -> Path:
        """Two shards of plain grey images, each bright enough for its answer, and their catalog."""
        folder = tmp_path / "test"
        write_dataset(folder, Dataset(classes=classes, preprocessing=Preprocessing(size=size)))
        labels = np.array([label for label, _ in answers], dtype=np.int64)
        images = np.stack([np.full((size, size, 3), BRIGHTNESS * answer, np.uint8) for _, answer in answers])
        ids = ids or [f"bin-{index:03}" for index in range(len(answers))]
        half = len(answers) // 2
        write_shard(folder, "algo-1-00000", images[:half], labels[:half], ids[:half])
        write_shard(folder, "algo-1-00001", images[half:], labels[half:], ids[half:])
        rows = [
            CatalogImage(name, f"s3://b/{name}", int(label), group, "test")
            for name, label, group in zip(ids, labels, groups or ids, strict=True)
        ]
        summary = CatalogSummary(
            source="s3://b", classes=classes, found=len(rows), left_out=0, quarantined=0, images={}, groups={}
        )
        write_catalog(catalog, rows, [], summary)
        return folder

    return write


@pytest.fixture
def split(write_split: Callable[..., Path]) -> Path:
    return write_split()


@pytest.fixture
def score(tmp_path: Path, catalog: Path) -> Callable[..., Evaluation]:
    def run(model: Path, split: Path, champion: Any = None, output: str = "out", **settings: Any) -> Evaluation:
        """Evaluate with few resamples and small batches."""
        arguments = EvaluateArguments(**{"batch_size": 4, "resamples": 200, **settings})
        return evaluate(arguments, model, split, catalog, tmp_path / output, champion)

    return run


class Page(HTMLParser):
    """Collects what a page loads, its elements, its text, and the captions of its galleries."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.galleries: list[list[str]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attributes if name in {"src", "href", "srcset", "data"}]
        if tag not in {"meta", "img"}:
            self.open.append(tag)
        if ("class", "gallery") in attributes:
            self.galleries.append([])
        if tag == "figcaption":
            self.galleries[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.words += " " if tag in {"td", "th", "dt", "dd", "p", "h1", "h2"} else ""

    def handle_data(self, data):
        if "style" not in self.open:
            self.words += data
        if "figcaption" in self.open:
            self.galleries[-1][-1] += data


@pytest.fixture
def read_report(tmp_path: Path) -> Callable[[], tuple[str, Page]]:
    def read() -> tuple[str, Page]:
        """The report's source, and the page; its words are parted by single plain spaces."""
        text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        page = Page(text)
        page.words = " ".join(page.words.replace("\xa0", " ").split())
        return text, page

    return read
