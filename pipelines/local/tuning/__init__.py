"""Hyperparameter tuning jobs: a search proposes values, training jobs try them, the best one is found."""
