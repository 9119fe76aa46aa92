"""dpx, the command line of Deploxa, and its Python client: see `client.py`. Nothing is imported before it is used."""

# ruff: noqa: F403, F405 - type checkers find the names of __all__ in these modules
# A literal: importlib.metadata.version() costs more than a whole `dpx --version`.
__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dpx_cli.api.rows import *
    from dpx_cli.client import *
    from dpx_cli.errors import *
    from dpx_cli.webhook.verify import *

__all__ = ["Client", "Deployed", "Deployment", "Member", "Organization", "Project", "Variable"]
__all__ += ["explain_signature", "verify_signature"]
__all__ += ["BadRequest", "DeploymentFailed", "DpxError", "Failed", "Forbidden", "InvalidResponse", "NetworkError"]
__all__ += ["NotFound", "NotLoggedIn", "OutcomeUnknown", "RateLimited", "ReadOnly", "ServerError", "TokenStorage"]
__all__ += ["Unauthorized", "UsageError", "WaitTimeout"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    modules = map(import_module, ("dpx_cli.errors", "dpx_cli.api.rows", "dpx_cli.webhook.verify", "dpx_cli.client"))
    return next(getattr(module, name) for module in modules if hasattr(module, name))
