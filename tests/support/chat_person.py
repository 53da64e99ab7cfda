"""A person on a chat server, frame by frame."""

import asyncio
import contextlib
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ipymultichat.server import LocalServer
from ipymultichat.wire import agentassist_pb2 as pb

PATIENCE = 20


class Person:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.client_id = ""
        self.token = ""

    @classmethod
    async def connect(cls, url: str, **options: Any) -> "Person":
        return cls(await connect(url, **{"compression": None, "max_size": 2**26, **options}))

    async def send(self, **fields: Any) -> None:
        await self.socket.send(pb.WebsocketMessage(**fields).SerializeToString())

    async def next(self) -> pb.WebsocketMessage:
        frame = await asyncio.wait_for(self.socket.recv(), PATIENCE)
        assert isinstance(frame, bytes)
        return pb.WebsocketMessage.FromString(frame)

    async def expect(self, cmd: str) -> pb.WebsocketMessage:
        message = await self.next()
        assert message.Cmd == cmd, message
        return message

    async def login(self, token: str, nickname: str) -> pb.UserLoginResponse:
        self.token = token
        await self.send(Cmd="UserLogin", StrParam=token, Nickname=nickname)
        answer = (await self.expect("UserLogin")).UserLoginResponse
        assert answer.success
        self.client_id = answer.client_id
        return answer

    async def before_answer(self) -> list[str]:
        """Return the commands that came before the answer to a question put now: proof of silence without waiting."""
        await self.send(Cmd="CheckMessageValidity", CheckMessageValidityRequest=pb.CheckMessageValidityRequest())
        seen = []
        while (message := await self.next()).Cmd != "CheckMessageValidity":
            seen.append(message.Cmd)
        return seen

    async def pending(self, *request_ids: str) -> dict[str, bool]:
        check = pb.CheckMessageValidityRequest(request_ids=request_ids)
        await self.send(Cmd="CheckMessageValidity", CheckMessageValidityRequest=check)
        answer = await self.expect("CheckMessageValidity")
        return dict(answer.CheckMessageValidityResponse.validity)

    async def list_pending(self, token: str | None = None) -> pb.GetPendingMessagesResponse:
        request = pb.GetPendingMessagesRequest(user_token=self.token if token is None else token)
        await self.send(Cmd="GetPendingMessages", GetPendingMessagesRequest=request)
        return (await self.expect("GetPendingMessages")).GetPendingMessagesResponse

    async def list_users(self, token: str | None = None) -> pb.GetOnlineUsersResponse:
        request = pb.GetOnlineUsersRequest(user_token=self.token if token is None else token)
        await self.send(Cmd="GetOnlineUsers", GetOnlineUsersRequest=request)
        return (await self.expect("GetOnlineUsers")).GetOnlineUsersResponse

    async def reply(self, request: pb.AskQuestionRequest | pb.WorkReportRequest, text: str, **response: Any) -> None:
        if isinstance(request, pb.AskQuestionRequest):
            answer = pb.AskQuestionResponse(ID=request.ID, contents=[text_part(text)], **response)
            await self.send(Cmd="AskQuestionReply", AskQuestionRequest=request, AskQuestionResponse=answer)
        else:
            confirmation = pb.WorkReportResponse(ID=request.ID, contents=[text_part(text)], **response)
            await self.send(Cmd="WorkReportReply", WorkReportRequest=request, WorkReportResponse=confirmation)

    async def chat(self, receiver: "Person", text: str) -> None:
        chat = pb.SendChatMessageRequest(receiver_client_id=receiver.client_id, content=text)
        await self.send(Cmd="SendChatMessage", SendChatMessageRequest=chat)

    async def closed(self) -> int | None:
        """Read on until the server has closed; return the close code, 1006 for none."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.wait_for(self.socket.recv(), PATIENCE)
        return self.socket.protocol.close_code

    async def leave(self) -> None:
        await self.socket.close()


class Enter(Protocol):
    """Connects somebody, who is logged in unless told otherwise, and leaves at the end of the test."""

    async def __call__(
        self, server: LocalServer, token: str = "team", nickname: str = "ada", *, login: bool = True, **options: Any
    ) -> Person: ...


def text_part(text: str) -> pb.McpResultContent:
    return pb.McpResultContent(type=1, text=pb.TextContent(type="text", text=text))


def question(request_id: str = "", token: str = "team", text: str = "ok?", timeout: int = 60) -> pb.AskQuestionRequest:
    body = pb.McpAskQuestionRequest(Question=text, Timeout=timeout, AgentName="bot")
    return pb.AskQuestionRequest(ID=request_id, UserToken=token, Request=body)


def report(request_id: str = "", token: str = "team", text: str = "done", timeout: int = 60) -> pb.WorkReportRequest:
    body = pb.McpWorkReportRequest(Summary=text, Timeout=timeout, AgentName="bot")
    return pb.WorkReportRequest(ID=request_id, UserToken=token, Request=body)
