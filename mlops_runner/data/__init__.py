"""The data stage: rows in, a checked and split table with its profile out."""
