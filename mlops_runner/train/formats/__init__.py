"""File formats of models: one module per format, and the literal table that finds them."""
