"""IAM policies of the people who deploy and operate a pipeline; its names stand in them as in the stack's template."""
