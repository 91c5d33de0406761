"""Training by several processes, on the GPUs of one instance or of several."""
