"""Run the train step inside a SageMaker training job: python -m steps.train."""

from steps.contract import StepError, training_job
from steps.train.settings import TrainSettings

if __name__ == "__main__":
    with training_job(TrainSettings) as job:
        if job.hosts.count > 1:
            raise StepError(f"the job has {job.hosts.count} instances, but training runs on one: set one instance")
        # Imported here, so that bad settings are told before PyTorch is loaded and a missing library is told at all.
        from steps.train.device import require_gpu
        from steps.train.train import train

        require_gpu(job.hosts.instance_type)
        train(job.settings, job.channel("train"), job.channel("validation"), job.model, job.name, job.output_data)
