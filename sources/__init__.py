"""Where images come from: one module per source, and the packages that read, download and imitate them."""
