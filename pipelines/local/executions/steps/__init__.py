"""What each type of step does: a function of the step's turn."""
