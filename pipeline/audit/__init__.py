"""What holds, and what does not, in a data set or a split."""
