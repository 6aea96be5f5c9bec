"""What is learned from the images: Keras models, training, evaluation and explanation."""

import os

# TensorFlow reads it when Keras is imported; without, every command begins with notes about missing GPU drivers.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
