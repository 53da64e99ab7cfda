"""Bytes ⇄ typed events and commands. Every frame is one `WebsocketMessage`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from google.protobuf.message import DecodeError as ProtobufDecodeError

from ipymultichat.errors import DecodeError, EncodeError
from ipymultichat.model import MessageKind, Option, Question
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import commands as c
from ipymultichat.wire import events as e
from ipymultichat.wire.contents import content_from_wire, content_to_wire
from ipymultichat.wire.names import escape_invisible

_EARLIEST = datetime(1990, 1, 1, tzinfo=timezone.utc).timestamp()
_LATEST = datetime(9000, 1, 1, tzinfo=timezone.utc).timestamp()
_MAX_TIMEOUT = 10 * 365 * 86_400


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


def _ask(request: pb.AskQuestionRequest, timeout: int = 0, created_ms: int = 0) -> e.Request:
    body = request.Request
    questions = tuple(map(_question, body.Questions)) if body.Questions else ()
    return e.Request(
        kind=MessageKind.QUESTION,
        request_id=request.ID,
        # An agent that sends structured questions may leave the plain one empty.
        text=body.Question or (questions[0].question if questions else ""),
        timeout=_timeout(timeout, body.Timeout),
        created_at=_time((request.Timestamp or created_ms) / 1000),
        project_directory=body.ProjectDirectory,
        agent_name=escape_invisible(body.AgentName),
        model_name=escape_invisible(body.ReasoningModelName),
        client_name=escape_invisible(body.McpClientName),
        options=questions,
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
        project_directory=body.ProjectDirectory,
        agent_name=escape_invisible(body.AgentName),
        model_name=escape_invisible(body.ReasoningModelName),
        client_name=escape_invisible(body.McpClientName),
        echo=request.SerializeToString(),
    )


def _user(user: pb.OnlineUser) -> e.User:
    return e.User(user.client_id, escape_invisible(user.nickname), _time(user.connected_at))


def _read_login(message: pb.WebsocketMessage) -> e.WireEvent:
    answer = message.UserLoginResponse
    return e.LoginAnswered(answer.client_id, answer.success, answer.error_message)


def _read_question(message: pb.WebsocketMessage) -> e.WireEvent:
    return e.RequestReceived(_ask(message.AskQuestionRequest))


def _read_report(message: pb.WebsocketMessage) -> e.WireEvent:
    return e.RequestReceived(_report(message.WorkReportRequest))


def _read_pending(message: pb.WebsocketMessage) -> e.WireEvent:
    requests = []
    for item in message.GetPendingMessagesResponse.pending_messages:
        if item.HasField("ask_question_request"):
            requests.append(_ask(item.ask_question_request, item.timeout, item.created_at))
        elif item.HasField("work_report_request"):
            requests.append(_report(item.work_report_request, item.timeout, item.created_at))
    return e.PendingAnswered(tuple(requests))


def _read_users(message: pb.WebsocketMessage) -> e.WireEvent:
    return e.UsersAnswered(tuple(_user(user) for user in message.GetOnlineUsersResponse.online_users))


def _read_question_answered(message: pb.WebsocketMessage) -> e.WireEvent:
    response = message.AskQuestionResponse
    return e.RequestAnswered(
        kind=MessageKind.QUESTION,
        request_id=message.AskQuestionRequest.ID or response.ID,
        nickname=escape_invisible(message.Nickname),
        contents=tuple(content_from_wire(part) for part in response.contents),
        is_error=response.IsError,
    )


def _read_report_answered(message: pb.WebsocketMessage) -> e.WireEvent:
    response = message.WorkReportResponse
    return e.RequestAnswered(
        kind=MessageKind.REPORT,
        request_id=message.WorkReportRequest.ID or response.ID,
        nickname=escape_invisible(message.Nickname),
        contents=tuple(content_from_wire(part) for part in response.contents),
        is_error=response.IsError,
    )


def _read_cancelled(message: pb.WebsocketMessage) -> e.WireEvent:
    notice = message.RequestCancelledNotification
    return e.RequestCancelled(notice.request_id, notice.reason)


def _read_chat(message: pb.WebsocketMessage) -> e.WireEvent:
    chat = message.ChatMessageNotification.chat_message
    return e.ChatReceived(
        message_id=chat.message_id,
        sender_id=chat.sender_client_id,
        sender=escape_invisible(chat.sender_nickname),
        receiver_id=chat.receiver_client_id,
        receiver=escape_invisible(chat.receiver_nickname),
        text=chat.content,
        sent_at=_time(chat.sent_at),
    )


def _read_presence(message: pb.WebsocketMessage) -> e.WireEvent:
    notice = message.UserConnectionStatusNotification
    return e.PresenceChanged(_user(notice.user), notice.status == "connected")


_READERS: dict[str, Callable[[pb.WebsocketMessage], e.WireEvent]] = {
    "UserLogin": _read_login,
    "AskQuestion": _read_question,
    "WorkReport": _read_report,
    "GetPendingMessages": _read_pending,
    "GetOnlineUsers": _read_users,
    "CheckMessageValidity": lambda message: e.ValidityAnswered(dict(message.CheckMessageValidityResponse.validity)),
    "AskQuestionReplyNotification": _read_question_answered,
    "WorkReportReplyNotification": _read_report_answered,
    "RequestCancelled": _read_cancelled,
    "ChatMessageNotification": _read_chat,
    "UserConnectionStatusNotification": _read_presence,
}
