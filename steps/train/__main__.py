"""Run the train step inside a SageMaker training job: python -m steps.train."""

from steps.contract import training_job
from steps.train.settings import TrainSettings

if __name__ == "__main__":
    with training_job(TrainSettings) as job:
        # Imported here, so that bad settings are told before PyTorch is loaded and a missing library is told at all.
        from steps.train.device import require_gpu
        from steps.train.faults.checkpoint import discard
        from steps.train.hosts.launch import launch, processes_here

        require_gpu(job.hosts.instance_type)
        if job.hosts.index > 0:
            discard(job.checkpoints)
        if job.hosts.count * processes_here() > 1:
            launch("steps.train.hosts.worker", job.hosts, job.name, job.failure)
        else:
            from steps.train.train import train_job

            train_job(job)
