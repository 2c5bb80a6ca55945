"""An ASGI application driven by hand: what its server would give it, and what it sends."""

import asyncio

from layercache.asgi import App, Message, Scope

GONE: Message = {"type": "http.disconnect"}


def scope_of(kind: str = "http", **headers: str) -> Scope:
    """The scope of a connection; an underscore in the name of a header stands for a dash."""
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

    def say(self, *messages: Message) -> None:
        """Have these messages be received."""
        for message in messages:
            self._messages.put_nowait(message)

    async def receive(self) -> Message:
        """ASGI's `receive`."""
        message = await self._messages.get()
        self.received += 1
        return message

    async def send(self, message: Message) -> None:
        """ASGI's `send`; as uvicorn does, it says "disconnect" once all was sent."""
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.say(GONE)

    async def run(self, app: App, scope: Scope) -> None:
        """Have *app* serve the connection; it must not take long."""
        async with asyncio.timeout(5):
            await app(scope, self.receive, self.send)


async def turns(count: int = 10) -> None:
    """Let everybody else run."""
    for _ in range(count):
        await asyncio.sleep(0)
