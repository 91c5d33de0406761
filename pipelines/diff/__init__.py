"""What an upsert would change: the compiled definition of a pipeline against the deployed one, in words."""
