"""Builders: from evidence to a document. They choose what is said and in which order, never how it looks."""
