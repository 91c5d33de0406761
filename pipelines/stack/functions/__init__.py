"""The code of the stack's small Lambda functions: Python 3.12 and boto3, which Lambda brings, and nothing else."""
