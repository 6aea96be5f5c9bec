"""What is learned from the images: Keras models, training, evaluation and explanation."""
