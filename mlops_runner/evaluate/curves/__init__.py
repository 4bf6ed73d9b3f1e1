"""Curves for reports: thinned, rounded numbers, one leaf per task."""
