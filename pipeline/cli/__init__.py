"""The command line. Apart from progress bars, the only place that prints."""
