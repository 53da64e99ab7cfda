"""The embedded server: for first use, demos and tests.

Log levels of `ipymultichat.server`: WARNING for a client cut off, a request that is no HTTP, wrong tokens or a lack of
room, ERROR for a fault of the server itself, INFO and DEBUG for single connections. Tokens and messages are never
logged.
"""

import logging

try:
    from ipymultichat.server.local import LocalServer
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
        raise
    raise ImportError('the embedded server needs more packages: pip install "ipymultichat[server]"') from _error

from ipymultichat.server.faults import Faults
from ipymultichat.server.limits import Limits

__all__ = ["Faults", "Limits", "LocalServer"]

# Without a handler anywhere, Python would print warnings into the notebook's cells.
logging.getLogger("ipymultichat.server").addHandler(logging.NullHandler())
