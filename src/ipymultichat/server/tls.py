"""TLS: a certificate and its key for the listener."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

from ipymultichat.errors import ConfigError


def make_context(
    certfile: str | os.PathLike[str] | None, keyfile: str | os.PathLike[str] | None
) -> ssl.SSLContext | None:
    """Read a certificate and its key.

    Args:
        certfile: the certificate, with those between it and its authority after it, in PEM; None for no TLS.
        keyfile: its key in PEM, without a passphrase; None where the certificate's file holds it.

    Raises:
        ConfigError: a file cannot be read, is not what it should be, or the two do not belong together; it names the
            file and the remedy.
    """
    if certfile is None:
        if keyfile is not None:
            raise ConfigError(f"there is a key, {keyfile}, but no certificate: give certfile as well")
        return None
    chain = _read(certfile, "certificate")
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise ConfigError(f"there is no certificate in {certfile}: give one in PEM, '-----BEGIN CERTIFICATE-----'")
    key = certfile if keyfile is None else keyfile
    if b"PRIVATE KEY-----" not in (chain if keyfile is None else _read(keyfile, "key")):
        raise ConfigError(f"there is no key in {key}: give one in PEM, '-----BEGIN PRIVATE KEY-----', as keyfile")

    def passphrase() -> str:  # or OpenSSL would ask for it at the terminal
        raise ConfigError(f"the key in {key} is encrypted: give one without a passphrase that only its owner can read")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certfile, key, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"the key in {key} is not that of the certificate in {certfile}") from error
        raise ConfigError(
            f"the certificate in {certfile} and the key in {key} cannot be used: {error.reason}"
        ) from error
    return context


def read_little(transport: asyncio.BaseTransport, size: int) -> None:
    """Let no more than about so many bytes of a connection be read at a time, encrypted or not."""
    if hasattr(transport, "max_size"):  # asyncio's own, 256 KiB
        transport.max_size = size
    encrypted = getattr(transport, "_ssl_protocol", None)
    if encrypted is not None and hasattr(encrypted, "_ssl_buffer"):
        # Since Python 3.11 TLS has a buffer of its own, of the same size, and no setting for it.
        encrypted.max_size = size
        encrypted._ssl_buffer = bytearray(size)  # noqa: SLF001
        encrypted._ssl_buffer_view = memoryview(encrypted._ssl_buffer)  # noqa: SLF001
    elif encrypted is not None:
        read_little(encrypted._transport, size)  # noqa: SLF001


def _read(path: str | os.PathLike[str], what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"the {what} in {path} cannot be read: {error.strerror}") from error
