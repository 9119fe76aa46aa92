"""Configuration: settings, profiles, the link file, URLs."""
