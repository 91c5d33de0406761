"""The steps of the pipeline, one folder each: what it can be told, how it is declared, what its container runs.

The files directly in this folder are what steps share; a step imports them and itself, never another step.
"""
