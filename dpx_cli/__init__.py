"""dpx, the command line of Deploxa."""

# A literal: importlib.metadata.version() costs more than a whole `dpx --version`.
__version__ = "0.1.0"
