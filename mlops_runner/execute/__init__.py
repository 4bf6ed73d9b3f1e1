"""Execution: the steps of a plan, each in a process of its own."""
