"""Gates: what the winner must reach, one leaf per kind."""
