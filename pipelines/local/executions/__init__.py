"""Pipelines and their executions: what is kept of them, the engine that runs steps, and what each type of step does."""
