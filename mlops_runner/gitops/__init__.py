"""Git: reading other revisions."""
