"""What outlives a kernel: the config file of each profile."""

from ipymultichat.store.config import MEMORY, ConfigStore, StoredConfig, config_path
from ipymultichat.store.preferences import Preferences, Snippet

__all__ = ["MEMORY", "ConfigStore", "Preferences", "Snippet", "StoredConfig", "config_path"]
