"""Keeps on disk what moto keeps in memory, by repeating on start the calls that made it."""
