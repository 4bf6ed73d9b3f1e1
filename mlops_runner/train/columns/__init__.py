"""Preprocessing of the columns of one kind: one module each, with what is fitted, kept as plain values, and applied."""
