"""Batch transform jobs: a model's container serves, and the objects of a prefix go through it."""
