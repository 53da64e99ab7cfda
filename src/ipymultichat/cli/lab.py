"""A JupyterLab of our own: a child process with its own folder, without the dialogs of a first start."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipymultichat.cli.children import HOST, Children, DemoError

_START_SECONDS = 60.0
_CELL_SECONDS = 60.0


class Lab:
    """JupyterLab on a folder of notebooks.

    Args:
        children: who ends it.
        folder: where it keeps everything: notebooks, settings, workspaces, runtime files.
        port: where it listens, on the loopback interface.
        environment: variables for its kernels, beyond those of this process.
    """

    def __init__(self, children: Children, folder: Path, port: int, environment: Mapping[str, str]) -> None:
        self.notebooks: Path = folder / "notebooks"
        self.notebooks.mkdir(parents=True)
        self._children = children
        self._folder = folder
        self._port = port
        self._token = secrets.token_hex(16)
        self._environment = environment

    def start(self) -> None:
        """Start it; returns when it answers.

        Raises:
            DemoError: it does not start; with the end of its log.
        """
        log = self._folder / "jupyterlab.log"
        process = self._children.start("JupyterLab", self._command(), self._variables(), log=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.request("GET", "status")
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise DemoError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}") from None
                time.sleep(0.2)
            else:
                return

    def address_of(self, notebook: str) -> str:
        """The address that opens a notebook; it holds the key to this JupyterLab."""
        return f"http://{HOST}:{self._port}/lab/tree/{notebook}?token={self._token}"

    def run_cell(self, notebook: str, cell: str) -> None:
        """Run a cell and save its output, so that the notebook opens with it, on the kernel that ran it.

        Raises:
            DemoError: the cell failed.
        """
        session = self.request(
            "POST",
            "sessions",
            {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}},
        )
        path = self.notebooks / notebook
        document = json.loads(path.read_text("utf-8"))
        target = next(item for item in document["cells"] if item["id"] == cell)
        target["outputs"] = self._execute(session["kernel"]["id"], cell, "".join(target["source"]))
        target["execution_count"] = 1
        path.write_text(json.dumps(document, indent=1), "utf-8")
        # Without this, JupyterLab does not show widgets that it did not see being made.
        self.request("POST", f"contents/{notebook}/trust")

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Ask JupyterLab's own API.

        Args:
            method: of HTTP.
            path: below `/api/`.
            body: sent as JSON.

        Returns:
            What it answered, from JSON.

        Raises:
            OSError: it does not answer, or answers with an error.
        """
        request = urllib.request.Request(
            f"http://{HOST}:{self._port}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.loads(response.read() or b"null")

    def _execute(self, kernel: str, cell: str, code: str) -> list[dict[str, Any]]:
        from jupyter_client.blocking.client import BlockingKernelClient

        client = BlockingKernelClient(connection_file=str(self._folder / "runtime" / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels()
        # A kernel that starts on a busy machine is silent for longer than the second after which it counts as dead.
        client.hb_channel.time_to_dead = _CELL_SECONDS
        try:
            client.wait_for_ready(timeout=_CELL_SECONDS)
            content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
            request = client.session.msg("execute_request", content, metadata={"cellId": cell})
            client.shell_channel.send(request)
            return self._outputs(client, request["header"]["msg_id"])
        finally:
            client.stop_channels()

    def _outputs(self, client: Any, request: str) -> list[dict[str, Any]]:
        outputs = []
        while True:
            message = client.get_iopub_msg(timeout=_CELL_SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                raise DemoError(f"the notebook's cell failed: {content['ename']}: {content['evalue']}")
            if kind in ("execute_result", "display_data"):
                outputs.append(
                    {
                        "output_type": kind,
                        "data": content["data"],
                        "metadata": content["metadata"],
                        **({"execution_count": 1} if kind == "execute_result" else {}),
                    }
                )
            if kind == "status" and content["execution_state"] == "idle":
                return outputs

    def _command(self) -> list[str]:
        options = {
            "--ServerApp.ip": HOST,
            "--ServerApp.port": str(self._port),
            "--ServerApp.port_retries": "0",
            "--ServerApp.root_dir": str(self.notebooks),
            "--ServerApp.open_browser": "False",
            "--LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        }
        root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        return [sys.executable, "-m", "jupyterlab", *(f"{key}={value}" for key, value in options.items()), *root]

    def _variables(self) -> dict[str, str]:
        settings = self._folder / "settings"
        notification = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        notification.parent.mkdir(parents=True)
        notification.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
        # The token of the chat servers is for the profile's file; no kernel needs it in its environment.
        inherited = {key: value for key, value in os.environ.items() if key != "MULTICHAT_TOKEN"}
        return {
            **inherited,
            "JUPYTER_TOKEN": self._token,
            "JUPYTER_DATA_DIR": str(self._folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._folder / "workspaces"),
            **self._environment,
        }
