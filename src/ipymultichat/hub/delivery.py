"""What a person holds after sending something: the promise of proof."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Generator

from ipymultichat.errors import DeliveryError, WaitTimeoutError
from ipymultichat.model import Message


class Delivery:
    """A reply or chat message on its way. Await it in any loop, or leave it: it goes on by itself.

    `await delivery` returns the `Message` once it is proved to have arrived, or raises `DeliveryError`. Interrupting
    the wait does not stop the delivery.

    Attributes:
        message_id: id of the message in the inbox.
    """

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self._outcome: concurrent.futures.Future[Message] = concurrent.futures.Future()

    def __await__(self) -> Generator[object, None, Message]:
        return self._wait().__await__()

    async def _wait(self) -> Message:
        # Cancelling the wait must not reach the future that others wait for, too.
        return await asyncio.shield(asyncio.wrap_future(self._outcome))

    def done(self) -> bool:
        """Whether it is settled, well or badly."""
        return self._outcome.done()

    def result(self, timeout: float | None = None) -> Message:
        """Wait without a loop (`io="thread"`, or from another thread).

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            DeliveryError: it was not proved to have arrived.
            WaitTimeoutError: it is not settled yet.
        """
        try:
            return self._outcome.result(timeout)
        except concurrent.futures.TimeoutError as error:
            if self._outcome.done():
                raise
            raise WaitTimeoutError(f"the delivery is not settled after {timeout:g} s") from error

    def succeed(self, message: Message) -> None:
        """Settle it well."""
        if not self._outcome.done():
            self._outcome.set_result(message)

    def fail(self, error: DeliveryError) -> None:
        """Settle it badly."""
        if not self._outcome.done():
            self._outcome.set_exception(error)

    def __repr__(self) -> str:
        return f"<Delivery of {self.message_id}: {'settled' if self.done() else 'on its way'}>"
