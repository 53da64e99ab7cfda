"""Finding what a person means by a name, with an error that lists the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ipymultichat.errors import (
    AmbiguousServerError,
    AmbiguousUserError,
    ConfigError,
    NotAnswerableError,
    UnknownServerError,
    UnknownUserError,
)
from ipymultichat.inbox import Inbox
from ipymultichat.model import Message, MessageKind, MessageStatus, OnlineUser, ServerConfig


def distinct(servers: Iterable[ServerConfig]) -> tuple[ServerConfig, ...]:
    """Check that no address and no id stands in the list twice.

    Raises:
        ConfigError: naming the one that does.
    """
    found: dict[str, ServerConfig] = {}
    for config in servers:
        twin = next((other for other in found.values() if config.url == other.url or config.id == other.id), None)
        if twin is not None:
            raise ConfigError(
                f"{config.url!r} is in the server list already (as {twin.label!r}); change that entry instead",
                value=config.url,
            )
        found[config.id] = config
    return tuple(found.values())


def keep_ids(servers: tuple[ServerConfig, ...], known: Iterable[ServerConfig]) -> tuple[ServerConfig, ...]:
    """Give entries the id, and where they have none the name, that their address is known by."""
    by_url = {config.url: config for config in known}
    return tuple(
        replace(config, id=by_url[config.url].id, name=config.name or by_url[config.url].name)
        if config.url in by_url
        else config
        for config in servers
    )


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
    current = inbox.get(message.id if isinstance(message, Message) else message)
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
    current = inbox.get(message.id if isinstance(message, Message) else message)
    if current.kind is not MessageKind.CHAT or not current.mine:
        raise NotAnswerableError("only a chat message of your own can be sent again", message=current)
    if current.status is not MessageStatus.FAILED:
        raise NotAnswerableError(f"it needs no other try: it is {current.status}", message=current)
    return current


def receiver(
    servers: Sequence[ServerConfig],
    users: Sequence[OnlineUser],
    peers: set[tuple[str, str]],
    wanted: OnlineUser | str,
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
