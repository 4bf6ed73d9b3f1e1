"""Descriptions of columns: quantiles, categories, distinct values, in memory or in two passes over batches."""
