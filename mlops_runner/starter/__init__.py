"""What `mlops init` writes: a small pipeline on a bundled data set, or one that is inferred from a table."""
