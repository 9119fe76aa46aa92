"""Create a deployment exactly once and follow it to its end."""
