"""The tools over a pipe: standard input and output belong to the protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification

from ipymultichat.mcp.tools import Tools, timed_out


async def serve_stdio(tools: Tools, hang_up: Callable[[], Awaitable[None]]) -> None:
    """Serve one client until it closes the pipe; both eras, several calls at once.

    Args:
        tools: what is offered.
        hang_up: awaited when the client has closed the pipe, before its calls are cancelled: only what is cancelled
            before that was cancelled by the client.
    """
    server = tools.server()
    send, receive = anyio.create_memory_object_stream[SessionMessage | Exception](0)

    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as tasks:

        async def pump() -> None:
            async with send:
                async for message in incoming:
                    if not _gives_up(message):
                        await send.send(message)
                await hang_up()

        tasks.start_soon(pump)
        await server.run(receive, outgoing, server.create_initialization_options())


def _gives_up(message: SessionMessage | Exception) -> bool:
    """Whether a client only says that it waits for a call no longer: then the call goes on, for `await_answer`."""
    if isinstance(message, Exception) or not isinstance(message.message, JSONRPCNotification):
        return False
    notification = message.message
    return notification.method == "notifications/cancelled" and timed_out(notification.params or {})
