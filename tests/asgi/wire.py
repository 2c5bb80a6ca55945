"""A simulated ASGI server: what the application receives, and what it sends."""

import asyncio

from layercache.asgi import App, Message, Scope

GONE: Message = {"type": "http.disconnect"}


def scope_of(kind: str = "http", **headers: str) -> Scope:
    """The scope of a connection; an underscore in the name of a header means a dash."""
    return {
        "type": kind,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


class Server:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.received = 0
        self._messages: asyncio.Queue[Message] = asyncio.Queue()

    def put(self, *messages: Message) -> None:
        """Let the application receive these messages."""
        for message in messages:
            self._messages.put_nowait(message)

    async def receive(self) -> Message:
        """ASGI's `receive`."""
        message = await self._messages.get()
        self.received += 1
        return message

    async def send(self, message: Message) -> None:
        """ASGI's `send`; like uvicorn, it puts a "disconnect" once all was sent."""
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.put(GONE)

    async def run(self, app: App, scope: Scope) -> None:
        """Run *app* on the connection, for at most 5 seconds."""
        async with asyncio.timeout(5):
            await app(scope, self.receive, self.send)


async def turns(count: int = 10) -> None:
    """Let all other tasks run."""
    for _ in range(count):
        await asyncio.sleep(0)
