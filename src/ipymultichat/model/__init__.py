"""Plain frozen data: no I/O, no protobuf, no Jupyter."""

from ipymultichat.model.content import (
    AudioContent,
    Content,
    ImageContent,
    ResourceContent,
    TextContent,
    UnknownContent,
    text_of,
)
from ipymultichat.model.entry import Conversation, Entry, Order
from ipymultichat.model.enums import ConnectionState, MessageKind, MessageStatus
from ipymultichat.model.filter import UNSETTLED, MessageFilter, searchable
from ipymultichat.model.identity import nickname_of, token_of
from ipymultichat.model.message import Message, Option, Question, Reply
from ipymultichat.model.secret import Secret
from ipymultichat.model.server import OnlineUser, ServerConfig, ServerStatus, normalize_url, server_config

__all__ = [
    "UNSETTLED",
    "AudioContent",
    "ConnectionState",
    "Content",
    "Conversation",
    "Entry",
    "ImageContent",
    "Message",
    "MessageFilter",
    "MessageKind",
    "MessageStatus",
    "OnlineUser",
    "Option",
    "Order",
    "Question",
    "Reply",
    "ResourceContent",
    "Secret",
    "ServerConfig",
    "ServerStatus",
    "TextContent",
    "UnknownContent",
    "nickname_of",
    "normalize_url",
    "searchable",
    "server_config",
    "text_of",
    "token_of",
]
