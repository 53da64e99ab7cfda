"""The field numbers and names that other servers and clients use: they can never change."""

import pytest

from ipymultichat.model import MessageKind, Secret, TextContent
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import commands as c
from ipymultichat.wire import encode
from ipymultichat.wire.events import Request

NUMBERS = {
    "TextContent": "type=1 text=2",
    "ImageContent": "type=1 data=2 mime_type=3",
    "AudioContent": "type=1 data=2 mime_type=3",
    "EmbeddedResource": "type=1 uri=2 mime_type=3 data=4",
    "McpResultContent": "type=1 text=2 image=3 audio=4 embedded_resource=5",
    "Option": "label=1 description=2",
    "Question": "question=1 header=2 options=3 multiple=4 custom=5",
    "McpAskQuestionRequest": "ProjectDirectory=1 Question=2 Timeout=3 AgentName=4 ReasoningModelName=5 "
    "McpClientName=6 Questions=7 Approval=1001",
    "Approval": "tool_name=1 arguments=2 diff=3 action=4",
    "AskQuestionRequest": "ID=1 UserToken=2 Request=3 Timestamp=4",
    "AskQuestionResponse": "ID=1 IsError=2 Meta=3 contents=4",
    "McpWorkReportRequest": "ProjectDirectory=1 Summary=2 Timeout=3 AgentName=4 ReasoningModelName=5 McpClientName=6",
    "WorkReportRequest": "ID=1 UserToken=2 Request=3 Timestamp=4",
    "WorkReportResponse": "ID=1 IsError=2 Meta=3 contents=4",
    "McpClientInfoData": "ProtocolVersion=1 CapabilitiesJson=2 ClientName=3 ClientVersion=4",
    "McpClientInfoRequest": "ID=1 UserToken=2 Request=3 Timestamp=4",
    "McpClientInfoResponse": "Success=1",
    "CheckMessageValidityRequest": "request_ids=1",
    "CheckMessageValidityResponse": "validity=1",
    "GetPendingMessagesRequest": "user_token=1",
    "PendingMessage": "message_type=1 ask_question_request=2 work_report_request=3 created_at=4 timeout=5",
    "GetPendingMessagesResponse": "pending_messages=1 total_count=2",
    "RequestCancelledNotification": "request_id=1 reason=2 message_type=3",
    "OnlineUser": "client_id=1 nickname=2 connected_at=3",
    "GetOnlineUsersRequest": "user_token=1",
    "GetOnlineUsersResponse": "online_users=1 total_count=2",
    "ChatMessage": "message_id=1 sender_client_id=2 sender_nickname=3 receiver_client_id=4 receiver_nickname=5 "
    "content=6 sent_at=7",
    "SendChatMessageRequest": "receiver_client_id=1 content=2",
    "ChatMessageNotification": "chat_message=1",
    "UserLoginResponse": "client_id=1 success=2 error_message=3",
    "UserConnectionStatusNotification": "user=1 status=2 timestamp=3",
    "WebsocketMessage": "Cmd=1 AskQuestionRequest=2 WorkReportRequest=3 AskQuestionResponse=4 WorkReportResponse=5 "
    "StrParam=12 CheckMessageValidityRequest=13 CheckMessageValidityResponse=14 GetPendingMessagesRequest=15 "
    "GetPendingMessagesResponse=16 RequestCancelledNotification=17 Nickname=18 GetOnlineUsersRequest=19 "
    "GetOnlineUsersResponse=20 SendChatMessageRequest=21 ChatMessageNotification=22 UserLoginResponse=23 "
    "UserConnectionStatusNotification=24",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_field_has_its_number_and_spelling(name: str) -> None:
    fields = pb.DESCRIPTOR.message_types_by_name[name].fields
    assert " ".join(f"{field.name}={field.number}" for field in fields) == NUMBERS[name]
    assert all(field.json_name == field.name or "_" in field.name for field in fields)


def test_the_service_is_found_under_its_name() -> None:
    service = pb.DESCRIPTOR.services_by_name["SrvAgentAssist"]
    assert service.full_name == "agentassistproto.SrvAgentAssist"
    assert [method.name for method in service.methods] == ["AskQuestion", "WorkReport", "SendMcpClientInfo"]


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field, written by hand."""
    key = number << 3 | 2
    assert len(value) < 128
    return (bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])) + bytes([len(value)]) + value


ECHO = field(1, b"q1") + field(2, b"tok")
REQUEST = Request(MessageKind.QUESTION, "q1", "Go?", 60, None, echo=ECHO)
PART = b"\x08\x01" + field(2, field(1, b"text") + field(2, b"yes"))


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (c.Login(Secret("tok"), "ada"), field(1, b"UserLogin") + field(12, b"tok") + field(18, b"ada")),
        (c.GetPending(Secret("tok")), field(1, b"GetPendingMessages") + field(15, field(1, b"tok"))),
        (c.GetUsers(Secret("tok")), field(1, b"GetOnlineUsers") + field(19, field(1, b"tok"))),
        (c.CheckValidity(("a", "b")), field(1, b"CheckMessageValidity") + field(13, field(1, b"a") + field(1, b"b"))),
        (c.SendChat("x", "hi"), field(1, b"SendChatMessage") + field(21, field(1, b"x") + field(2, b"hi"))),
        (
            c.AnswerRequest(REQUEST, (TextContent("yes"),)),
            field(1, b"AskQuestionReply") + field(2, ECHO) + field(4, field(1, b"q1") + field(4, PART)),
        ),
    ],
)
def test_every_command_has_these_very_bytes(command: c.Command, raw: bytes) -> None:
    assert encode(command) == raw
