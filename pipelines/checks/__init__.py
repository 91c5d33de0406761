"""Checks of a compiled pipeline definition: would AWS take it, can it run, and does it keep our policies.

Every rule has a name and a reason; a preset can switch one off, with a reason of its own.
"""
