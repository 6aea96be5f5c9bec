"""What training and evaluation share: the backend, batches, augmentation, losses, model files."""
