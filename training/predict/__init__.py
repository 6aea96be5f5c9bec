"""Predictions of a trained model for any image files, with their uncertainty and heat maps."""
