"""Rows and files from elsewhere: fetched once, digested, kept as a snapshot."""
