"""From a file and the name of its target to a Data document that a person would have written."""
