"""pipeline.lock: what the specs resolved to, as a value, a normal form, and a merge."""
