"""What must hold for the rows: one leaf per kind of check."""
