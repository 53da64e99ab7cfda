"""`ipymultichat ask`: one question or report from a shell, answered by a person."""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipymultichat.agent import AgentClient, Answer, Decision, HumanAnswer, ask_human
from ipymultichat.agent.address import rpc_base
from ipymultichat.errors import (
    AgentError,
    AgentTimeoutError,
    ConfigError,
    NoHumanOnlineError,
    RequestCancelledError,
    RequestRefusedError,
    ServerUnreachableError,
    StoreError,
)
from ipymultichat.model import AudioContent, Content, ImageContent, ResourceContent, TextContent
from ipymultichat.store import read_settings

EXIT_CODES: Mapping[type[AgentError], int] = {
    NoHumanOnlineError: 3,
    AgentTimeoutError: 4,
    RequestCancelledError: 5,
    RequestRefusedError: 6,
    ServerUnreachableError: 7,
}
ANSWERED_WITH_ERROR = NOT_ALLOWED = 1
INTERRUPTED = 130


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "ask",
        help="ask the people on a server, and print the answer",
        description="Asks the people connected to a server, waits, and prints the answer.",
        epilog="exit codes: 0 answered, or allowed; 1 answered with an error, or not allowed; 2 a wrong argument or no "
        "token; 3 nobody is connected; 4 nobody answered in time; 5 the server gave the question up; 6 the server "
        "refused it, or knows its id with other content; 7 the server cannot be reached, or not again in time; 130 "
        "Ctrl-C, which withdraws the question. With --default, 3, 4 and 7 are 0: the default is printed, and a line to "
        "stderr",
    )
    parser.add_argument("url", help="the server, such as ws://localhost:2000")
    parser.add_argument("question", help="the question, or the report (Markdown)")
    add_token_options(parser)
    parser.add_argument("--timeout", default="600", metavar="SECONDS", help="how long to wait (default: %(default)s)")
    parser.add_argument("--agent", default="", metavar="NAME", help="who asks, as people see it")
    parser.add_argument("--model", default="", metavar="NAME", help="the agent's model, as people see it")
    parser.add_argument(
        "--id",
        metavar="ID",
        help="the question's id (default: a new one); asked again with the same id and content, a server that keeps "
        "questions goes on with the one that waits, or gives its answer",
    )
    parser.add_argument("--report", action="store_true", help="hand in a report to be confirmed, not a question")
    parser.add_argument(
        "--option", action="append", default=[], metavar="LABEL", help="a choice to offer; may be given several times"
    )
    parser.add_argument(
        "--default",
        metavar="TEXT",
        help="what to print when nobody answers in time; until then it is asked again while nobody is online or the "
        "server cannot be reached",
    )
    parser.add_argument(
        "--approve",
        action="store_true",
        help="ask whether something may be done: exit code 0 if a person allows it, 1 if not; what they write besides "
        "is printed",
    )
    parser.add_argument("--json", action="store_true", help="print the whole answer, attachments included, as JSON")
    parser.set_defaults(run=run)


