"""The four small networks that ship with the package, and the features they work on."""
