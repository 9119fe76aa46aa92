"""Deploy one project or many: what `dpx deploy` and the `--deploy` of other commands share."""
