"""Train the small networks that ship in pipeline/classifiers/weights/."""
