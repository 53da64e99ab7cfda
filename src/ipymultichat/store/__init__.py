"""What outlives a kernel: the config file of each profile, and its history of messages."""

from ipymultichat.store.config import MEMORY, ConfigStore, StoredConfig, config_path
from ipymultichat.store.entries import read_file
from ipymultichat.store.files import history_path
from ipymultichat.store.history import History
from ipymultichat.store.nowhere import NoHistory
from ipymultichat.store.preferences import Preferences, Snippet
from ipymultichat.store.retention import Retention, read_retention
from ipymultichat.store.watch import FileWatch
from ipymultichat.store.writer import Timing

__all__ = [
    "MEMORY",
    "ConfigStore",
    "FileWatch",
    "History",
    "NoHistory",
    "Preferences",
    "Retention",
    "Snippet",
    "StoredConfig",
    "Timing",
    "config_path",
    "history_path",
    "read_file",
    "read_retention",
]
