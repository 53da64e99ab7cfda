"""A model that follows a script: an agent program asks it what to do, by chat completions or by messages.

The two interfaces are those of `POST /v1/chat/completions` and `POST /v1/messages`, as streams of events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TITLE = "Work"
"""What it says where the tool is not at hand: programs ask for the title of a conversation."""


class ScriptedModel:
    """Calls a tool once, and repeats what it returned; a context manager.

    Args:
        tool: how the name of the tool ends; programs put something before it.
        arguments: what it is called with.
    """

    def __init__(self, tool: str, arguments: dict[str, Any]) -> None:
        self.heard: list[str] = []
        self._tool = tool
        self._arguments = json.dumps(arguments)
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                messages = "/messages" in self.path
                for event in model._messages(asked) if messages else model._completions(asked):
                    self.wfile.write(event.encode() + b"\n\n")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ScriptedModel:  # noqa: PYI034  (not meant to be subclassed)
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _completions(self, asked: dict[str, Any]) -> Iterator[str]:
        results = [message["content"] for message in asked["messages"] if message["role"] == "tool"]
        name = self._name([tool["function"]["name"] for tool in asked.get("tools", ())])
        if results:
            yield _completion({"role": "assistant", "content": self._report(results[-1])})
            yield _completion({}, "stop")
        elif name:
            function = {"name": name, "arguments": self._arguments}
            calls = [{"index": 0, "id": "call1", "type": "function", "function": function}]
            yield _completion({"role": "assistant", "tool_calls": calls})
            yield _completion({}, "tool_calls")
        else:
            yield _completion({"role": "assistant", "content": TITLE})
            yield _completion({}, "stop")
        yield "data: [DONE]"

    def _messages(self, asked: dict[str, Any]) -> Iterator[str]:
        parts = [part for message in asked["messages"] for part in message["content"] if isinstance(part, dict)]
        results = [part["content"] for part in parts if part["type"] == "tool_result"]
        name = self._name([tool["name"] for tool in asked.get("tools", ())])
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "m1", "type": "message", "role": "assistant", "model": asked["model"], "content": []}
        yield _event("message_start", message={**message, "stop_reason": None, "usage": usage})
        if name and not results:
            block: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": self._arguments}
        else:
            block = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": self._report(results[-1]) if results else TITLE}
        yield _event("content_block_start", index=0, content_block=block)
        yield _event("content_block_delta", index=0, delta=delta)
        yield _event("content_block_stop", index=0)
        reason = "tool_use" if block["type"] == "tool_use" else "end_turn"
        yield _event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)
        yield _event("message_stop")

    def _name(self, names: list[str]) -> str:
        return next((name for name in names if name.endswith(self._tool)), "")

    def _report(self, result: Any) -> str:
        said = result if isinstance(result, str) else json.dumps(result)
        self.heard.append(said)
        return f"The tool said: {said}"


def _completion(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    made = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "script", "choices": [choice]}
    return f"data: {json.dumps(made)}"


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}"
