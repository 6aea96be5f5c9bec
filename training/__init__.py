"""What is learned from the images: Keras models, training, evaluation and explanation."""

import os

# TensorFlow reads it when Keras is imported; without, a machine without a GPU gets an error about drivers.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
