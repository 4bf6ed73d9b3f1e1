"""The family of metrics: `names` says what exists (light), `base` binds every name to the leaf that computes it."""
