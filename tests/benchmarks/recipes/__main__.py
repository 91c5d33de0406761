"""Compare training recipes on one leak-free split: `python tests/benchmarks/recipes PHOTOS`.

Every run is a process of its own with one thread, and leaves its answers in the output folder: a comparison that was
broken off goes on where it was, and more seeds or recipes may be added later.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packed_photos import Data, prepare
from recipe_run import Run, carry_out
from recipe_table import figures, table
from recipe_variants import variants
from rich.console import Console

from steps.evaluate.bootstrap import ClusterBootstrap
from steps.evaluate.groups import group_numbers
from steps.shards import Shards

RESAMPLES = 2000


def main() -> None:
    options = parser().parse_args()
    data = prepare(options.photos, options.size, options.output)
    if options.one:
        name, seed = options.one
        shared = {"architecture": options.architecture, "epochs": options.epochs, "seed": int(seed)}
        carry_out({**shared, **variants()[name]}, data, folder(options, name, int(seed)))
        return
    wanted = [(name, seed) for seed in range(options.seeds) for name in options.recipes]
    with ThreadPoolExecutor(options.processes) as pool:
        list(pool.map(lambda each: run_apart(options, *each), wanted))
    show(options, data)


def run_apart(options: argparse.Namespace, name: str, seed: int) -> None:
    """Run one recipe in a process of its own, unless that has been done; what it says goes to a file beside it."""
    place = folder(options, name, seed)
    if Run.read(place) is not None:
        return
    place.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(Path(__file__).parent), *sys.argv[1:], "--one", name, str(seed)]
    with (place / "log").open("w") as log:
        done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=log, stderr=log, check=False)
    print(f"{name}, seed {seed}: {'done' if done.returncode == 0 else f'failed, see {log.name}'}", flush=True)


def show(options: argparse.Namespace, data: Data) -> None:
    test = Shards(data.split("test"))
    bootstrap = ClusterBootstrap(group_numbers(data.catalog, test.ids), RESAMPLES, seed=0)
    found = {}
    for name in variants():
        runs = [Run.read(folder(options, name, seed)) for seed in range(options.seeds)]
        ended = [run for run in runs if run is not None]
        if ended:
            found[name] = figures(ended, test.labels, bootstrap)
    title = f"{options.architecture}, {options.size} px, {options.epochs} epochs, {len(test)} test photos"
    reference = next(name for name in ("published", "ours", *found) if name in found)
    Console(width=170).print(table(title, found, reference))


def folder(options: argparse.Namespace, name: str, seed: int) -> Path:
    kind = f"{options.architecture}-{options.size}px-{options.epochs}"
    return Path(options.output) / kind / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python tests/benchmarks/recipes", description=__doc__)
    made.add_argument("photos", type=Path, help="folder with bin-images/ and metadata/")
    made.add_argument("--output", type=Path, default=Path(".local/recipes"), help="what is made (default: %(default)s)")
    made.add_argument("--architecture", default="resnet18", help="(default: %(default)s)")
    made.add_argument("--size", type=int, default=96, help="pixels (default: %(default)s)")
    made.add_argument("--epochs", type=int, default=12, help="(default: %(default)s)")
    made.add_argument("--seeds", type=int, default=3, help="runs of each recipe (default: %(default)s)")
    made.add_argument("--processes", type=int, default=2, help="runs at a time, one core each (default: %(default)s)")
    made.add_argument(
        "--recipes", nargs="+", choices=list(variants()), default=["published", "ours"], help="(default: %(default)s)"
    )
    made.add_argument("--one", nargs=2, metavar=("RECIPE", "SEED"), help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    main()
