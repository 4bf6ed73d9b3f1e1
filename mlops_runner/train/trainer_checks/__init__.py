"""What is wrong with a trainer's spec, said without its library and without data."""
