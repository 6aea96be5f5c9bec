"""Lung segmentation: known masks, random changes of films with their masks, loss and training (paper, section 3)."""
