"""Which tokens are accepted, and which team each one names."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from ipymultichat.model import Secret


class Tokens:
    """Any token, one token, or several with names.

    A team is what people and agents with the same token are. Its name is a hash of the token, or the name that the
    token has; stores know teams, never tokens. With names, a token can be replaced by another while requests wait.

    Args:
        accepted: None takes any token as the name of a team of its own; one token takes that alone; a mapping takes
            those in it, by name.
    """

    def __init__(self, accepted: Secret | Mapping[str, Secret] | None = None) -> None:
        self._accepted = accepted

    def team_of(self, token: str) -> str | None:
        """Return the team that a token names, or None where it is not accepted; takes the same time for all."""
        given = token.encode()
        if self._accepted is None:
            return _hashed(given)
        if isinstance(self._accepted, Secret):
            return _hashed(given) if hmac.compare_digest(given, self._accepted.reveal().encode()) else None
        found = None
        for name, secret in self._accepted.items():
            if hmac.compare_digest(given, secret.reveal().encode()):
                found = _named(name)
        return found

    def replace(self, accepted: Mapping[str, Secret]) -> frozenset[str]:
        """Take other tokens with names from here on; return the teams whose token so far is accepted no longer."""
        before = self._accepted if isinstance(self._accepted, Mapping) else {}
        self._accepted = accepted
        return frozenset(_named(name) for name, secret in before.items() if accepted.get(name) != secret)


def label_of(team: str) -> str:
    """Return what a log may call a team: the beginning of a hash, which is no token's and no name."""
    return hashlib.sha256(b"ipymultichat log\0" + team.encode()).hexdigest()[:8]


def _named(name: str) -> str:
    return f"name:{name}"


def _hashed(token: bytes) -> str:
    return "token:" + hashlib.sha256(b"ipymultichat team\0" + token).hexdigest()[:32]
