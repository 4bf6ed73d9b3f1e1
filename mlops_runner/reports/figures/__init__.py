"""Figures: the curves of an evaluation as SVG text that follows the colours of the page around it."""
