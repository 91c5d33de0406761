"""SageMaker Experiments: experiments, trials and the trial components that jobs leave behind."""
