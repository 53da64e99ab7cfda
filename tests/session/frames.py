"""Frames as a server would write them, and a reader for those of a session."""

from ipymultichat.wire import agentassist_pb2 as pb


def frame(cmd, **fields):
    return pb.WebsocketMessage(Cmd=cmd, **fields).SerializeToString()


def login(client_id="me-1", success=True, error=""):
    answer = pb.UserLoginResponse(client_id=client_id, success=success, error_message=error)
    return frame("UserLogin", UserLoginResponse=answer)


def ask(request_id="q1", text="Deploy?", timeout=60, timestamp=1_760_000_000_000, **body):
    return pb.AskQuestionRequest(
        ID=request_id,
        UserToken="tok",
        Request=pb.McpAskQuestionRequest(Question=text, Timeout=timeout, AgentName="claude", **body),
        Timestamp=timestamp,
    )


def report(request_id="r1", text="Done.", timeout=60):
    return pb.WorkReportRequest(
        ID=request_id,
        UserToken="tok",
        Request=pb.McpWorkReportRequest(Summary=text, Timeout=timeout, AgentName="cursor"),
        Timestamp=1_760_000_000_000,
    )


def question(request_id="q1", text="Deploy?", **more):
    return frame("AskQuestion", AskQuestionRequest=ask(request_id, text, **more))


def pending(*requests):
    items = [
        pb.PendingMessage(message_type="AskQuestion", ask_question_request=request, timeout=60)
        if isinstance(request, pb.AskQuestionRequest)
        else pb.PendingMessage(message_type="WorkReport", work_report_request=request, timeout=60)
        for request in requests
    ]
    return frame("GetPendingMessages", GetPendingMessagesResponse=pb.GetPendingMessagesResponse(pending_messages=items))


def users(*people):
    online = [pb.OnlineUser(client_id=client_id, nickname=nickname) for client_id, nickname in people]
    return frame("GetOnlineUsers", GetOnlineUsersResponse=pb.GetOnlineUsersResponse(online_users=online))


def validity(**answers):
    return frame("CheckMessageValidity", CheckMessageValidityResponse=pb.CheckMessageValidityResponse(validity=answers))


def answered(request_id="q1", nickname="bob", text="no"):
    part = pb.McpResultContent(type=1, text=pb.TextContent(type="text", text=text))
    return frame(
        "AskQuestionReplyNotification",
        AskQuestionRequest=ask(request_id),
        AskQuestionResponse=pb.AskQuestionResponse(ID=request_id, contents=[part]),
        Nickname=nickname,
    )


def cancelled(request_id="q1", reason="Request was cancelled"):
    notice = pb.RequestCancelledNotification(request_id=request_id, reason=reason, message_type="AskQuestion")
    return frame("RequestCancelled", RequestCancelledNotification=notice)


def chat(text="lunch?", sender=("ada-1", "ada"), message_id="m1", sent_at=1_760_000_000):
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


def presence(client_id="ada-1", nickname="ada", status="connected"):
    notice = pb.UserConnectionStatusNotification(
        user=pb.OnlineUser(client_id=client_id, nickname=nickname), status=status
    )
    return frame("UserConnectionStatusNotification", UserConnectionStatusNotification=notice)


class Driver:
    """A session with a clock in the test's hand."""

    def __init__(self, session, token):
        self.session = session
        self.token = token
        self.now = 1000.0
        self.sent = []
        self.events = []

    def _collect(self):
        fresh = [pb.WebsocketMessage.FromString(raw) for raw in self.session.take_frames()]
        self.sent += fresh
        self.events += self.session.take_events()
        return [message.Cmd for message in fresh]

    def connect(self, nickname="me"):
        self.session.connected(self.token, nickname, self.now)
        return self._collect()

    def receive(self, *frames):
        for raw in frames:
            self.session.receive(raw, self.now)
        return self._collect()

    def do(self, action):
        action(self.session, self.now)
        return self._collect()

    def wait(self, seconds):
        end = self.now + seconds
        commands = []
        while (due := self.session.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.session.tick(self.now)
            commands += self._collect()
        self.now = end
        return commands

    def drop(self):
        self.session.disconnected(self.now)
        return self._collect()

    def log_in(self, *requests, online=(("ada-1", "ada"),)):
        self.connect()
        self.receive(login(), pending(*requests), users(*online))
        if self.wait(1) == ["CheckMessageValidity"]:  # what was listed is checked once
            self.receive(validity(**dict.fromkeys(self.sent[-1].CheckMessageValidityRequest.request_ids, True)))
        self.take()

    def take(self, kind=None):
        """Events so far, of one kind or all; they are forgotten."""
        events, self.events = self.events, []
        return [event for event in events if kind is None or isinstance(event, kind)]
