"""Run the job of a step again on this machine, on what it read and with the settings it had.

The job's inputs are fetched into a folder that is laid out as the container contract says, and its program is run
there; nothing is written to S3.
"""
