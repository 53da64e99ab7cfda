"""Several tokens with names, in a file: one `NAME = TOKEN` a line."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from ipymultichat.errors import ConfigError
from ipymultichat.model import Secret, token_of
from ipymultichat.server.limits import MIB

logger: logging.Logger = logging.getLogger("ipymultichat.server")

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

MOST_BYTES = MIB
"""A file that is larger holds something else."""


class TokenFile:
    """A file with tokens, and which version of it was read last. Every method touches the disk.

    Lines that are empty or begin with `#` are left out. No error holds a token.

    Args:
        path: where it is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
            raise ConfigError(f"tokens is the path of a file, not {type(path).__name__}")
        self.path: Path = Path(path).expanduser()
        self._seen: object = None

    def read(self, *, quietly: bool = False) -> Mapping[str, Secret]:
        """Return the tokens by name; where others than its owner can read the file, the log gets a warning.

        Args:
            quietly: whether the warning is left out.

        Raises:
            ConfigError: the file cannot be read, or one of its lines cannot be used; it names the file, the line and
                the remedy.
        """
        self._seen = self._stamp()
        try:
            found = self.path.stat()
            # A pipe would be waited for, and a device has no end.
            content = self._content() if stat.S_ISREG(found.st_mode) else None
        except OSError as error:
            raise ConfigError(f"the tokens in {self.path} cannot be read: {error.strerror}") from error
        if content is None:
            raise ConfigError(f"the tokens in {self.path} cannot be read: it is no file")
        if len(content) > MOST_BYTES:
            raise ConfigError(f"the tokens in {self.path} cannot be read: a file of more than {MOST_BYTES} bytes")
        try:
            tokens = self._parsed(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ConfigError(f"the tokens in {self.path} cannot be read: save the file as UTF-8") from None
        if os.name == "posix" and found.st_mode & 0o077 and not quietly:
            logger.warning(
                "the tokens in %s could be read by others; let only their owner: chmod 600 %s", self.path, self.path
            )
        return tokens

    def changed(self) -> bool:
        """Whether the file is another one than was read last."""
        return self._stamp() != self._seen

    def _content(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(MOST_BYTES + 1)

    def _stamp(self) -> object:
        try:
            found = self.path.stat()
        except OSError as error:
            return error.errno
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _parsed(self, text: str) -> Mapping[str, Secret]:
        tokens: dict[str, Secret] = {}
        lines: dict[str | Secret, int] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            # No part of a line is repeated: what stands where the name should be may be a token.
            where = f"{self.path}, line {number}"
            name, separator, token = (part.strip() for part in line.partition("="))
            if not separator or not NAME.fullmatch(name):
                raise ConfigError(f"{where}: write NAME = TOKEN, with a name of 1 to 64 letters, digits, _ . and -")
            try:
                secret = token_of(token)
            except ConfigError:
                raise ConfigError(f"{where}: write a token of printable characters after the =") from None
            if name in lines:
                raise ConfigError(f"{where}: the name is that of line {lines[name]}, write each name once")
            if secret in lines:
                raise ConfigError(f"{where}: the token is that of line {lines[secret]}, give each name its own")
            tokens[name] = secret
            lines[name] = lines[secret] = number
        if not tokens:
            raise ConfigError(f"the tokens in {self.path} cannot be used: there is none, write NAME = TOKEN")
        return tokens
