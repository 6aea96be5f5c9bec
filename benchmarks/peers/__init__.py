"""What is compared with: each file runs in the environment of its package and prints JSON."""
