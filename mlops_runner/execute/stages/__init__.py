"""The built-in steps, one module each: what runs inside a step's process."""
