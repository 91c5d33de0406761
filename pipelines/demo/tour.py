"""The guided run: the whole pipeline on one machine, from a bucket of photos to a registered model."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pipelines import operations, results
from pipelines.config import Config, load_preset
from pipelines.definition import compile_definition
from pipelines.demo.photos import Photos, sampled_photos, simulated_photos, transfer_progress
from pipelines.errors import PipelineError
from pipelines.local import EmbeddedSageMaker
from pipelines.progress import Progress, watch
from pipelines.stack.deploy import deploy_stack
from pipelines.target import Target, connect
from steps.gate.settings import GateSettings

PRESET = "demo"
REAL_PRESET = "abid"
CONTAINERS = Path(__file__).resolve().parents[2] / "containers"


def tour(data: str, images: int, folder: Path, console: Console) -> None:
    """Run the demo and print what came of it.

    Args:
        data: folder or s3:// URI in ABID's layout; empty for simulated bins.
        images: how many photos.
        folder: where photos, jobs and the report are kept.
        console: where to print.

    Raises:
        PipelineError: the source cannot be used, or the execution failed for another reason than the quality gate.
    """
    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    console.rule("[bold]1. Photos")
    with transfer_progress() as progress:
        photos = sampled_photos(data, folder, images, progress) if data else simulated_photos(folder, images, progress)
    console.print(
        f"{len(photos.keys) // 2:,} {'real' if data else 'simulated'} bin photos with their records: {photos.folder}"
    )
    with _sagemaker(folder, console):
        target = connect()
        config = deploy_stack(target, target.place_unstacked(load_preset(PRESET)), console)
        source = _put_up(target, config, photos, console)
        # Real photos are judged by what was published about them, not by what suits our drawings.
        ended = _execute(target, config, source, load_preset(REAL_PRESET).gate if data else config.gate, console)
        _summarise(target, ended, folder, console)
    console.print(f"\nDone in {time.monotonic() - begun:.0f} s.")


@contextmanager
def _sagemaker(folder: Path, console: Console) -> Iterator[None]:
    """Work on the endpoint that the environment names; where it names none, on an embedded SageMaker of our own."""
    console.rule("[bold]2. SageMaker")
    if os.environ.get("AWS_ENDPOINT_URL"):
        console.print(f"using the one at {os.environ['AWS_ENDPOINT_URL']}")
        yield
        return
    before = dict(os.environ)
    try:
        # Profiles, other endpoints and proxies of the user's have no part in this.
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
        with EmbeddedSageMaker(state=folder / "sagemaker", containers=CONTAINERS) as embedded:
            console.print(
                f"an embedded SageMaker answers at {embedded.url} until the demo ends; no AWS account is used"
            )
            os.environ.update(embedded.environment())
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _put_up(target: Target, config: Config, photos: Photos, console: Console) -> str:
    operations.upsert(target, config, compile_definition(config, target.region), lambda line: _say(console, line))
    prefix = f"demo/{photos.folder.name}"
    with transfer_progress() as progress:
        photos.upload(target.s3, config.bucket, prefix, progress)
    source = f"s3://{config.bucket}/{prefix}"
    _say(console, f"filled {source}")
    return source


def _execute(target: Target, config: Config, source: str, gate: GateSettings, console: Console) -> Progress:
    console.rule("[bold]3. Execution")
    parameters = {
        "SourceUri": source,
        "MinimumAccuracy": str(gate.minimum_accuracy),
        "MaximumRmse": str(gate.maximum_rmse),
    }
    execution = operations.start(target, config.name, parameters)
    _say(console, f"started {execution}")
    return watch(target, execution, console)


def _summarise(target: Target, ended: Progress, folder: Path, console: Console) -> None:
    evaluated = ended.step("Evaluate")
    if evaluated is None or evaluated.status != "Succeeded":
        raise PipelineError(f"the execution ended as {ended.status}: {ended.reason}")
    console.rule("[bold]4. What came of it")
    evaluation = results.processing_output(target, ended.arn, "Evaluate", "evaluation")
    figures = results.read_json(target, f"{evaluation}/evaluation.json")
    accuracy = figures["multiclass_classification_metrics"]["accuracy"]["value"]
    rmse = figures["regression_metrics"]["rmse"]["value"]
    guess = figures["detail"]["baseline"]
    _say(console, f"Accuracy  {accuracy:.1%} of the test photos counted exactly right")
    _say(console, f"          ({guess['accuracy']:.1%} by always answering {guess['commonest']}, the commonest count)")
    _say(console, f"RMSE      {rmse:.3f} items")
    best = guess["counting"]
    _say(console, f"          ({best['best_constant_rmse']:.3f} by always answering {best['best_constant']})")
    if searched := ended.step("Tune"):
        _say(console, f"Tuned     {searched.note}")
    registered = ended.step("Register-RegisterModel")
    if registered and ended.status == "Succeeded":
        model = operations.describe_model(target, registered.made)
        _say(console, f"Gate      passed\nModel     version {model.version}, {model.status}: {model.arn}")
    elif refusal := ended.step("QualityTooLow"):
        _say(console, f"Gate      refused; the execution ended as {ended.status}: {refusal.note}")
    else:
        raise PipelineError(f"the execution ended as {ended.status}: {ended.reason}")
    exploration = results.processing_output(target, ended.arn, "Explore", "explore")
    for uri in (f"{evaluation}/report.html", f"{evaluation}/evaluation.json", f"{exploration}/explore.html"):
        (folder / uri.rsplit("/", 1)[1]).write_bytes(results.download(target, uri))
    if trained := ended.step("Train"):
        (folder / "training.html").write_bytes(results.training_report(target, trained.made))
    _say(console, f"Report    {folder / 'report.html'}  (open it in a browser)")
    _say(console, f"Training  {folder / 'training.html'}  (how it learnt, and what to watch)")
    _say(console, f"Data      {folder / 'explore.html'}  (what is in the photos)")


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False)
