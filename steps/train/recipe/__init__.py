"""The ingredients of training, one idea a file; each has its strength in the settings."""
