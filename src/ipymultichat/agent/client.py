"""`AgentClient`: calls over the Connect protocol, in its binary form."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import httpx
from google.protobuf.message import DecodeError

from ipymultichat.agent.address import rpc_base
from ipymultichat.agent.answer import Answer, AnyResponse, Decision, read_answer
from ipymultichat.agent.calls import Call, Calls, Fetch
from ipymultichat.agent.questions import question_of
from ipymultichat.agent.transport import http_client
from ipymultichat.approvals import QUESTION, approval_of, decision_in
from ipymultichat.contents import text_from
from ipymultichat.errors import (
    AgentError,
    AgentTimeoutError,
    ClosedError,
    ConfigError,
    EncodeError,
    RequestRefusedError,
)
from ipymultichat.model import Approval, Question, Secret, token_of
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.contents import approval_to_wire, question_to_wire

if TYPE_CHECKING:
    from typing_extensions import Self

SERVICE = "/agentassistproto.SrvAgentAssist/"

DEADLINE_MARGIN = 30
"""Seconds beyond the agent's own timeout after which a call is over, whatever the server does: to connect, to send the
question, to receive the answer, and what the server is late with. To withdraw the question then takes 2 s at most."""

MAX_TIMEOUT = 2**31 - 1

MAX_ID = 1024
"""Bytes of a request's id at most."""


