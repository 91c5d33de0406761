"""What a pipeline definition says: steps, parameters, expressions, conditions, and whether they can run."""
