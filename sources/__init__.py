"""Where images come from: one module per source, plus the polite client and the sandbox that imitates them all."""
