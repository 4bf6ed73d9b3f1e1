"""Formats: each turns a document into text and escapes whatever the document holds."""
