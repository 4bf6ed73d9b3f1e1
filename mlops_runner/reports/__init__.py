"""Reports: one document, rendered as HTML, Markdown, text or JSON."""
