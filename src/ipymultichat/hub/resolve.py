"""From what a person writes to what is meant: servers, users, messages, conditions; errors list the candidates."""

from __future__ import annotations

from collections.abc import Sequence

from ipymultichat.errors import (
    AmbiguousServerError,
    AmbiguousUserError,
    NotAnswerableError,
    UnknownServerError,
    UnknownUserError,
)
from ipymultichat.inbox import Inbox
from ipymultichat.model import Message, MessageKind, MessageStatus, OnlineUser, ServerConfig
from ipymultichat.model.life import SENDABLE


def server(servers: Sequence[ServerConfig], wanted: str | ServerConfig) -> ServerConfig:
    """The server meant by an id, a label or an entry.

    Raises:
        UnknownServerError, AmbiguousServerError: with the candidates.
    """
    name = wanted.id if isinstance(wanted, ServerConfig) else wanted
    labels = [config.label for config in servers]
    for found in ([c for c in servers if c.id == name], [c for c in servers if c.label == name]):
        if len(found) == 1:
            return found[0]
        if found:
            ids = [config.id for config in found]
            raise AmbiguousServerError(
                f"{len(found)} servers are called {name!r}; say which by id: {', '.join(ids)}",
                name=str(name),
                candidates=ids,
            )
    there = ", ".join(repr(label) for label in labels) or "none yet; add one with add_server('ws://…')"
    raise UnknownServerError(f"no server {name!r}; there are: {there}", name=str(name), candidates=labels)


def answerable(inbox: Inbox, message: Message | str) -> Message:
    """The message as it stands now, if it takes an answer.

    Raises:
        UnknownMessageError: it is not in the inbox.
        NotAnswerableError: it takes no answer, with the reason.
    """
    current = _current(inbox, message)
    if current.answerable:
        return current
    if current.kind is MessageKind.CHAT:
        raise NotAnswerableError("a chat message is answered with send(), not reply()", message=current)
    if current.status is MessageStatus.SENDING:
        raise NotAnswerableError("an answer to it is on its way already", message=current)
    by = f" by {current.reply.by}" if current.reply and current.reply.by else ""
    raise NotAnswerableError(f"it takes no answer any more: it is {current.status}{by}", message=current)


def sendable_again(inbox: Inbox, message: Message | str) -> Message:
    """The chat message as it stands now, if it is ours and failed.

    Raises:
        UnknownMessageError: it is not in the inbox.
        NotAnswerableError: it cannot be sent again, with the reason.
    """
    current = _current(inbox, message)
    if current.kind is not MessageKind.CHAT or not current.mine:
        raise NotAnswerableError("only a chat message of your own can be sent again", message=current)
    if current.status not in SENDABLE[current.kind]:
        raise NotAnswerableError(f"it needs no other try: it is {current.status}", message=current)
    return current


def discardable(inbox: Inbox, message: Message | str) -> Message:
    """The message as it stands now, if it can be put away: it failed, or it waits.

    Raises:
        UnknownMessageError: it is not in the inbox.
        NotAnswerableError: there is nothing to put away, with the reason.
    """
    current = _current(inbox, message)
    if current.status is MessageStatus.SENDING:
        raise NotAnswerableError("what you sent is on its way; it can be put away when it failed", message=current)
    if not current.open:
        raise NotAnswerableError(f"there is nothing to put away: it is {current.status}", message=current)
    return current


def on_its_way(inbox: Inbox, message: Message | str) -> Message:
    """The request as it stands now, if an answer to it is on its way.

    Raises:
        UnknownMessageError: it is not in the inbox.
        NotAnswerableError: there is no answer on its way.
    """
    current = _current(inbox, message)
    if current.kind is MessageKind.CHAT or current.status is not MessageStatus.SENDING:
        raise NotAnswerableError(f"there is no answer on its way: it is {current.status}", message=current)
    return current


def _current(inbox: Inbox, message: Message | str) -> Message:
    return inbox.get(message.id if isinstance(message, Message) else message)


def receiver(
    servers: Sequence[ServerConfig], users: Sequence[OnlineUser], peers: set[tuple[str, str]], wanted: OnlineUser | str
) -> OnlineUser:
    """The person meant, as they are online now.

    Somebody who reconnected has another client id: the name finds them again. Somebody who left is returned with an
    empty client id, so that the message can be shown as not delivered.

    Args:
        servers: the server list.
        users: everybody online.
        peers: everybody (server id, nickname) known from earlier.
        wanted: an `OnlineUser`, or "nickname@server label".

    Raises:
        UnknownUserError, AmbiguousUserError, UnknownServerError: with the candidates.
    """
    titles = [user.title for user in users]
    if isinstance(wanted, OnlineUser):
        server(servers, wanted.server_id)
        options = [(wanted.nickname, wanted.server_id)]
        exact = [user for user in users if (user.client_id, user.server_id) == (wanted.client_id, wanted.server_id)]
        if exact:
            return exact[0]
    else:
        options = _readings(servers, wanted, titles)
    found = [user for user in users if (user.nickname, user.server_id) in options]
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousUserError(
            f"{len(found)} people called {found[0].title!r} are online; pass one of chat.users",
            name=str(wanted),
            candidates=[user.client_id for user in found],
        )
    gone = [(name, key) for name, key in options if isinstance(wanted, OnlineUser) or (key, name) in peers]
    if gone:
        name, key = gone[0]
        return OnlineUser("", name, key, server(servers, key).label)
    raise UnknownUserError(
        f"nobody called {wanted!r} is online; online are: {', '.join(titles) or 'nobody'}",
        name=str(wanted),
        candidates=titles,
    )


def _readings(servers: Sequence[ServerConfig], wanted: str, titles: list[str]) -> list[tuple[str, str]]:
    """Every way to split "nickname@label": both halves may hold an "@" themselves."""
    if not isinstance(wanted, str) or "@" not in wanted:
        raise UnknownUserError(
            f"{wanted!r} names no user; write 'nickname@server', such as {', '.join(titles[:3]) or 'ada@Work'}",
            name=str(wanted),
            candidates=titles,
        )
    cuts = [index for index, letter in enumerate(wanted) if letter == "@"]
    readings = [
        (wanted[:cut], config.id)
        for cut in cuts
        for config in servers
        if wanted[cut + 1 :] in (config.label, config.id)
    ]
    if not readings:
        label = wanted.rpartition("@")[2]
        labels = [config.label for config in servers]
        raise UnknownServerError(f"no server {label!r}; there are: {', '.join(labels)}", name=label, candidates=labels)
    return readings
