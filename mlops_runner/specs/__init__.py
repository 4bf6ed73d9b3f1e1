"""Specs: YAML documents in, typed values with their places out."""
