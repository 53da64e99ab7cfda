"""Sockets: one connection's life, and the pool that decides which connections exist."""

from ipymultichat.net.link import Link, LinkSettings
from ipymultichat.net.pool import Pool
from ipymultichat.net.probe import try_login

__all__ = ["Link", "LinkSettings", "Pool", "try_login"]
