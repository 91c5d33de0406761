"""The three images, built from nothing with the packages this machine's pip can reach, and containers that run them.

No daemon is needed: mmdebstrap makes the base, buildah builds, runc runs. What was built is kept in `.local/images`, so
that a second run builds only what has changed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.images.build import build_images
from pipelines.images.engine import Engine
from pipelines.images.pip import pip_settings
from pipelines.images.recipe import IMAGES, Recipe, read_recipe

REPOSITORY = Path(__file__).resolve().parents[2]
KEPT = REPOSITORY / ".local" / "images"
TOOLS = ("mmdebstrap", "buildah", "runc", "podman")
BASE = "localhost/bin-counter-base"
BASE_PACKAGES = "python3,python3-venv,ca-certificates"  # what python:3.11-slim-bookworm holds of Python


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A buildah with a store of its own, beside whatever else this machine builds."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("images are built and run without a daemon by root on Linux only")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; `make test-images` installs them on Debian 12")
    KEPT.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDAH_ISOLATION", "chroot")
        for driver in ("overlay", "vfs"):  # the second works everywhere, and copies every layer
            store = KEPT / driver
            settings = f'[storage]\ndriver = "{driver}"\ngraphroot = "{store}/graph"\nrunroot = "{store}/run"\n'
            (KEPT / "storage.conf").write_text(settings)
            patch.setenv("CONTAINERS_STORAGE_CONF", str(KEPT / "storage.conf"))
            if subprocess.run(["buildah", "info"], capture_output=True).returncode == 0:
                break
        # What podman would ask for by itself is more than some machines grant to their root.
        (KEPT / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
        )
        patch.setenv("CONTAINERS_CONF", str(KEPT / "containers.conf"))
        yield Engine("buildah")


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """A Debian 12 with Python 3.11, in place of the base that only a registry has."""
    if not engine.has(BASE):
        archive = KEPT / "base.tar"
        words = ["mmdebstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm", str(archive)]
        subprocess.run(words, check=True)
        made = buildah("from", "scratch")
        buildah("add", made, str(archive), "/")
        buildah("commit", "--rm", made, BASE)
        archive.unlink()
    return BASE


@pytest.fixture(scope="session")
def recipes(base: str) -> dict[str, Recipe]:
    """The images as everyone's, but that training has a PyTorch for CPUs where there is one."""
    return {image: read_recipe(image, base, pytorch_without_cuda() if image == "training" else "") for image in IMAGES}


@pytest.fixture(scope="session")
def build(engine: Engine) -> Callable[[Recipe], list[str]]:
    """Build an image; returns what was reported."""

    def run(recipe: Recipe) -> list[str]:
        said: list[str] = []
        build_images([recipe], engine, said.append, [f"--volume={folder}:{folder}:ro" for folder in packages_here()])
        return said

    return run


class Container:
    """An image that can be run, its root filesystem read-only but for /tmp.

    Attributes:
        root: where its files lie on this machine.
        labels: what the image says of itself.
        size: of all its layers, unpacked.
    """

    def __init__(self, name: str) -> None:
        self._made = buildah("from", "--pull-never", name)
        self.root = Path(buildah("mount", self._made))
        config = json.loads(buildah("inspect", "--type", "image", name))["Docker"]["config"]
        self.labels: dict[str, str] = config["Labels"]
        self.size = buildah("images", "--format", "{{.Size}}", name)
        self._environment: list[str] = config["Env"]

    def start(self, words: list[str], opt_ml: Path, user: int = 0, **environment: str) -> subprocess.Popen[str]:
        """Run `words` in it, as SageMaker does with an image, with a folder of this machine as its /opt/ml."""
        bundle = opt_ml.parent / f"bundle-{uuid.uuid4().hex[:8]}"
        bundle.mkdir()
        subprocess.run(["runc", "spec"], cwd=bundle, check=True)
        spec = json.loads((bundle / "config.json").read_text())
        own = [f"{name}={value}" for name, value in environment.items()]
        spec["process"].update(args=words, env=[*self._environment, *own], terminal=False)
        spec["process"]["user"] = {"uid": user, "gid": user}
        spec["root"] = {"path": str(self.root), "readonly": True}
        scratch = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]}
        shown = {"destination": "/opt/ml", "type": "bind", "source": str(opt_ml), "options": ["rbind", "rw"]}
        spec["mounts"] += [scratch, shown]
        # The network is this machine's, so that the test can ask, and the container find the test's S3.
        spec["linux"]["namespaces"] = [each for each in spec["linux"]["namespaces"] if each["type"] != "network"]
        (bundle / "config.json").write_text(json.dumps(spec))
        if user:  # SageMaker's folder is root's; whoever runs an image as somebody else hands it over
            for path in [opt_ml, *opt_ml.rglob("*")]:
                os.chown(path, user, user)
        line = ["runc", "--root", str(KEPT / "runc"), "run", "--bundle", str(bundle), bundle.name]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, words: list[str], opt_ml: Path, user: int = 0, **environment: str) -> tuple[int, str]:
        """Run `words` until they end; returns the exit code and the log."""
        process = self.start(words, opt_ml, user, **environment)
        log, _ = process.communicate(timeout=600)
        return process.returncode, log

    def remove(self) -> None:
        """Remove its files; the image stays."""
        buildah("umount", self._made)
        buildah("rm", self._made)


