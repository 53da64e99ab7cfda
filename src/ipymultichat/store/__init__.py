"""What outlives a kernel: the settings of each profile, and its history of messages."""

from ipymultichat.store.config import MEMORY, ConfigFile, config_path, read_server_file, read_settings
from ipymultichat.store.history import History, history_path

__all__ = ["MEMORY", "ConfigFile", "History", "config_path", "history_path", "read_server_file", "read_settings"]
