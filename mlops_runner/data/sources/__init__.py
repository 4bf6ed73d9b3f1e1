"""Where rows come from: one leaf per kind of source."""
