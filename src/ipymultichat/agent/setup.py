"""What to put into the settings of agents, so that they ask on a server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ipymultichat.agent.address import rpc_base
from ipymultichat.errors import ConfigError

NAME = "multichat"
"""What the server is called in the settings of agents."""

LONGEST = 3600
"""Seconds that a client is told to wait for a tool, where it can be told."""

VARIABLE = "MULTICHAT_TOKEN"

QUESTION = "Shall I go on?"


@dataclass(frozen=True)
class Access:
    """How a program of the agent's machine gets in.

    Attributes:
        url: the server, as people connect to it.
        options: what else `ipymultichat ask` and `mcp` are told.
        finds_token: whether these name where the token is, so that nothing else has to.
        token: the token itself, where it is to be in the text; else the text names `$MULTICHAT_TOKEN`.
    """

    url: str
    options: tuple[str, ...] = ()
    finds_token: bool = False
    token: str = field(default="", repr=False)

    @property
    def arguments(self) -> list[str]:
        """What `ipymultichat` is told, to serve the tools over a pipe."""
        return ["mcp", "--server", self.url, *self.options]

    def variables(self, key: str, reference: str) -> dict[str, object]:
        """Return the part of an agent's settings that holds the variables which `ipymultichat` needs; none, no part.

        Args:
            key: what the part is called there.
            reference: how the settings name a variable of the machine.
        """
        return {} if self.finds_token else {key: {VARIABLE: self.token or reference}}


@dataclass(frozen=True)
class Setup:
    """What to paste; as a string, that alone.

    Attributes:
        text: it.
        where: where to.
    """

    text: str = field(repr=False)
    where: str

    def __str__(self) -> str:
        return self.text


def agent_setup(client: str, access: Access) -> Setup:
    """Return what to paste, and where.

    Args:
        client: one of `CLIENTS`; `shell` is a command that asks by itself.
        access: how the agent gets in.

    Raises:
        ConfigError: no such client is known, or the address is none.
    """
    if client not in CLIENTS:
        raise ConfigError(f"no settings are known for {client!r}; there are {', '.join(CLIENTS)}", value=client)
    return CLIENTS[client](access)


def _shell(access: Access) -> Setup:
    line = shlex.join(["ipymultichat", "ask", access.url, QUESTION, *access.options])
    if not access.finds_token:
        line = f"{VARIABLE}={shlex.quote(access.token) if access.token else '…'} {line}"
    return Setup(line, "a terminal")


def _json(where: str, settings: Mapping[str, object]) -> Setup:
    return Setup(json.dumps(settings, indent=2, ensure_ascii=False), where)


def _claude_code(access: Access) -> Setup:
    token = access.token or f"${{{VARIABLE}}}"
    headers = {"Authorization": f"Bearer {token}"}
    server = {"type": "http", "url": f"{rpc_base(access.url)}/mcp", "headers": headers}
    return _json(".mcp.json in the project", {"mcpServers": {NAME: server}})


def _codex(access: Access) -> Setup:
    lines = [
        f"[mcp_servers.{NAME}]",
        'command = "ipymultichat"',
        f"args = {_toml(access.arguments)}",
    ]
    if not access.finds_token:
        named = f"env = {{ {VARIABLE} = {_toml(access.token)} }}" if access.token else f'env_vars = ["{VARIABLE}"]'
        lines.append(named)
    return Setup("\n".join([*lines, f"tool_timeout_sec = {LONGEST}"]), "~/.codex/config.toml")


def _toml(value: str | Iterable[str]) -> str:
    """Return a text, or texts, as TOML has them: as JSON does, but for one character that TOML escapes."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _cursor(access: Access) -> Setup:
    variables = access.variables("env", f"${{env:{VARIABLE}}}")
    server = {"command": "ipymultichat", "args": access.arguments, **variables}
    return _json(".cursor/mcp.json in the project", {"mcpServers": {NAME: server}})


def _vscode(access: Access) -> Setup:
    variables = access.variables("env", f"${{env:{VARIABLE}}}")
    server = {"type": "stdio", "command": "ipymultichat", "args": access.arguments, **variables}
    return _json(".vscode/mcp.json in the project", {"servers": {NAME: server}})


def _opencode(access: Access) -> Setup:
    variables = access.variables("environment", f"{{env:{VARIABLE}}}")
    command = ["ipymultichat", *access.arguments]
    server = {"type": "local", "command": command, **variables, "timeout": LONGEST * 1000}
    settings = {"$schema": "https://opencode.ai/config.json", "mcp": {NAME: server}}
    return _json("opencode.json in the project", settings)


CLIENTS: Mapping[str, Callable[[Access], Setup]] = {
    "claude-code": _claude_code,
    "codex": _codex,
    "cursor": _cursor,
    "vscode": _vscode,
    "opencode": _opencode,
    "shell": _shell,
}
"""Agents whose settings are known, and what makes them."""
