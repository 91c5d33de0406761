"""Look whether all that a pipeline needs is there, and say what to do about what is not."""
