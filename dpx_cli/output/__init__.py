"""Output for terminals, pipes and programs: data on stdout, messages on stderr."""
