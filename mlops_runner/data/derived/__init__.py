"""Derived columns: the moments of every series in order, arithmetic over their past, and the table that results."""
