"""How a trained model's logits become an answer, fitted on the validation images."""
