"""Put a model that passed the gate into the model registry."""
