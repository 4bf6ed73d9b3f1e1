"""Bootstrap: how far the numbers could be off by the chance of which rows were measured."""
