"""Deploy one project or many: what `dpx deploy`, `env set --deploy`, `env rotate --deploy` and `init --deploy` share.

It stands below the commands, so that `commands/deploy`, `commands/env` and `commands/state` can use it without using
each other.
"""
