"""The train stage: one candidate at a time, stored in formats that run no code."""
