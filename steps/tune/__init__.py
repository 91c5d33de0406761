"""Search for the best hyperparameters of training, by trial trainings."""
