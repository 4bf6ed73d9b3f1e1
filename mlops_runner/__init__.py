"""GitOps for machine learning: plan, run, lock and verify models from versioned YAML."""

__version__ = "0.1.0"
