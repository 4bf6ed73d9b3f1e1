"""Trainers: one module per kind, and the literal table that finds them."""
