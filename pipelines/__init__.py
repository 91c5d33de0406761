"""What runs, and where: the pipeline's definition, its presets, and the commands that operate it."""
