"""Trained networks as ONNX files, which run without Keras."""
