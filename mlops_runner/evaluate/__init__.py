"""The evaluate stage: metrics, threshold, slices and gates, as pure functions of arrays."""
