"""Run the ingest step in its processing container."""

from steps.contract import processing_job
from steps.ingest.ingest import ingest
from steps.ingest.settings import IngestSettings

if __name__ == "__main__":
    with processing_job(IngestSettings) as job:
        ingest(
            job.settings,
            catalog=job.input("catalog"),
            outputs={split: job.output(split) for split in ("train", "validation", "test")},
            report=job.output("report"),
            hosts=job.hosts,
        )
