"""Describe the data to people: how much there is of what, what it looks like, and what was left out."""