@pytest.fixture(scope="session")
def container(recipes: dict[str, Recipe], build: Callable[[Recipe], list[str]]) -> Iterator[Callable[[str], Container]]:
    """A container of each image, built when it is first asked for."""
    made: dict[str, Container] = {}
    begun: set[str] = set()  # what could not be built once is not tried again for every test

    def get(image: str) -> Container:
        if image not in made:
            assert image not in begun, f"the image {image} could not be built"
            begun.add(image)
            for line in build(recipes[image]):
                print(line)
            made[image] = Container(recipes[image].name)
        return made[image]

    yield get
    for each in made.values():
        each.remove()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-34 at 224 pixels, of random weights: the size of the real one."""
    import numpy as np
    import torch

    from steps.decision import Decision
    from steps.preprocessing import Preprocessing
    from steps.signature import Signature
    from steps.train.export import export
    from steps.train.networks.network import MEAN, STD, Classifier

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    signature = Signature(
        classes=tuple("012345"),
        preprocessing=Preprocessing(size=224, resize="pad"),
        mean=MEAN,
        std=STD,
        architecture="resnet34",
        training_job="none",
        decision=Decision(temperature=1.5, mirrored=True),
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    export(Classifier("resnet34", 6).eval(), signature, images, folder)
    return folder


def buildah(*words: str) -> str:
    """Run buildah, and return what it prints."""
    return subprocess.run(["buildah", *words], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def pytorch_without_cuda() -> str:
    """Requirements for a PyTorch for CPUs, where pip finds one and its torchvision; else none: what PyPI has, 6 GB.

    Torchvision's minor version is 15 ahead of PyTorch's.
    """
    torch, vision = (versions_for_cpus(package) for package in ("torch", "torchvision"))
    for minor, patch in torch:
        if (minor + 15, patch) in vision:
            return f"torch==2.{minor}.{patch}+cpu torchvision==0.{minor + 15}.{patch}+cpu"
    return ""


def versions_for_cpus(package: str) -> list[tuple[int, int]]:
    """Minor and patch versions, the newest first, of which pip finds a build without CUDA."""
    words = [sys.executable, "-m", "pip", "index", "versions", package]
    listed = subprocess.run(words, capture_output=True, text=True).stdout
    return [(int(minor), int(patch)) for minor, patch in re.findall(r"\b\d\.(\d+)\.(\d+)\+cpu\b", listed)]


def packages_here() -> set[Path]:
    """Folders of this machine where its pip looks for packages, to be shown to the build."""
    settings = pip_settings()
    folders = {Path(word) for word in settings.get("find-links", "").split()}
    for name in ("index-url", "extra-index-url"):
        local = [word for word in settings.get(name, "").split() if word.startswith("file://")]
        folders |= {Path(word.removeprefix("file://")).parent for word in local}  # an index's files lie beside it
    return {folder for folder in folders if folder.is_absolute() and folder.is_dir()}
