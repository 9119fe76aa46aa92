"""Where tokens live: the environment, the operating system's keyring, an opt-in file."""
