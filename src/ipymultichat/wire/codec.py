"""Bytes ⇄ typed events and commands. Every frame is one `WebsocketMessage`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from ipymultichat.errors import DecodeError, EncodeError
from ipymultichat.model import ALLOW, DENY, AgentState, Approval, MessageKind, Option, Question
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import commands as c
from ipymultichat.wire import events as e
from ipymultichat.wire.contents import content_from_wire, content_to_wire
from ipymultichat.wire.names import LONG_NAME, MAX_ID, name_of, words_of
from ipymultichat.wire.slices import SLICED, check_fields, fields, slices

M = TypeVar("M", bound=Message)

TAKEN = "taken"
"""In the `Meta` of a notice that somebody replied: this is the answer that the agent gets."""

_EARLIEST = datetime(1990, 1, 1, tzinfo=timezone.utc).timestamp()
_LATEST = datetime(9000, 1, 1, tzinfo=timezone.utc).timestamp()
_MAX_TIMEOUT = 10 * 365 * 86_400
_CMD = pb.WebsocketMessage.DESCRIPTOR.fields_by_name["Cmd"].number
_MAX_TOP_FIELDS = 100
_MAX_PATH = 4096
_IDS_AT_ONCE = 500
MAX_OPTIONS = 64 * 2**10
"""Bytes of structured questions; larger ones become part of the text."""


def decode(frame: bytes) -> e.WireEvent:
    """Read one frame from a server.

    Returns:
        The event; a command this version does not know gives `UnknownCommand`.

    Raises:
        DecodeError: the bytes are not a message of the protocol. Nothing else escapes.
    """
    try:
        message = pb.WebsocketMessage.FromString(frame)
    except (ProtobufDecodeError, UnicodeDecodeError) as error:
        raise DecodeError(f"a frame of {len(frame)} bytes is not a protocol message: {error}") from error
    reader = _READERS.get(message.Cmd)
    return reader(message) if reader else e.UnknownCommand(message.Cmd)


def decode_in_slices(frame: bytes) -> Iterator[e.WireEvent]:
    """Read a frame of more than `SLICED` bytes: a list comes in parts, each of them soon read, the end marked so.

    Raises:
        DecodeError: the bytes are not a message of the protocol, or hold more than can be read in short time; parts
            of a list may have been returned before.
    """
    command = ""
    spans: dict[int, tuple[int, int]] = {}
    for number, _began, value, end in islice(fields(frame, 0, len(frame)), _MAX_TOP_FIELDS):
        if number == _CMD and value >= 0:
            command = frame[value:end].decode(errors="replace")
        spans[number] = value, end
    if command not in _LISTS:
        check_fields(frame, pb.WebsocketMessage.DESCRIPTOR)
        event = decode(frame)
        if isinstance(event, e.AgentStateChanged):
            for begin in range(0, len(event.request_ids), _IDS_AT_ONCE):
                yield e.AgentStateChanged(event.state, event.request_ids[begin : begin + _IDS_AT_ONCE])
        else:
            yield event
        return
    number, response, read = _LISTS[command]
    parts = slices(frame, *spans.get(number, (0, 0)))
    part = next(parts)
    for following in parts:
        yield read(_parsed(response, part), last=False)
        part = following
    yield read(_parsed(response, part), last=True)


def _parsed(kind: type[M], data: bytes) -> M:
    if len(data) > SLICED:
        check_fields(data, kind.DESCRIPTOR)
    try:
        return kind.FromString(data)
    except (ProtobufDecodeError, UnicodeDecodeError) as error:
        raise DecodeError(f"a frame with {len(data)} bytes that are not a protocol message: {error}") from error


def encode(command: c.Command) -> bytes:
    """Write one command.

    Raises:
        EncodeError: a text is not valid Unicode (lone surrogates); a server would drop the connection over it.
    """
    try:
        return _to_wire(command).SerializeToString()
    # Protobuf 4 reports such a text in a list of texts as a SystemError, with the reason as its cause.
    except (ValueError, SystemError) as error:
        raise EncodeError(f"the text cannot be sent, it is not valid Unicode: {error}") from error


def _to_wire(command: c.Command) -> pb.WebsocketMessage:
    if isinstance(command, c.Login):
        return pb.WebsocketMessage(Cmd="UserLogin", StrParam=command.token.reveal(), Nickname=command.nickname)
    if isinstance(command, c.GetPending):
        pending = pb.GetPendingMessagesRequest(user_token=command.token.reveal())
        return pb.WebsocketMessage(Cmd="GetPendingMessages", GetPendingMessagesRequest=pending)
    if isinstance(command, c.GetUsers):
        users = pb.GetOnlineUsersRequest(user_token=command.token.reveal())
        return pb.WebsocketMessage(Cmd="GetOnlineUsers", GetOnlineUsersRequest=users)
    if isinstance(command, c.CheckValidity):
        check = pb.CheckMessageValidityRequest(request_ids=command.request_ids)
        return pb.WebsocketMessage(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
    if isinstance(command, c.SendChat):
        chat = pb.SendChatMessageRequest(receiver_client_id=command.receiver_id, content=command.text)
        return pb.WebsocketMessage(Cmd="SendChatMessage", SendChatMessageRequest=chat)
    return _answer_to_wire(command)


def _answer_to_wire(command: c.AnswerRequest) -> pb.WebsocketMessage:
    # A server crashes on a reply without its response message, so both halves are always there.
    request, contents = command.request, [content_to_wire(part) for part in command.contents]
    if request.kind is MessageKind.QUESTION:
        return pb.WebsocketMessage(
            Cmd="AskQuestionReply",
            AskQuestionRequest=pb.AskQuestionRequest.FromString(request.echo),
            AskQuestionResponse=pb.AskQuestionResponse(ID=request.request_id, contents=contents),
        )
    return pb.WebsocketMessage(
        Cmd="WorkReportReply",
        WorkReportRequest=pb.WorkReportRequest.FromString(request.echo),
        WorkReportResponse=pb.WorkReportResponse(ID=request.request_id, contents=contents),
    )


def _time(value: float) -> datetime | None:
    """Seconds since the epoch as an aware time; None for 0 and for what no clock can have said."""
    return datetime.fromtimestamp(value, timezone.utc) if _EARLIEST < value < _LATEST else None


@lru_cache(256)  # agents wait for a few round times
def _timeout(listed: int, asked: int) -> int:
    """Seconds the agent waits: what the pending list says, else what the request says, else the server's default."""
    seconds = listed if listed > 0 else asked
    return min(seconds, _MAX_TIMEOUT) if seconds > 0 else e.DEFAULT_TIMEOUT


