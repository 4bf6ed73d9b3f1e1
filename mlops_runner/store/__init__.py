"""Bytes: content-addressed objects in a DVC cache, pointers, and the record of what files were seen."""
