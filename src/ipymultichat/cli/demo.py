"""`ipymultichat demo`: two servers, agents that ask, a colleague, and JupyterLab with the widget."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipymultichat.cli.children import HOST, Children, DemoError, has_groups
from ipymultichat.cli.ending import end_as_interrupt, restore_interrupts
from ipymultichat.cli.lab import Lab
from ipymultichat.errors import ServerStartError

NOTEBOOK = "quickstart.ipynb"


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "demo",
        help="two servers with agents asking, and JupyterLab with the widget",
        description="Starts two servers, agents that ask, a colleague, and JupyterLab. Ctrl-C ends all of it.",
    )
    parser.add_argument("--port", type=int, default=0, help="port of JupyterLab (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C, SIGTERM or the end of its terminal; returns 0 then."""
    restore_interrupts()
    for module in ("jupyterlab", "starlette", "uvicorn"):
        if importlib.util.find_spec(module) is None:
            raise DemoError(f'the demo needs {module}: pip install "ipymultichat[demo]"')
    port = free_port(args.port)
    end_as_interrupt()
    with (
        contextlib.suppress(KeyboardInterrupt),
        # Without groups, a kernel may still be ending, and Windows does not delete what is in use.
        tempfile.TemporaryDirectory(prefix="ipymultichat-demo-", ignore_cleanup_errors=not has_groups()) as folder,
        Children() as children,
    ):
        try:
            url = _start(children, Path(folder), port)
            print(f"\nThe demo runs at\n\n    {url}\n\nCtrl-C here ends everything.\n", flush=True)
            if not args.no_browser:
                webbrowser.open(url)
            children.wait()
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):  # the terminal may be gone
                print("\nstopping", flush=True)
    return 0


def _start(children: Children, folder: Path, port: int) -> str:
    token = secrets.token_urlsafe(12)
    settings = {"MULTICHAT_CONFIG_DIR": str(folder / "config")}  # the servers keep what they hold there, too
    chat = {**os.environ, **settings, "MULTICHAT_TOKEN": token}
    home = children.start_server("Home", chat)
    work = children.start_server("Work", chat)
    _write_profile(folder / "config", token, {"Home": home, "Work": work})
    children.start("the agents", [sys.executable, "-m", "ipymultichat.cli.actors", home, work], chat)
    lab = Lab(children, folder, port, settings)
    shutil.copy(notebook_path(), lab.notebooks / NOTEBOOK)
    lab.start()
    lab.run_cell(NOTEBOOK, "inbox")
    return lab.address_of(NOTEBOOK)


def notebook_path() -> Path:
    """Where the quickstart notebook is: in the installed package, else in the repository."""
    installed = Path(__file__).parent / NOTEBOOK
    return installed if installed.is_file() else Path(__file__).parents[3] / "notebooks" / NOTEBOOK


def _write_profile(folder: Path, token: str, servers: Mapping[str, str]) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    entries = [{"id": name.lower(), "name": name, "url": url, "isEnabled": True} for name, url in servers.items()]
    path = folder / "default.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"server_configs": entries, "token": token}))


def free_port(wanted: int) -> int:
    """Return a port on the loopback interface that can be used: the one wanted, or for 0 any.

    Raises:
        ServerStartError: it cannot be used.
    """
    if not 0 <= wanted <= 65535:
        raise ServerStartError(f"the port must be from 1 to 65535, not {wanted}")
    with socket.socket() as probe:
        if os.name == "posix":  # Windows would share a port that is in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise ServerStartError(
                f"port {wanted} cannot be used: {error.strerror}; choose another with --port"
            ) from error
        return int(probe.getsockname()[1])
