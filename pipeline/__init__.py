"""What happens to the images: one module per stage, the command line, and the few pieces that stages share."""