def add_token_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `token_from` reads."""
    parser.add_argument(
        "--token",
        help="names the group of people who are asked (default: $MULTICHAT_TOKEN, which is safer: other users of the "
        "machine can see arguments)",
    )
    parser.add_argument(
        "--token-file", metavar="FILE", help="read the token from a file, as of a notebook's own server"
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="use the token of an inbox with this profile (default: of the profile `default`, if it knows the server)",
    )


def run(args: argparse.Namespace) -> int:
    """Ask, print the answer to stdout or the trouble to stderr.

    Returns:
        The exit code, as the help lists them.

    Raises:
        ConfigError: an argument cannot be used, or there is no token.
    """
    token = token_from(args, args.url)
    for one, others in (("report", ("option", "default", "approve")), ("approve", ("option", "default", "json"))):
        clash = next((other for other in others if getattr(args, one) and getattr(args, other)), None)
        if clash is not None:
            raise ConfigError(f"--{one} and --{clash} do not go together")
    if args.default is not None and (args.id is not None or args.json):
        raise ConfigError("--default goes with neither --id nor --json")
    # An answer that the output's encoding lacks a character for is printed all the same: it is asked for only once.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if args.approve:
            return _decided(asyncio.run(_approve(args, token)))
        if args.default is not None:
            return _answered(asyncio.run(_ask_with_default(args, token)))
        answer = asyncio.run(_ask(args, token))
    except AgentError as error:
        print(f"ipymultichat ask: {error}", file=sys.stderr)
        return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), ANSWERED_WITH_ERROR)
    except KeyboardInterrupt:
        return INTERRUPTED
    _show(answer, as_json=args.json)
    return 0


def token_from(args: argparse.Namespace, url: str) -> str:
    """Return the token that the arguments, the environment or a profile that knows the server name, in this order.

    Raises:
        ConfigError: there is none, or its file cannot be read.
    """
    token: str | None = args.token
    if token is None and args.token_file is not None:
        try:
            token = Path(args.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise ConfigError(f"the token cannot be read from {args.token_file}: {reason}") from None
    if token is None and args.profile is None:
        token = os.environ.get("MULTICHAT_TOKEN")
    if not token:
        token = _token_of_profile(args.profile or "default", url)
    if not token and args.profile is not None:
        raise ConfigError(f"the profile {args.profile!r} has no token for {url}: pass --token", value=args.profile)
    if not token:
        raise ConfigError("no token: set $MULTICHAT_TOKEN or pass --token")
    return token


def _token_of_profile(profile: str, url: str) -> str:
    """Return the token of a profile that has a server in its list, or ""; one of another server is not given away."""
    try:
        known = read_settings(profile)
    except StoreError:
        return ""
    base = rpc_base(url)
    listed = next((config for config in known.servers if rpc_base(config.url) == base), None)
    token = None if listed is None else listed.token or known.token
    return "" if token is None else token.reveal()


def _timeout(args: argparse.Namespace) -> float:
    try:
        return float(args.timeout)
    except ValueError:
        raise ConfigError(f"the timeout {args.timeout!r} is no number of seconds", value=args.timeout) from None


async def _approve(args: argparse.Namespace, token: str) -> Decision:
    client = AgentClient(args.url, token, agent_name=args.agent, model_name=args.model)
    return await client.approve(args.question, timeout=_timeout(args), request_id=args.id)


def _decided(decision: Decision) -> int:
    if decision.message:
        print(decision.message)
    return 0 if decision else NOT_ALLOWED


async def _ask_with_default(args: argparse.Namespace, token: str) -> HumanAnswer:
    return await ask_human(
        args.question,
        options=args.option,
        default=args.default,
        timeout=_timeout(args),
        url=args.url,
        token=token,
        agent_name=args.agent,
        model_name=args.model,
    )


def _answered(answer: HumanAnswer) -> int:
    print(answer.text)
    if answer.timed_out:
        print("ipymultichat ask: nobody answered in time, this is the default", file=sys.stderr)
    return 0


async def _ask(args: argparse.Namespace, token: str) -> Answer:
    timeout = _timeout(args)
    client = AgentClient(args.url, token, agent_name=args.agent, model_name=args.model)
    if args.report:
        return await client.work_report(args.question, timeout=timeout, request_id=args.id)
    # A person may always write something else: the caller of a shell command reads text anyway.
    structured = {"question": args.question, "options": args.option, "custom": True}
    questions = [structured] if args.option else ()
    return await client.ask_question(args.question, questions=questions, timeout=timeout, request_id=args.id)


def _show(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        contents = [_as_json(part) for part in answer.contents]
        print(json.dumps({"text": answer.text, "contents": contents, "meta": dict(answer.meta)}, ensure_ascii=False))
        return
    print(answer.text)
    others = sum(1 for part in answer.contents if not isinstance(part, TextContent))
    if others:
        print(f"ipymultichat ask: {others} attachment(s) left out, --json prints them", file=sys.stderr)


def _as_json(part: Content) -> dict[str, object]:
    if isinstance(part, TextContent):
        return {"type": "text", "text": part.text}
    if isinstance(part, (ImageContent, AudioContent)):
        kind = "image" if isinstance(part, ImageContent) else "audio"
        return {"type": kind, "mime_type": part.mime_type, "data": base64.b64encode(part.data).decode()}
    if isinstance(part, ResourceContent):
        data = base64.b64encode(part.data).decode()
        return {"type": "resource", "uri": part.uri, "mime_type": part.mime_type, "data": data}
    return {"type": "unknown"}
