"""Scripts that train the small networks in pipeline/classifiers/weights/; each has the name of the module it serves."""
