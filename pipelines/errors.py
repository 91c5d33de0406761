"""Errors whose text is for the person at the terminal."""


class PipelineError(Exception):
    """Something the user can put right; its text is one sentence that says what was wrong and what to do."""
