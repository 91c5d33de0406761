"""The verbs of the command line, a file for each group of them; `python -m pipelines` puts them together."""
