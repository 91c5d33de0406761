"""The photos on which recipes are compared: catalogued, split and packed once, by the pipeline's own steps."""

from dataclasses import dataclass
from pathlib import Path

from steps.catalog.catalog import catalog
from steps.catalog.settings import SPLITS, CatalogSettings
from steps.contract import Hosts
from steps.ingest.ingest import ingest
from steps.ingest.settings import IngestSettings


@dataclass(frozen=True)
class Data:
    """Folders of one packed dataset."""

    catalog: Path
    shards: Path

    def split(self, name: str) -> Path:
        """The shards of a split."""
        return self.shards / name


def prepare(photos: Path, size: int, output: Path) -> Data:
    """Pack the photos of a folder of the public bucket's layout at `size` pixels, unless that has been done.

    Raises:
        StepError: the folder does not have the layout, or holds too many photos that cannot be used.
    """
    data = Data(output / "catalog", output / f"shards-{size}")
    if not (data.catalog / "catalog.json").is_file():
        catalog(CatalogSettings(source=photos.resolve().as_uri()), data.catalog)
    if not (data.shards / "report").is_dir():
        outputs = {name: data.split(name) for name in SPLITS}
        ingest(IngestSettings(size=size), data.catalog, outputs, data.shards / "report", Hosts("algo-1", ("algo-1",)))
    return data
