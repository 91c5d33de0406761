"""Run the explore step in its processing container."""

from steps.contract import processing_job
from steps.explore.explore import explore
from steps.explore.settings import ExploreSettings

if __name__ == "__main__":
    with processing_job(ExploreSettings) as job:
        explore(
            job.settings,
            catalog=job.input("catalog"),
            shards={split: job.input(split) for split in ("train", "validation", "test")},
            report=job.input("report"),
            output=job.output("explore"),
        )
