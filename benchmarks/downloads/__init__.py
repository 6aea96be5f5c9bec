"""The server and the clients that ``benchmarks.fetch`` measures."""
