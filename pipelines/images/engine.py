"""The program that builds and pushes images: docker, podman or buildah, whichever works on this machine."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import PipelineError
from pipelines.images.recipe import Recipe

ENGINES = ("docker", "podman", "buildah")
PLATFORM = "linux/amd64"
"""What the instance types of the presets are, whatever this machine is."""

# SageMaker takes single manifests, in Docker's format, and no index with an attestation beside the image.
_BUILD = {
    "docker": ("build", "--provenance=false"),
    "podman": ("build", "--format=docker", "--layers"),
    "buildah": ("build", "--format=docker", "--layers"),
}
_INSPECT = {
    "docker": ("image", "inspect"),
    "podman": ("image", "inspect"),
    "buildah": ("inspect", "--type=image"),
}


@dataclass(frozen=True)
class Engine:
    """A program with the commands that docker, podman and buildah share.

    Attributes:
        program: its name.
    """

    program: str

    def has(self, name: str) -> bool:
        """Whether it holds an image of this name."""
        return _succeeds([self.program, *_INSPECT[self.program], name])

    def build(
        self,
        recipe: Recipe,
        context: Path,
        labels: Mapping[str, str],
        secrets: Mapping[str, Path],
        options: Sequence[str] = (),
    ) -> None:
        """Build an image and tag it with its recipe's name.

        Args:
            recipe: what to build.
            context: the folder with the recipe's files.
            labels: of the image, beside those of its Dockerfile.
            secrets: files that the build may read, by their names in the Dockerfile; no layer keeps them.
            options: further words for the engine's `build`.

        Raises:
            PipelineError: the engine failed; its own words are on the terminal.
        """
        words = [*_BUILD[self.program], f"--platform={PLATFORM}", f"--file={context / recipe.dockerfile}"]
        words += [f"--tag={recipe.name}"]
        words += [f"--build-arg={name}={value}" for name, value in recipe.arguments.items()]
        words += [f"--label={name}={value}" for name, value in labels.items()]
        words += [f"--secret=id={name},src={file}" for name, file in secrets.items()]
        self._run([*words, *options, str(context)], f"build the image {recipe.image}")

    def log_in(self, registry: str, user: str, password: str) -> None:
        """Log in to a registry; the password does not appear on a command line.

        Raises:
            PipelineError: the registry refuses.
        """
        words = ["login", f"--username={user}", "--password-stdin", registry]
        self._run(words, f"log in to {registry}", f"{password}\n")

    def tag(self, name: str, other: str) -> None:
        """Give an image another name, which no other image has any more.

        Raises:
            PipelineError: the engine holds no image of the first name.
        """
        self._run(["tag", name, other], f"tag {name}")

    def push(self, name: str, uri: str) -> None:
        """Push an image to where `uri` says.

        Raises:
            PipelineError: the registry refuses.
        """
        self.tag(name, uri)
        self._run(["push", uri], f"push {uri}")

    def _run(self, words: Sequence[str], what: str, text: str = "") -> None:
        done = subprocess.run([self.program, *words], input=text, text=True, check=False)  # noqa: S603 - no shell
        if done.returncode != 0:
            raise PipelineError(f"{self.program} could not {what}, for the reason it gives above")


def find_engine(wanted: str = "") -> Engine:
    """The engine of a name, or the first that works here.

    Raises:
        PipelineError: there is none; the text says what was tried.
    """
    if wanted and wanted not in ENGINES:
        raise PipelineError(f"there is no engine {wanted!r}; engines are {', '.join(ENGINES)}")
    tried = []
    for program in (wanted,) if wanted else ENGINES:
        if not shutil.which(program):
            tried.append(f"{program} is not installed")
        elif _succeeds([program, "info"]):  # a docker without its daemon is no engine
            return Engine(program)
        else:
            tried.append(f"`{program} info` fails")
    raise PipelineError(f"no engine builds images here ({', '.join(tried)}): install docker, podman or buildah")


def _succeeds(words: Sequence[str]) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603 - no shell
