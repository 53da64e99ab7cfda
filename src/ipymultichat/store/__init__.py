"""What outlives a kernel: the config file of each profile."""

from ipymultichat.store.config import MEMORY, ConfigStore, StoredConfig, config_path

__all__ = ["MEMORY", "ConfigStore", "StoredConfig", "config_path"]
