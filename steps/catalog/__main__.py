"""Run the catalog step in its processing container."""

from steps.catalog.catalog import catalog
from steps.catalog.settings import CatalogSettings
from steps.contract import processing_job

if __name__ == "__main__":
    with processing_job(CatalogSettings) as job:
        catalog(job.settings, job.output("catalog"))
