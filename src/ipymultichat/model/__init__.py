"""Plain frozen data: no I/O, no protobuf, no Jupyter."""

from ipymultichat.model.filter import MessageFilter, searchable
from ipymultichat.model.identity import Secret, nickname_of, token_of
from ipymultichat.model.life import ANSWERED, OPEN, MessageKind, MessageStatus
from ipymultichat.model.message import (
    Asked,
    AudioContent,
    Content,
    Conversation,
    Entry,
    ImageContent,
    Message,
    Option,
    Order,
    Question,
    Reply,
    ResourceContent,
    TextContent,
    UnknownContent,
    text_of,
)
from ipymultichat.model.server import (
    ConnectionState,
    OnlineUser,
    ServerConfig,
    ServerStatus,
    normalize_url,
    server_config,
)
from ipymultichat.model.settings import Preferences, Retention, Settings, Snippet

__all__ = [
    "ANSWERED",
    "OPEN",
    "Asked",
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
    "Preferences",
    "Question",
    "Reply",
    "ResourceContent",
    "Retention",
    "Secret",
    "ServerConfig",
    "ServerStatus",
    "Settings",
    "Snippet",
    "TextContent",
    "UnknownContent",
    "nickname_of",
    "normalize_url",
    "searchable",
    "server_config",
    "text_of",
    "token_of",
]
