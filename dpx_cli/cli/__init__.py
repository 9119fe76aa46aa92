"""The command-line application: main, parser, options, the Typer application, help."""
