"""The MCP server: its tools, and how a call waits for a person."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, cast

from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    RequestId,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel

from ipymultichat.approvals import QUESTION
from ipymultichat.errors import MultiChatError
from ipymultichat.mcp import approvals
from ipymultichat.mcp.approvals import outcome_result
from ipymultichat.mcp.arguments import Approve, AskQuestion, AwaitAnswer, WorkReport, checked, schema_of
from ipymultichat.mcp.port import Asked, Kind, Outcome, Port, Ticket, Waits
from ipymultichat.mcp.results import OUTPUT_SCHEMA, failure
from ipymultichat.mcp.tasks import Context, Tasks, handle_of, takes_tasks
from ipymultichat.model import Approval, Question

INSTRUCTIONS = """\
Reach the people you work for. Ask with `ask_question` before what cannot be undone, and where only they know; \
hand in results with `work_report`. When a call ends with status `waiting`, call `await_answer` with its id."""

ASK_QUESTION = """\
Ask the people you work for, and wait for the answer. Use it where a wrong guess is costly: before what cannot be \
undone (deleting, publishing, paying, deploying), where requirements contradict each other, where a choice is a \
matter of taste, or where you lack something only a person has. Do not use it for what you can find out yourself \
in files, by running something or in documentation, to be reassured, or to report (that is `work_report`). Put all \
of it into one call, with the context that a person needs who does not see your conversation, and the choice you \
would make. A person may take an hour. When nobody answers, that is no consent."""

WORK_REPORT = """\
Hand in a report when a task is done, or when you cannot go on, and wait until a person confirms it or answers. \
What the answer asks for is your next task. Do not use it for progress in between, or to ask (that is \
`ask_question`)."""

REMEMBERED = 1000
"""Conversations of which the last question is known."""

MAX_NAME = 100
"""Characters of a client's name that a session id holds."""

ATTENDED, UNATTENDED = "waiting for a person to answer", "nobody is online yet; waiting for somebody to come"
"""What a call says of its question while it waits."""

AWAIT_ANSWER = """\
Go on waiting for the answer to a question or report whose call ended with status `waiting`, or broke off. Call it \
again as long as the status is `waiting`. Never ask the same question again instead."""

APPROVE = """\
Have a person allow or deny one action before you take it, where it cannot be undone or is not yours to decide. \
Say all that is needed to decide. What comes back has `behavior`, `allow` or `deny`; the person's `message`; and \
`arguments`, where you gave some: act with these, for the person may have changed them. Do nothing but what was \
allowed, and nothing at all without an answer. For a choice between several ways use `ask_question`."""

DESCRIPTIONS: dict[str, tuple[type[BaseModel], str, str]] = {
    "ask_question": (AskQuestion, "Ask a person", ASK_QUESTION),
    "work_report": (WorkReport, "Report to a person", WORK_REPORT),
    "approve": (Approve, "Have a person allow it", APPROVE),
    "await_answer": (AwaitAnswer, "Wait for an answer", AWAIT_ANSWER),
}
"""Each tool's parameters, title and description."""


@dataclass(eq=False)
class Call:
    """A call of a tool that is under way.

    Attributes:
        team: who is asked.
        request_id: its question's id.
        approve: what is to be approved, if that is what it asks.
        cancelled: whether its client cancelled it.
        given_up: whether its client has waited long enough; its agent comes back with `await_answer`.
    """

    team: str
    request_id: str
    approve: Approve | None = None
    cancelled: bool = False
    given_up: bool = False

    @property
    def prompted(self) -> bool:
        """Whether a program waits for it that can do nothing with an id."""
        return self.approve is not None and self.approve.prompted


