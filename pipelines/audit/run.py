"""Run an audit: put its pipeline up, start it on a folder of bins, and fetch the page. The same on AWS and locally."""

from pathlib import Path

from rich.console import Console

from pipelines import operations, results
from pipelines.audit.definition import audit_config, compile_definition
from pipelines.audit.upload import find_bins, upload_bins
from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.progress import watch
from pipelines.target import Target

FILES = ("audit.html", "audit.parquet", "quarantine.parquet")


def run_audit(target: Target, config: Config, data: str, folder: Path, console: Console) -> None:
    """Audit the bins in `data` with the latest approved model, and put page and tables into `folder`.

    Args:
        target: where.
        config: the configuration, placed in the target.
        data: folder or s3:// URI in ABID's layout.
        folder: where to put what was found; made when absent.
        console: where to print.

    Raises:
        PipelineError: the models of `config` do not count, `data` is no folder of bins, or the execution did not
            succeed.
    """
    if config.catalog.layout == "folders" and config.gate.maximum_rmse is None:
        raise PipelineError(f"pipeline {config.name} names classes: an audit needs a preset that counts, such as abid")

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False)

    files = [] if data.startswith("s3://") else find_bins(Path(data).expanduser())
    own = audit_config(config)
    operations.upsert(target, own, compile_definition(own, target.region), say)
    source = upload_bins(target, own.bucket, files, say) if files else data
    execution = operations.start(target, own.name, {"SourceUri": source})
    say(f"started {execution}")
    ended = watch(target, execution, console)
    if ended.status != "Succeeded":
        raise PipelineError(ended.reason or f"the execution ended as {ended.status}")
    found = results.processing_output(target, execution, "Audit", "audit")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_bytes(results.download(target, f"{found}/{name}"))
    audited = ended.step("Audit")
    say(audited.note if audited else "")
    say(f"Page      {folder / 'audit.html'}  (open it in a browser)")
    say(f"Table     {folder / 'audit.parquet'}")
