"""A real Jupyter kernel that a test runs cells in."""

import asyncio
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.manager import AsyncKernelManager


class Kernel:
    """One kernel; a cell is named, as notebooks name theirs.

    Args:
        folder: where its profile is kept.
    """

    def __init__(self, folder: Path) -> None:
        # Ports are chosen before they are bound, and the tests beside this one take many; sockets in files need none,
        # but a path of at most 100 bytes, which a test's own folder may exceed.
        self._sockets = TemporaryDirectory()
        self.manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{self._sockets.name}/k")
        self._environment = {**os.environ, "MULTICHAT_CONFIG_DIR": str(folder)}
        self.client: Any = None

    async def start(self) -> "Kernel":
        await self.manager.start_kernel(env=self._environment)
        return await self._connected()

    async def restart(self) -> None:
        """As the button does: the old one is not asked to tidy up."""
        self.client.stop_channels()
        await self.manager.restart_kernel(now=True)
        await self._connected()

    async def kill(self) -> None:
        """As a machine that runs out of memory does it; `restart` starts the next one."""
        await self.manager.signal_kernel(signal.SIGKILL)
        await self.manager.provisioner.wait()

    async def stop(self) -> None:
        self.client.stop_channels()
        await self.manager.shutdown_kernel(now=True)
        await self.manager.cleanup_resources()
        self.manager.context.destroy()
        self._sockets.cleanup()

    def send(self, code: str, cell: str = "cell") -> str:
        """Start a cell; returns the id of its run."""
        session = self.client.session
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    async def run(self, code: str, cell: str = "cell") -> str:
        """Run a cell; returns what it printed. An error in it fails the test."""
        outcome, text = await self.outcome(self.send(code, cell))
        assert outcome is None, f"{outcome}\n{text}"
        return text

    async def prints(self, text: str) -> None:
        """Wait until the running cell prints something that begins so."""
        while True:
            message = await asyncio.wait_for(self.client.get_iopub_msg(), 30)
            if message["msg_type"] == "stream" and message["content"]["text"].startswith(text):
                return

    async def outcome(self, run: str) -> tuple[str | None, str]:
        """Wait for a cell; returns the name of its error or None, and what it printed."""
        return await asyncio.wait_for(self._outcome(run), 30)

    async def _outcome(self, run: str) -> tuple[str | None, str]:
        error: str | None = None
        text: list[str] = []
        while True:
            message = await self.client.get_iopub_msg()
            if message["parent_header"].get("msg_id") != run:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                text.append(content["text"])
            elif kind == "error":
                error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                return error, "".join(text)

    async def _connected(self) -> "Kernel":
        self.client = self.manager.client()
        self.client.start_channels()
        await self.client.wait_for_ready(timeout=60)
        return self
