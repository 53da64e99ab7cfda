"""Frames as a server would write them, and a reader for those of a session."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from ipymultichat.model import Asked, Secret
from ipymultichat.session import Session
from ipymultichat.session.events import SessionEvent
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import decode
from ipymultichat.wire.events import PendingAnswered

EventT = TypeVar("EventT", bound=SessionEvent)
Action = Callable[[Session, float], None]


def frame(cmd: str, **fields: Any) -> bytes:
    return pb.WebsocketMessage(Cmd=cmd, **fields).SerializeToString()


def login(client_id: str = "me-1", success: bool = True, error: str = "") -> bytes:
    answer = pb.UserLoginResponse(client_id=client_id, success=success, error_message=error)
    return frame("UserLogin", UserLoginResponse=answer)


def ask(
    request_id: str = "q1", text: str = "Deploy?", timeout: int = 60, timestamp: int = 1_760_000_000_000, **body: Any
) -> pb.AskQuestionRequest:
    return pb.AskQuestionRequest(
        ID=request_id,
        UserToken="tok",
        Request=pb.McpAskQuestionRequest(Question=text, Timeout=timeout, AgentName="claude", **body),
        Timestamp=timestamp,
    )


def report(request_id: str = "r1", text: str = "Done.", timeout: int = 60) -> pb.WorkReportRequest:
    return pb.WorkReportRequest(
        ID=request_id,
        UserToken="tok",
        Request=pb.McpWorkReportRequest(Summary=text, Timeout=timeout, AgentName="cursor"),
        Timestamp=1_760_000_000_000,
    )


def seen(request_id: str) -> Asked:
    """What a person sees of the request that `ask` or `report` makes with this id."""
    request = report(request_id) if request_id.startswith("r") else ask(request_id)
    event = decode(pending(request))
    assert isinstance(event, PendingAnswered)
    return event.requests[0].asked


def question(request_id: str = "q1", text: str = "Deploy?", **more: Any) -> bytes:
    return frame("AskQuestion", AskQuestionRequest=ask(request_id, text, **more))


def pending(*requests: pb.AskQuestionRequest | pb.WorkReportRequest) -> bytes:
    items = [
        pb.PendingMessage(message_type="AskQuestion", ask_question_request=request, timeout=60)
        if isinstance(request, pb.AskQuestionRequest)
        else pb.PendingMessage(message_type="WorkReport", work_report_request=request, timeout=60)
        for request in requests
    ]
    return frame("GetPendingMessages", GetPendingMessagesResponse=pb.GetPendingMessagesResponse(pending_messages=items))


def users(*people: tuple[str, str]) -> bytes:
    online = [pb.OnlineUser(client_id=client_id, nickname=nickname) for client_id, nickname in people]
    return frame("GetOnlineUsers", GetOnlineUsersResponse=pb.GetOnlineUsersResponse(online_users=online))


def validity(**answers: bool) -> bytes:
    return frame("CheckMessageValidity", CheckMessageValidityResponse=pb.CheckMessageValidityResponse(validity=answers))


def answered(request_id: str = "q1", nickname: str = "bob", text: str = "no", *, taken: bool = False) -> bytes:
    part = pb.McpResultContent(type=1, text=pb.TextContent(type="text", text=text))
    return frame(
        "AskQuestionReplyNotification",
        AskQuestionRequest=ask(request_id),
        AskQuestionResponse=pb.AskQuestionResponse(
            ID=request_id, contents=[part], Meta={"taken": "true"} if taken else {}
        ),
        Nickname=nickname,
    )


def cancelled(request_id: str = "q1", reason: str = "Request was cancelled") -> bytes:
    notice = pb.RequestCancelledNotification(request_id=request_id, reason=reason, message_type="AskQuestion")
    return frame("RequestCancelled", RequestCancelledNotification=notice)


def chat(
    text: str = "lunch?",
    sender: tuple[str, str] = ("ada-1", "ada"),
    message_id: str = "m1",
    sent_at: int = 1_760_000_000,
) -> bytes:
    message = pb.ChatMessage(
        message_id=message_id,
        sender_client_id=sender[0],
        sender_nickname=sender[1],
        receiver_client_id="me-1",
        receiver_nickname="me",
        content=text,
        sent_at=sent_at,
    )
    return frame("ChatMessageNotification", ChatMessageNotification=pb.ChatMessageNotification(chat_message=message))


def presence(client_id: str = "ada-1", nickname: str = "ada", status: str = "connected") -> bytes:
    notice = pb.UserConnectionStatusNotification(
        user=pb.OnlineUser(client_id=client_id, nickname=nickname), status=status
    )
    return frame("UserConnectionStatusNotification", UserConnectionStatusNotification=notice)


def agent_state(state: str, *request_ids: str) -> bytes:
    ids = pb.CheckMessageValidityRequest(request_ids=request_ids)
    return frame("RequestState", StrParam=state, CheckMessageValidityRequest=ids)


def notice(text: str) -> bytes:
    return frame("Notice", StrParam=text)


class Driver:
    """A session with a clock in the test's hand."""

    def __init__(self, session: Session, token: Secret) -> None:
        self.session = session
        self.token = token
        self.now = 1000.0
        self.sent: list[pb.WebsocketMessage] = []
        self.events: list[SessionEvent] = []

    def _collect(self) -> list[str]:
        fresh = [pb.WebsocketMessage.FromString(raw) for raw in self.session.take_frames()]
        self.sent += fresh
        self.events += self.session.take_events()
        return [message.Cmd for message in fresh]

    def connect(self, nickname: str = "me") -> list[str]:
        self.session.connected(self.token, nickname, self.now)
        return self._collect()

    def receive(self, *frames: bytes | str) -> list[str]:
        for raw in frames:
            for _ in self.session.receive(raw, self.now) or ():
                pass
        return self._collect()

    def do(self, action: Action) -> list[str]:
        action(self.session, self.now)
        return self._collect()

    def wait(self, seconds: float) -> list[str]:
        end = self.now + seconds
        commands: list[str] = []
        while (due := self.session.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.session.tick(self.now)
            commands += self._collect()
        self.now = end
        return commands

    def drop(self) -> list[str]:
        self.session.disconnected(self.now)
        return self._collect()

    def log_in(
        self,
        *requests: pb.AskQuestionRequest | pb.WorkReportRequest,
        online: Sequence[tuple[str, str]] = (("ada-1", "ada"),),
    ) -> None:
        self.connect()
        self.receive(login(), pending(*requests), users(*online))
        if self.wait(1) == ["CheckMessageValidity"]:  # what was listed is checked once
            self.receive(validity(**dict.fromkeys(self.sent[-1].CheckMessageValidityRequest.request_ids, True)))
        self.take()

    @overload
    def take(self) -> list[SessionEvent]: ...
    @overload
    def take(self, kind: type[EventT]) -> list[EventT]: ...
    def take(self, kind: type[EventT] | None = None) -> list[Any]:
        """Events so far, of one kind or all; they are forgotten."""
        events, self.events = self.events, []
        return [event for event in events if kind is None or isinstance(event, kind)]
