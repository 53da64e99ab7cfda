"""What we can tell a server, as typed commands."""

from __future__ import annotations

from dataclasses import dataclass

from ipymultichat.model import Content, Secret
from ipymultichat.wire.events import Request


@dataclass(frozen=True)
class Login:
    """Join the group named by the token; a second one on the same socket renames."""

    token: Secret
    nickname: str


@dataclass(frozen=True)
class GetPending:
    """Ask for every request that still waits."""

    token: Secret


@dataclass(frozen=True)
class GetUsers:
    """Ask who else is online."""

    token: Secret


@dataclass(frozen=True)
class CheckValidity:
    """Ask which of these requests still wait."""

    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class AnswerRequest:
    """Reply to a question or report."""

    request: Request
    contents: tuple[Content, ...]


@dataclass(frozen=True)
class SendChat:
    """Send a chat message to one connection."""

    receiver_id: str
    text: str


Command = Login | GetPending | GetUsers | CheckValidity | AnswerRequest | SendChat
