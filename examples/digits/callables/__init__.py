"""Code of the example."""
