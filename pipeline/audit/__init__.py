"""What holds in a data set or a split, and what can be read off its films that is not the disease."""