@dataclass(eq=False)
class Tools:
    """The tools in front of a port.

    Attributes:
        port: takes the questions to people.
        team_of: returns the team of a call.
        waits: how long calls take.
        agent_name: who asks, where an agent does not say it.
    """

    port: Port
    team_of: Callable[[Context], str]
    waits: Waits = field(default_factory=Waits)
    agent_name: str = ""
    _calls: dict[tuple[str, str, RequestId], Call] = field(default_factory=dict)
    _last: dict[tuple[str, str], str] = field(default_factory=dict)  # the last question of each conversation

    def server(self) -> Server[Any]:
        """Make the MCP server that offers them."""
        server: Server[Any] = Server(
            "ipymultichat",
            version=version("ipymultichat"),
            title="ipymultichat",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
        )
        server.add_request_handler("tools/call", CallToolRequestParams, self._call)
        Tasks(self.port, self.team_of, self.waits.poll).add_to(server)
        return server

    @staticmethod
    def session_of(initialize: Mapping[str, Any]) -> str:
        """Return a session id for a client of the older era; with it in hand, the client's name needs no memory.

        Args:
            initialize: the client's message.
        """
        client = initialize["params"].get("clientInfo")
        name = str(client.get("name", "") if isinstance(client, dict) else "")[:MAX_NAME]
        return f"{uuid.uuid4().hex}.{base64.urlsafe_b64encode(name.encode(errors='replace')).decode()}"

    async def cancel(self, team: str, conversation: str, params: Mapping[str, Any]) -> None:
        """Withdraw the question of a call that its client has cancelled, unless it has just given the call up.

        Where the transport keeps a connection for each client, the SDK does that by cancelling the call.

        Args:
            team: of the client.
            conversation: the `Mcp-Session-Id` of the client.
            params: of the client's `notifications/cancelled`.
        """
        request_id = params.get("requestId")
        call = self._calls.get((team, conversation, request_id)) if isinstance(request_id, (str, int)) else None
        if call is None:
            return
        if timed_out(params):
            call.given_up = True
            return
        call.cancelled = True
        await self.port.withdraw(call.team, call.request_id)

    async def _list(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(name) for name in DESCRIPTIONS])

    async def _call(self, context: Context, params: CallToolRequestParams) -> CallToolResult | dict[str, Any]:
        if params.name not in DESCRIPTIONS:
            return failure(f"there is no tool {params.name!r}; there are {', '.join(DESCRIPTIONS)}")
        try:
            arguments = checked(DESCRIPTIONS[params.name][0], params.name, params.arguments)
            if isinstance(arguments, AwaitAnswer):
                return await self._await_answer(context, arguments)
            return await self._ask(context, arguments)
        except MultiChatError as error:
            return failure(str(error))

    def _asked(self, context: Context, arguments: AskQuestion | WorkReport | Approve) -> Asked:
        kind: Kind = "AskQuestion"
        request_id = uuid.uuid4().hex
        questions: tuple[Question, ...] = ()
        approval: Approval | None = None
        if isinstance(arguments, Approve):
            text, approval = approvals.asked_by(arguments)
            request_id, questions = approvals.new_id(), (QUESTION,)
        elif isinstance(arguments, AskQuestion):
            questions = tuple(item.as_question() for item in arguments.questions)
            text = arguments.question if arguments.question.strip() else questions[0].question
        else:
            kind, text = "WorkReport", arguments.summary
        return Asked(
            kind=kind,
            request_id=request_id,
            text=text,
            questions=questions,
            approval=approval,
            timeout=arguments.seconds,
            project_directory=arguments.project_directory,
            agent_name=arguments.agent_name or self.agent_name or _client_name(context),
            model_name=arguments.reasoning_model_name,
            client_name=_client_name(context),
        )

    async def _ask(
        self, context: Context, arguments: AskQuestion | WorkReport | Approve
    ) -> CallToolResult | dict[str, Any]:
        team, asked = self.team_of(context), self._asked(context, arguments)
        if (conversation := _conversation(context)) is not None:
            self._last.pop((team, conversation), None)
            self._last[team, conversation] = asked.request_id
            if len(self._last) > REMEMBERED:
                del self._last[next(iter(self._last))]
        call = Call(team, asked.request_id, arguments if isinstance(arguments, Approve) else None)
        return await self._waited(context, call, lambda: self.port.ask(team, asked))

    async def _await_answer(self, context: Context, arguments: AwaitAnswer) -> CallToolResult | dict[str, Any]:
        team, conversation = self.team_of(context), _conversation(context)
        request_id = arguments.id or ("" if conversation is None else self._last.get((team, conversation), ""))
        if not request_id:
            return failure("pass the `id`: which question you mean is not known here. Ask again if you have none.")
        call = Call(team, request_id)
        return await self._waited(context, call, lambda: self.port.rejoin(team, request_id), arguments.timeout)

    async def _waited(
        self,
        context: Context,
        call: Call,
        begin: Callable[[], Awaitable[Ticket]],
        longest: float | None = None,
    ) -> CallToolResult | dict[str, Any]:
        name = (call.team, _conversation(context) or "", context.request_id or "")
        self._calls[name] = call
        try:
            ticket = await begin()
            if call.cancelled:
                await self.port.withdraw(call.team, call.request_id)
            if takes_tasks(context) and not ticket.settled and not call.prompted:
                ticket.detach()
                return handle_of(ticket, self.waits.poll)
            outcome = await self._answer(context, ticket, call, longest)
            # To write a large image in base64 takes a while.
            return await asyncio.to_thread(outcome_result, outcome, call.approve)
        finally:
            if self._calls.get(name) is call:
                del self._calls[name]

    async def _answer(self, context: Context, ticket: Ticket, call: Call, longest: float | None) -> Outcome:
        """Wait for the end of a question, or of the patience of the client."""
        beating = bool(context.meta and context.meta.get("progress_token") is not None)
        loop = asyncio.get_running_loop()
        began = loop.time()
        if not beating and not call.prompted:
            longest = min(self.waits.silent, longest or self.waits.silent)
        waiting = asyncio.ensure_future(ticket.outcome())
        try:
            while True:
                left = None if longest is None else began + longest - loop.time()
                pause = min(self.waits.beat, self.waits.beat if left is None else left) if beating else left
                await asyncio.wait({waiting}, timeout=None if pause is None else max(pause, 0))
                if waiting.done():
                    return waiting.result()
                if left is not None and loop.time() - began >= cast("float", longest):
                    ticket.detach()
                    return Outcome("waiting", ticket.request_id)
                words = ATTENDED if ticket.attended else UNATTENDED
                await context.session.report_progress(loop.time() - began, message=words)
        except asyncio.CancelledError:
            if call.given_up:
                ticket.detach()
            else:
                ticket.leave()
            raise
        finally:
            waiting.cancel()


