"""The endpoint's process: a photo in, a count out, under SageMaker's contract for inference containers."""