def _question(item: pb.Question) -> Question:
    return Question(
        question=item.question,
        header=item.header,
        options=tuple(Option(option.label, option.description) for option in item.options),
        multiple=item.multiple,
        custom=item.custom,
    )


def _questions(body: pb.McpAskQuestionRequest) -> tuple[tuple[Question, ...], str]:
    """The structured questions, and the text to show with them."""
    questions = tuple(map(_question, body.Questions))
    if sum(item.ByteSize() for item in body.Questions) <= MAX_OPTIONS:
        # An agent that sends structured questions may leave the plain one empty.
        return questions, body.Question or questions[0].question
    # Nobody can choose from so many; the answer is a text in any case.
    options = (
        [item.question, *(f"- {option.label}: {option.description}" for option in item.options)] for item in questions
    )
    return (), "\n\n".join(filter(None, (body.Question, *map("\n".join, options))))


def _approval(body: pb.McpAskQuestionRequest) -> Approval | None:
    """What is to be allowed, in parts; None where it is not asked for with the two options that answer it."""
    labels = [[option.label for option in question.options] for question in body.Questions[:2]]
    if not body.HasField("Approval") or labels != [[ALLOW, DENY]]:
        return None
    parts = body.Approval
    approval = Approval(name_of(parts.tool_name[:LONG_NAME]), parts.arguments, parts.diff, parts.action)
    return approval if approval.fits else None


def _ask(request: pb.AskQuestionRequest, timeout: int = 0, created_ms: int = 0) -> e.Request:
    body = request.Request
    questions, text = _questions(body) if body.Questions else ((), body.Question)
    return e.Request(
        kind=MessageKind.QUESTION,
        request_id=request.ID,
        text=text,
        timeout=_timeout(timeout, body.Timeout),
        created_at=_time((request.Timestamp or created_ms) / 1000),
        project_directory=body.ProjectDirectory[:_MAX_PATH],
        agent_name=name_of(body.AgentName[:LONG_NAME]),
        model_name=name_of(body.ReasoningModelName[:LONG_NAME]),
        client_name=name_of(body.McpClientName[:LONG_NAME]),
        options=questions,
        approval=_approval(body) if questions else None,
        echo=request.SerializeToString(),
    )


def _report(request: pb.WorkReportRequest, timeout: int = 0, created_ms: int = 0) -> e.Request:
    body = request.Request
    return e.Request(
        kind=MessageKind.REPORT,
        request_id=request.ID,
        text=body.Summary,
        timeout=_timeout(timeout, body.Timeout),
        created_at=_time((request.Timestamp or created_ms) / 1000),
        project_directory=body.ProjectDirectory[:_MAX_PATH],
        agent_name=name_of(body.AgentName[:LONG_NAME]),
        model_name=name_of(body.ReasoningModelName[:LONG_NAME]),
        client_name=name_of(body.McpClientName[:LONG_NAME]),
        echo=request.SerializeToString(),
    )


def _user(user: pb.OnlineUser) -> e.User:
    return e.User(user.client_id[:MAX_ID], name_of(user.nickname[:LONG_NAME]), _time(user.connected_at))


def _read_login(message: pb.WebsocketMessage) -> e.WireEvent:
    answer = message.UserLoginResponse
    return e.LoginAnswered(answer.client_id[:MAX_ID], answer.success, words_of(answer.error_message))