class AgentClient:
    """Asks the people connected to a chat server, as an AI agent does.

    Usable as it is, with a connection per call, or as an async context manager, which keeps connections.

        answer = await AgentClient("ws://localhost:2000", token).ask_question("Deploy now?")
        print(answer.text)

    Args:
        url: the server: `ws://HOST:PORT[/ws]`, `http://HOST:PORT`, or the same with TLS.
        token: names the group of people who are asked.
        agent_name: who asks, as people see it.
        model_name: the agent's model, as people see it.
        client_name: the program the agent runs in, as people see it.
        project_directory: what the agent works on; None takes the current directory at the time of each call.
        retry: a call whose connection cannot be made, breaks before the answer, or finds the server stopping (HTTP 502,
            503, 504, `unavailable`) is made again, with pauses of 0.25 s doubling to 10 s, until its own timeout. That
            is done where the server says that it keeps what is asked (`/health`, asked once beside the first call), as
            the embedded one may; elsewhere a person could see the question twice. False: one try, and no `/health`.

    Raises:
        ConfigError: the address or token cannot be used.
    """

    def __init__(
        self,
        url: str,
        token: str | Secret,
        *,
        agent_name: str = "",
        model_name: str = "",
        client_name: str = "ipymultichat",
        project_directory: str | os.PathLike[str] | None = None,
        retry: bool = True,
    ) -> None:
        self._base = rpc_base(url)
        self._token = token_of(token.reveal() if isinstance(token, Secret) else token)  # it goes into a header
        self._agent_name = agent_name
        self._model_name = model_name
        self._client_name = client_name
        self._project_directory = project_directory
        self._calls = Calls(retry=retry)
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    @property
    def url(self) -> str:
        """The server's HTTP address."""
        return self._base

    async def ask_question(
        self,
        question: object = "",
        *more: object,
        questions: Iterable[Question | Mapping[str, object]] = (),
        approval: Approval | None = None,
        timeout: float = 600,
        project_directory: str | os.PathLike[str] | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """Ask, and wait for a person's answer. Cancelling the wait withdraws the question.

        Args:
            question: the question (Markdown), or anything that can be said in text: a number, a dict or list (JSON), a
                small data frame (a table), an object that shows itself as Markdown; may be left out when `questions` is
                given.
            *more: more of the same, each a paragraph of its own.
            questions: structured questions with options to choose from: `Question`s or mappings of the same names.
                The first one's text doubles as the plain question where that is left out.
            approval: what one question with the options `Allow` and `Deny` asks to allow, in parts, for inboxes that
                show them; the text must say it all.
            timeout: seconds to wait, above 0; parts of a second are rounded up, as the protocol has whole ones. Against
                a server that does not keep to it, the call is over 30 s later, and its question withdrawn.
            project_directory: in place of the client's own.
            request_id: the question's id, at most 1 KiB; None makes a new one. Asked again with the same id and
                content, a server that keeps questions (as the embedded one may) lets the call join the question that
                waits, or returns its recorded answer: an agent that was restarted picks up its answer.

        Returns:
            The answer.

        Raises:
            AgentTimeoutError: nobody answered in time.
            NoHumanOnlineError: no person is connected with this token.
            RequestCancelledError: the server gave the question up.
            RequestRefusedError: the server did not accept the question, or what it sent is no answer: a page, more
                than 64 MiB, an encoding that was not asked for. Also where it knows the id with other content.
            ServerUnreachableError: no connection, or it broke before the answer, and was not to be had again until the
                timeout where the call may be made again (`retry`).
            AgentError: a person answered with an error; `meta` tells more. Each of these errors has the question's
                `request_id`, to ask again with.
            ConfigError: an argument cannot be used.
            EncodeError: a text is not valid Unicode.
            ClosedError: the client was closed.
        """
        seconds = _seconds(timeout)
        request_id = _request_id(request_id)
        with _encoding():
            structured = [question_to_wire(question_of(item)) for item in questions]
        text = text_from((question, *more)).strip("\n")
        if not (text.strip() or structured):
            raise ConfigError("a question is a non-empty string, or an object that can be said in text", value=question)
        with _encoding():
            request = pb.AskQuestionRequest(
                ID=request_id,
                UserToken=self._token.reveal(),
                Request=pb.McpAskQuestionRequest(
                    ProjectDirectory=self._directory(project_directory),
                    Question=text if text.strip() else structured[0].question,
                    Timeout=seconds,
                    AgentName=self._agent_name,
                    ReasoningModelName=self._model_name,
                    McpClientName=self._client_name,
                    Questions=structured,
                    Approval=approval_to_wire(approval),
                ),
            )
            body = request.SerializeToString()
        return await self._call("AskQuestion", body, request_id, pb.AskQuestionResponse(), timeout)

    async def approve(
        self,
        action: str,
        *,
        tool_name: str = "",
        arguments: Mapping[str, object] | None = None,
        diff: str = "",
        timeout: float = 600,
        project_directory: str | os.PathLike[str] | None = None,
        request_id: str | None = None,
    ) -> Decision:
        """Ask whether something may be done, and wait for a person's decision.

            if await agent.approve("Delete the old backups", diff=diff): ...

        A person may allow it with other arguments: where `arguments` were given, use `decision.arguments` if there are
        some.

        Args:
            action: what is to be done, and why (Markdown).
            tool_name: the tool that would be called, if it is one.
            arguments: of that call; what JSON can hold.
            diff: the change that would be made, as a unified diff.
            timeout: seconds to wait, as for `ask_question`.
            project_directory: in place of the client's own.
            request_id: as for `ask_question`.

        Returns:
            The decision; true where a person has chosen to allow it, and in no other case.

        Raises:
            MultiChatError: there is no decision: nobody answered in time, nobody is online. The same errors as
                `ask_question`. Silence is never consent.
        """
        if not isinstance(action, str) or not action.strip():
            raise ConfigError("what is to be allowed is a non-empty string", value=action)
        try:
            text, approval = approval_of(action, tool_name=tool_name, arguments=arguments, diff=diff)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the arguments do not go into JSON: {error}", value=arguments) from error
        answer = await self.ask_question(
            text,
            questions=[QUESTION],
            approval=approval,
            timeout=timeout,
            project_directory=project_directory,
            request_id=request_id,
        )
        allowed, message, edited = decision_in(answer.text)
        return Decision(allowed, message, answer.by, edited)

    async def work_report(
        self,
        summary: object,
        *more: object,
        timeout: float = 600,
        project_directory: str | os.PathLike[str] | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """Hand in a report, and wait for a person to confirm it or to answer.

        Args:
            summary: what was done (Markdown), or what else can be said in text, as for `ask_question`.
            *more: more of the same, each a paragraph of its own.
            timeout: seconds to wait, as for `ask_question`.
            project_directory: in place of the client's own.
            request_id: the report's id, as for `ask_question`.

        Returns:
            The answer.

        Raises:
            MultiChatError: the same errors as `ask_question`.
        """
        request_id = _request_id(request_id)
        body = self._report((summary, *more), timeout, project_directory, request_id)
        return await self._call("WorkReport", body, request_id, pb.WorkReportResponse(), timeout)

    async def await_answer(self, request_id: str, *, timeout: float = 600) -> Answer:
        """Wait for the answer to what was asked before, by its id alone: in another process, or after a restart.

        Args:
            request_id: the id it was asked with, with the same token.
            timeout: seconds to wait; 0 looks whether there is an answer. The question itself waits on.

        Returns:
            The answer.

        Raises:
            NotFoundError: nothing was asked with this id and token, or it ended long ago; or the server gives no
                answers by their ids, which the embedded one does.
            AgentTimeoutError: nobody has answered yet, or nobody did within the question's own time.
            MultiChatError: the same errors as `ask_question`.
        """
        self._check_open()
        seconds = _seconds(timeout) if timeout else 0
        body = json.dumps({"id": _request_id(request_id)}).encode()
        async with self._borrowed() as http:
            call = Fetch(http, self._base, "/ipymultichat/answer", body, request_id, self._token, wait=seconds)
            return await self._answered(call, pb.AskQuestionResponse(), timeout, seconds + DEADLINE_MARGIN)

    async def withdraw(self, request_id: str) -> None:
        """End what was asked before, by its id; nothing happens where it waits no longer.

        That a server offers nothing of the kind, or cannot be reached, is told to the log alone.

        Args:
            request_id: the id it was asked with.
        """
        self._check_open()
        async with self._borrowed() as http:
            await Call(http, self._base, "", b"", _request_id(request_id), self._token).withdraw()

    async def notify(self, summary: str, *, timeout: float = 24 * 3600, patience: float = 20) -> str:
        """Hand in a report that nobody waits for.

        Args:
            summary: what was done (Markdown).
            timeout: seconds for which it waits to be seen, where the server keeps it.
            patience: seconds until it must be handed in. A server that does not keep it shows it for so long.

        Returns:
            The report's id; `work_report` with it and the same summary gets the answer, should there be one.

        Raises:
            MultiChatError: it was not handed in; the same errors as `ask_question`. Nobody was seen to confirm it is
                none.
        """
        request_id = _request_id(None)
        body = self._report((summary,), timeout, None, request_id)
        with contextlib.suppress(AgentTimeoutError):  # it was shown
            await self._call("WorkReport", body, request_id, pb.WorkReportResponse(), patience, leave=True)
        return request_id

    async def aclose(self) -> None:
        """Close kept connections. Final; a second call does nothing."""
        self._closed = True
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def __aenter__(self) -> Self:
        self._check_open()
        self._http = self._http or http_client(self._base)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AgentClient({self._base!r}, agent_name={self._agent_name!r})"

    def _report(
        self,
        summary: tuple[object, ...],
        timeout: float,
        project_directory: str | os.PathLike[str] | None,
        request_id: str,
    ) -> bytes:
        seconds = _seconds(timeout)
        text = text_from(summary).strip("\n")
        if not text.strip():
            raise ConfigError("a report is a non-empty string, or an object that can be said in text", value=summary[0])
        with _encoding():
            request = pb.WorkReportRequest(
                ID=request_id,
                UserToken=self._token.reveal(),
                Request=pb.McpWorkReportRequest(
                    ProjectDirectory=self._directory(project_directory),
                    Summary=text,
                    Timeout=seconds,
                    AgentName=self._agent_name,
                    ReasoningModelName=self._model_name,
                    McpClientName=self._client_name,
                ),
            )
            return request.SerializeToString()

    async def _call(
        self, method: str, body: bytes, request_id: str, into: AnyResponse, timeout: float, *, leave: bool = False
    ) -> Answer:
        self._check_open()
        bound = timeout if leave else math.ceil(timeout) + DEADLINE_MARGIN
        async with self._borrowed() as http:
            call = Call(http, self._base, f"{SERVICE}{method}", body, request_id, self._token, leave)
            return await self._answered(call, into, timeout, bound)

    async def _answered(self, call: Call, into: AnyResponse, timeout: float, bound: float) -> Answer:
        try:
            content = await self._calls.make(call, timeout, bound)
            # A large answer takes seconds, for which no loop can wait.
            return await asyncio.to_thread(self._read, content, into, timeout)
        except AgentError as error:
            error.request_id = call.request_id
            raise

    def _read(self, content: bytes, into: AnyResponse, timeout: float) -> Answer:
        try:
            into.ParseFromString(content)
        except (DecodeError, UnicodeDecodeError) as error:
            raise RequestRefusedError(f"{self._base} answered with something unreadable") from error
        return read_answer(into, timeout)

    @contextlib.asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._http is not None:
            yield self._http
            return
        async with http_client(self._base) as http:
            yield http

    def _directory(self, given: str | os.PathLike[str] | None) -> str:
        chosen = given if given is not None else self._project_directory
        return os.fspath(chosen if chosen is not None else Path.cwd())

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this AgentClient was closed; make another one")


def _seconds(timeout: float) -> int:
    usable = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not usable or not 0 < timeout <= MAX_TIMEOUT:  # also turns NaN away
        raise ConfigError(f"the timeout must be above 0 s and at most {MAX_TIMEOUT} s, not {timeout!r}", value=timeout)
    return math.ceil(timeout)


def _request_id(given: str | None) -> str:
    if given is None:
        return uuid.uuid4().hex
    if not isinstance(given, str) or not given:
        raise ConfigError(f"a request id is a non-empty string, not {given!r}; leave it out for a new one", value=given)
    try:
        size = len(given.encode())
    except UnicodeEncodeError:
        raise ConfigError("the request id is not valid Unicode", value=given) from None
    if size > MAX_ID:
        raise ConfigError(f"the request id has {size:,} bytes; at most {MAX_ID:,} are allowed", value=given)
    return given


@contextlib.contextmanager
def _encoding() -> Iterator[None]:
    """Name the one thing that protobuf does not take in a string."""
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        raise EncodeError(f"the text cannot be sent, it is not valid Unicode: {error}") from error
