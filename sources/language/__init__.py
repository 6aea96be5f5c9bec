"""What words say: labels, ages, views, modalities, and which panel of a figure a caption speaks of."""
