"""Search of parameters: draw, try on folds, remember, and keep the best."""
