"""A browser tab without a browser: what it is sent, and how it asks."""

from waiting import until


class Tab:
    def __init__(self, chat):
        self.chat = chat
        self.frames = []
        self.refs = 0
        send = chat._sync._send

        def keep(content, buffers=None):
            self.frames.append({**content, "buffers": buffers})
            send(content, buffers)

        chat._sync._send = keep

    def say(self, buffers=(), /, **content):
        """Send a message without waiting."""
        self.chat._sync.receive(content, buffers)

    def of(self, kind):
        """The frames of one type, in order."""
        return [frame for frame in self.frames if frame["type"] == kind]

    async def ask(self, buffers=(), /, **content):
        """Send a message and return the frame that answers it."""
        self.refs += 1
        ref = f"ask-{self.refs}"
        self.say(buffers, **content, ref=ref)
        (answer,) = await until(lambda: [frame for frame in self.frames if frame.get("ref") == ref])
        return answer

    async def command(self, name, /, **args):
        """Run a command and return its result."""
        return await self.ask(type="command", client="tab", name=name, args=args)
