"""The operating system: files, child processes, the browser."""