def _read_question(message: pb.WebsocketMessage) -> e.WireEvent:
    return e.RequestReceived(_ask(message.AskQuestionRequest))


def _read_report(message: pb.WebsocketMessage) -> e.WireEvent:
    return e.RequestReceived(_report(message.WorkReportRequest))


def _pending(response: pb.GetPendingMessagesResponse, *, last: bool = True) -> e.PendingAnswered:
    requests = []
    for item in response.pending_messages:
        if item.HasField("ask_question_request"):
            requests.append(_ask(item.ask_question_request, item.timeout, item.created_at))
        elif item.HasField("work_report_request"):
            requests.append(_report(item.work_report_request, item.timeout, item.created_at))
    return e.PendingAnswered(tuple(requests), last)


def _users(response: pb.GetOnlineUsersResponse, *, last: bool = True) -> e.UsersAnswered:
    return e.UsersAnswered(tuple(map(_user, response.online_users)), last)


def _read_question_answered(message: pb.WebsocketMessage) -> e.WireEvent:
    response = message.AskQuestionResponse
    return e.RequestAnswered(
        kind=MessageKind.QUESTION,
        request_id=message.AskQuestionRequest.ID or response.ID,
        nickname=name_of(message.Nickname[:LONG_NAME]),
        contents=tuple(content_from_wire(part) for part in response.contents),
        is_error=response.IsError,
        taken=response.Meta.get(TAKEN) == "true",
    )


def _read_report_answered(message: pb.WebsocketMessage) -> e.WireEvent:
    response = message.WorkReportResponse
    return e.RequestAnswered(
        kind=MessageKind.REPORT,
        request_id=message.WorkReportRequest.ID or response.ID,
        nickname=name_of(message.Nickname[:LONG_NAME]),
        contents=tuple(content_from_wire(part) for part in response.contents),
        is_error=response.IsError,
        taken=response.Meta.get(TAKEN) == "true",
    )


def _read_cancelled(message: pb.WebsocketMessage) -> e.WireEvent:
    notice = message.RequestCancelledNotification
    return e.RequestCancelled(notice.request_id, words_of(notice.reason))


def _read_chat(message: pb.WebsocketMessage) -> e.WireEvent:
    chat = message.ChatMessageNotification.chat_message
    return e.ChatReceived(
        message_id=chat.message_id[:MAX_ID],
        sender_id=chat.sender_client_id[:MAX_ID],
        sender=name_of(chat.sender_nickname[:LONG_NAME]),
        receiver_id=chat.receiver_client_id[:MAX_ID],
        receiver=name_of(chat.receiver_nickname[:LONG_NAME]),
        text=chat.content,
        sent_at=_time(chat.sent_at),
    )


def _read_presence(message: pb.WebsocketMessage) -> e.WireEvent:
    notice = message.UserConnectionStatusNotification
    return e.PresenceChanged(_user(notice.user), notice.status == "connected")


_AGENT_STATES = {
    "away": AgentState.AWAY,
    "back": AgentState.NONE,
    "kept": AgentState.KEPT,
    "fetched": AgentState.FETCHED,
}


def _read_agent_state(message: pb.WebsocketMessage) -> e.WireEvent:
    state = _AGENT_STATES.get(message.StrParam)
    if state is None:
        return e.UnknownCommand(f"{message.Cmd} {message.StrParam[:MAX_ID]}")
    return e.AgentStateChanged(state, tuple(message.CheckMessageValidityRequest.request_ids))


_READERS: dict[str, Callable[[pb.WebsocketMessage], e.WireEvent]] = {
    "UserLogin": _read_login,
    "AskQuestion": _read_question,
    "WorkReport": _read_report,
    "GetPendingMessages": lambda message: _pending(message.GetPendingMessagesResponse),
    "GetOnlineUsers": lambda message: _users(message.GetOnlineUsersResponse),
    "CheckMessageValidity": lambda message: e.ValidityAnswered(dict(message.CheckMessageValidityResponse.validity)),
    "AskQuestionReplyNotification": _read_question_answered,
    "WorkReportReplyNotification": _read_report_answered,
    "RequestCancelled": _read_cancelled,
    "ChatMessageNotification": _read_chat,
    "UserConnectionStatusNotification": _read_presence,
    "RequestState": _read_agent_state,
    "Notice": lambda message: e.NoticeChanged(words_of(message.StrParam)),
}

_LISTS: dict[str, tuple[int, type[Any], Callable[..., e.WireEvent]]] = {
    name: (pb.WebsocketMessage.DESCRIPTOR.fields_by_name[response.DESCRIPTOR.name].number, response, read)
    for name, response, read in (
        ("GetPendingMessages", pb.GetPendingMessagesResponse, _pending),
        ("GetOnlineUsers", pb.GetOnlineUsersResponse, _users),
    )
}
"""The commands that bring lists: number and kind of the field that holds one, and what reads it."""
