"""Shared by training and evaluation: the Keras backend, batches, augmentation, losses and model files."""
