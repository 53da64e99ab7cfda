"""`ipymultichat demo`: two servers, agents that ask, a colleague, and JupyterLab with the widget."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipymultichat.cli.children import Children, DemoError
from ipymultichat.errors import ServerStartError

HOST = "127.0.0.1"
NOTEBOOK = "quickstart.ipynb"
_START_SECONDS = 60.0


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "demo",
        help="two servers with agents asking, and JupyterLab with the widget",
        description="Starts two servers, agents that ask, a colleague who chats, and JupyterLab. Ctrl-C ends all of it.",
    )
    parser.add_argument("--port", type=int, default=0, help="port of JupyterLab (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C or SIGTERM; returns 0 then."""
    for module in ("jupyterlab", "starlette", "uvicorn"):
        if importlib.util.find_spec(module) is None:
            raise DemoError(f'the demo needs {module}: pip install "ipymultichat[demo]"')
    port = _free_port(args.port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="ipymultichat-demo-") as folder, Children() as children:
        try:
            url = _start(children, Path(folder), port)
            print(f"\nThe demo runs at\n\n    {url}\n\nRun the cell there. Ctrl-C here ends everything.\n", flush=True)
            if not args.no_browser:
                webbrowser.open(url)
            children.wait()
        except KeyboardInterrupt:
            print("\nstopping", flush=True)
    return 0


def _start(children: Children, folder: Path, port: int) -> str:
    token = secrets.token_urlsafe(12)
    chat = {**os.environ, "MULTICHAT_TOKEN": token}
    home = children.start_server("Home", chat)
    work = children.start_server("Work", chat)
    _write_profile(folder / "config", token, {"Home": home, "Work": work})
    children.start("the agents", [sys.executable, "-m", "ipymultichat.cli.actors", home, work], chat)
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    shutil.copy(notebook_path(), notebooks / NOTEBOOK)
    return _start_lab(children, folder, notebooks, port)


def notebook_path() -> Path:
    """Where the quickstart notebook is: in the installed package, else in the repository."""
    installed = Path(__file__).parent / NOTEBOOK
    return installed if installed.is_file() else Path(__file__).parents[3] / "notebooks" / NOTEBOOK


def lab_command(notebooks: Path, port: int) -> list[str]:
    """The command that runs JupyterLab on a folder, without the dialogs of a first start."""
    options = {
        "--ServerApp.ip": HOST,
        "--ServerApp.port": str(port),
        "--ServerApp.port_retries": "0",
        "--ServerApp.root_dir": str(notebooks),
        "--ServerApp.open_browser": "False",
        "--LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *(f"{key}={value}" for key, value in options.items()), *root]


def _start_lab(children: Children, folder: Path, notebooks: Path, port: int) -> str:
    access = secrets.token_hex(16)
    environment = {
        **{key: value for key, value in os.environ.items() if key != "MULTICHAT_TOKEN"},
        "JUPYTER_TOKEN": access,
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(_lab_settings(folder / "settings")),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "MULTICHAT_CONFIG_DIR": str(folder / "config"),
    }
    log = folder / "jupyterlab.log"
    lab = children.start("JupyterLab", lab_command(notebooks, port), environment, log=log)
    address = f"http://{HOST}:{port}"
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(f"{address}/api/status?token={access}"):
        if lab.poll() is not None or time.monotonic() > deadline:
            raise DemoError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
    return f"{address}/lab/tree/{NOTEBOOK}?token={access}"


def _lab_settings(folder: Path) -> Path:
    """Settings of a JupyterLab that asks nothing at its first start."""
    path = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    return folder


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  (our own loopback address)
            return bool(response.status == 200)
    except OSError:
        return False


def _write_profile(folder: Path, token: str, servers: Mapping[str, str]) -> None:
    folder.mkdir(mode=0o700)
    entries = [{"id": name.lower(), "name": name, "url": url, "isEnabled": True} for name, url in servers.items()]
    path = folder / "default.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"server_configs": entries, "token": token}))


def _free_port(wanted: int) -> int:
    if not 0 <= wanted <= 65535:
        raise ServerStartError(f"the port must be from 1 to 65535, not {wanted}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise ServerStartError(
                f"port {wanted} cannot be used: {error.strerror}; choose another with --port"
            ) from error
        return int(probe.getsockname()[1])
