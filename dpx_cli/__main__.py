"""The entry point of `dpx`.

`dpx --version` and `dpx __complete` (which the completion scripts call) run before anything else is imported. The
garbage collector is off while a command starts, and the process ends by `os._exit`: both cost more than a request.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in enums, which cost a tenth of a start
import os
import sys


def main() -> None:
    """Run dpx with the process's arguments and end the process."""
    try:
        _quit_on_signals()
    except KeyboardInterrupt:
        os._exit(130)
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        os._exit(130)  # it came while the interpreter looked at the program's path: it prints it, and goes on
    import gc  # after the handlers, as all that takes time

    gc.disable()
    if sys.argv[1:] == ["--version"]:
        from dpx_cli import __version__

        code = _write_version(f"dpx {__version__}\n".encode())
    elif sys.argv[1:2] == ["__complete"]:
        from dpx_cli.completion import candidates

        code = candidates.run(sys.argv[2:], os.environ)
    else:
        from dpx_cli.cli.main import run

        code = run(sys.argv[1:])
    # Windows' codes go up to 0xFFFFFFFF, and beyond 2**31 os._exit needs them as negative numbers.
    os._exit(code - 2**32 if code >= 2**31 else code)


def _quit_on_signals() -> None:
    """End without a word on SIGINT and SIGTERM, until `cli.main` has more to do then: there is nothing to clean up."""
    for number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: os._exit(128 + number))


def _write_version(line: bytes) -> int:
    try:
        os.write(1, line)
    except OSError as problem:
        from errno import EINVAL

        # On Windows a reader that has gone is EINVAL.
        return 141 if isinstance(problem, BrokenPipeError) or (os.name == "nt" and problem.errno == EINVAL) else 1
    return 0


if __name__ == "__main__":
    main()
