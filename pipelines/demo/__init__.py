"""The guided demonstration: simulated bin photographs with known counts, and a tour of the pipeline on them.

Nothing here is needed to run the pipeline on real photographs.
"""