def timed_out(params: Mapping[str, Any]) -> bool:
    """Whether a client cancels a call because it has waited long enough; its SDK says so, in words.

    That is no sign that nobody wants the answer: it is what becomes of every call that takes a person longer than a
    minute, in clients that know no better.

    Args:
        params: of its `notifications/cancelled`.
    """
    return bool(re.search(r"time(d )?out", str(params.get("reason", "")), re.IGNORECASE))


def _tool(name: str) -> Tool:
    model, title, description = DESCRIPTIONS[name]
    return Tool(
        name=name,
        title=title,
        description=description,
        input_schema=schema_of(model),
        # A schema would demand a structured half of each result, which permission prompts must not have.
        output_schema=None if name == "approve" else OUTPUT_SCHEMA,
        annotations=ToolAnnotations(
            read_only_hint=name == "await_answer", destructive_hint=False, open_world_hint=True
        ),
    )


def _client_name(context: Context) -> str:
    client = context.session.client_params
    if client is not None and client.client_info.name:
        return client.client_info.name
    with contextlib.suppress(ValueError):
        return base64.urlsafe_b64decode((_conversation(context) or "").partition(".")[2][: 8 * MAX_NAME]).decode()
    return ""


def _conversation(context: Context) -> str | None:
    """Return what tells the client of a call from others: None where nothing does, "" where there is only one."""
    if context.request is None:
        return ""
    return context.request.headers.get("mcp-session-id") or None
