"""A real Jupyter kernel that a test runs cells in."""

import os
import time

from jupyter_client.manager import KernelManager


class Kernel:
    """One kernel; a cell is named, as notebooks name theirs.

    Args:
        folder: where its profile is kept.
    """

    def __init__(self, folder):
        self.manager = KernelManager(kernel_name="python3")
        self._environment = {**os.environ, "MULTICHAT_CONFIG_DIR": str(folder)}
        self.client = None

    def start(self):
        self.manager.start_kernel(env=self._environment)
        return self._connected()

    def restart(self):
        """As the button does: the old one is not asked to tidy up."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        return self._connected()

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def send(self, code, cell="cell"):
        """Start a cell; returns the id of its run."""
        session = self.client.session
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run(self, code, cell="cell", timeout=30):
        """Run a cell; returns what it printed. An error in it fails the test."""
        outcome, text = self.outcome(self.send(code, cell), timeout)
        assert outcome is None, f"{outcome}\n{text}"
        return text

    def outcome(self, run, timeout=30):
        """Wait for a cell; returns the name of its error or None, and what it printed."""
        error, text, deadline = None, [], time.monotonic() + timeout
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != run:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                text.append(content["text"])
            elif kind == "error":
                error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                return error, "".join(text)

    def _connected(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        return self
