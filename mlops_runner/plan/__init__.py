"""The plan: what would happen and why, decided from specs, lock and code alone."""
