"""Put approved models live: one function, called by the pipeline and by every decision in the model registry."""
