"""Create a deployment exactly once and follow it to its end: what every command that deploys shares."""
