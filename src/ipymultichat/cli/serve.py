"""`ipymultichat serve`: the embedded server on its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ipymultichat.cli.ending import ending_signals, restore_interrupts
from ipymultichat.cli.logs import LEVELS, shown
from ipymultichat.errors import ConfigError, ServerStartError

if TYPE_CHECKING:
    from ipymultichat.server import LocalServer

logger: logging.Logger = logging.getLogger("ipymultichat.server")

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "serve",
        help="run a chat server",
        description="Runs a chat server for agents and people until Ctrl-C, SIGTERM or the end of its terminal. "
        "Questions and answers are kept in a file, and outlive it.",
        epilog="limits: 256 people, 896 connections, 500 waiting requests (48 MiB) per token, 24 MiB per request "
        "(256 KiB in JSON), 32 MiB per message, 1 MiB per chat text, 10 s for a login; one remote address has at most "
        "three quarters of the places, and waits up to 5 s per try after wrong tokens. Each token may make 50 "
        "requests per second, 500 at once. HTTP/1.1 and websockets, no HTTP/2. Warnings go to "
        "stderr. exit codes: 0 stopped; 2 the host, the port, the store or a file cannot be used, or a wrong argument",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default="2000", help="port to listen on, 0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--token",
        help="the only token accepted (default: $MULTICHAT_TOKEN; without one, every token names a group of its own). "
        "Other users of the machine can see arguments, so the variable is safer",
    )
    parser.add_argument(
        "--tokens",
        metavar="FILE",
        help="several tokens instead of one: a line NAME = TOKEN for each. Read again when it changes; who came with a "
        "token that is gone is sent away, and what waits stays with the name",
    )
    parser.add_argument(
        "--hold",
        action="store_true",
        help="let requests wait for somebody to come online while nobody is (default: their agents hear that at once)",
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="where questions and answers are kept: memory:, sqlite:///PATH or postgresql://USER@HOST/DATABASE, which "
        "several servers may share (default: a file of its own for each port in the user's data directory)",
    )
    parser.add_argument(
        "--grace",
        metavar="SECONDS",
        help="how long a question waits on when its agent has lost its connection; 0: not at all (default: 120, or 0 "
        "with memory:)",
    )
    parser.add_argument(
        "--keep",
        default="24",
        metavar="HOURS",
        help="how long an answer is kept for an agent that has not fetched it (default: %(default)s)",
    )
    parser.add_argument("--certfile", metavar="FILE", help="a certificate for TLS, in PEM with those it rests on")
    parser.add_argument(
        "--keyfile", metavar="FILE", help="its key, without a passphrase (default: it is in the certificate's file)"
    )
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="the path below which a proxy offers the server, as /chat; it answers with and without it",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that callers may know the server by, besides this machine's own and its address; others get HTTP "
        "421. May be given again (default: any)",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web pages that may connect besides those of this machine, as https://name:port, or *. May be given again",
    )
    parser.add_argument(
        "--trust-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a proxy, or a network of them, whose X-Forwarded-For and X-Forwarded-Proto are believed. May be given "
        "again (default: nobody's are)",
    )
    parser.add_argument(
        "--rate",
        metavar="N",
        help="requests per second and token in the long run, ten times as many at once (default: 50)",
    )
    parser.add_argument(
        "--metrics",
        action="store_true",
        help="tell at /metrics what goes on, in Prometheus' format (takes the [metrics] extra); whoever reaches the "
        "server can read it",
    )
    parser.add_argument(
        "--drain",
        default="0",
        metavar="SECONDS",
        help="how long to go on serving after the first signal to end, with /ready at 503, so that a proxy sends "
        "nobody new; a second signal ends it at once (default: %(default)s)",
    )
    parser.add_argument("--log-level", choices=LEVELS, help="what is printed to stderr (default: warning)")
    parser.add_argument(
        "--log-json",
        action="store_true",
        help="print it as one JSON object a line, from the level info on unless told otherwise",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or the end of the terminal (not with `nohup`).

    Returns:
        0 once stopped.

    Raises:
        ConfigError: an argument cannot be used.
        ServerStartError: the host is unknown, the port taken, or the store cannot be used.
        ImportError: the packages of the `[server]` extra are missing.
    """
    from ipymultichat.server import LocalServer
    from ipymultichat.server.local import usual_limits
    from ipymultichat.server.stores.opening import default_urls

    try:
        port = int(args.port)
    except ValueError:
        raise ConfigError(f"the port {args.port!r} is no number from 0 to 65535", value=args.port) from None
    token = args.token
    if token is None and args.tokens is None:
        token = os.environ.get("MULTICHAT_TOKEN") or None
    stores = iter([args.store]) if args.store is not None else default_urls(port)
    store = next(stores)
    limits = usual_limits(store)
    if args.rate is not None:
        rate = _count("rate", args.rate)
        limits = replace(limits, max_calls_per_second=rate, max_calls_at_once=10 * rate)
    make = partial(
        LocalServer,
        args.host,
        port,
        token,
        hold=args.hold,
        tokens=args.tokens,
        grace=None if args.grace is None else _number("grace", args.grace),
        keep=_number("keep", args.keep),
        certfile=args.certfile,
        keyfile=args.keyfile,
        root_path=args.root_path,
        allowed_hosts=args.allow_host,
        allowed_origins=args.allow_origin,
        trusted_proxies=args.trust_proxy,
        metrics=args.metrics,
        drain=_number("drain", args.drain),
        limits=limits,
    )
    server = make(store=store)  # says what is wrong with the arguments
    restore_interrupts()
    # Where the loop takes no signal handlers (Windows), Ctrl-C arrives as this exception; the server has stopped then.
    open_to_all = token is None and args.tokens is None and args.host not in LOOPBACK
    level = args.log_level or ("info" if args.log_json else "warning")
    with contextlib.suppress(KeyboardInterrupt), shown(level, as_json=args.log_json):
        asyncio.run(_serve(server, (make(store=url) for url in stores), open_to_all=open_to_all))
    return 0


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--{name} {text!r} is no number", value=text) from None


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 9 and int(text)):
        raise ConfigError(f"--{name} {text!r} is no whole number of at least 1", value=text)
    return int(text)


async def _started(server: LocalServer, others: Iterator[LocalServer]) -> LocalServer:
    """Start the first server whose store no other server has."""
    while True:
        try:
            return await server.start()
        except ServerStartError as error:
            following = next(others, None) if getattr(error.__cause__, "in_use", False) else None
            if following is None:
                raise
            server = following


async def _serve(server: LocalServer, others: Iterator[LocalServer], *, open_to_all: bool) -> None:
    from ipymultichat.server import Limits
    from ipymultichat.server.acceptor import raise_descriptor_limit

    raise_descriptor_limit(Limits())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if stopped.is_set():
            os._exit(128 + number)  # whoever says it twice will not wait for anybody
        stopped.set()

    for number in ending_signals():
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, end, number)
    serving = await _started(server, others)
    try:
        if open_to_all:
            logger.warning("no token is set, so everybody who reaches this address may use it")
        print(f"listening on {serving.url}", flush=True)
        await stopped.wait()
    finally:
        await serving.stop()
