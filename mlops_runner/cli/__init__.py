"""The command line: parse options, call one room, render one report."""
