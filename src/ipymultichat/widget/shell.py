"""Publishing outside any cell, so that what the person clicks need not wait for one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from IPython.core.getipython import get_ipython


@contextlib.contextmanager
def outside_cells() -> Iterator[None]:
    """Publish to the frontend without a parent request.

    ipykernel 7 runs frontend messages in a thread of their own (a subshell), unless the widget published from within
    a cell: then they wait for the main thread, and so for the cell that is running there. It keeps the parent request
    in a context variable; with that one empty, it leaves the messages where they came in. Other kernels and
    versions are left alone.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    parent = getattr(kernel, "_shell_parent", None)
    if not isinstance(parent, ContextVar):
        yield
        return
    token = parent.set({})
    try:
        yield
    finally:
        parent.reset(token)
