"""Let a model into the registry only when it is accurate enough."""
