"""Learning from the images: Keras models, their training, evaluation and explanation."""

import os

# TensorFlow reads this when Keras is imported. Unset, it logs driver errors on machines without a GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
