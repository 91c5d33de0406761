"""Decide which images there are, their labels, their groups and their split."""
