"""Watch a training run as Amazon SageMaker Debugger did: look into the network, and judge what is seen by rules.

What they find is written to `diagnostics.json` and `training.html`, in the job's output.
"""
