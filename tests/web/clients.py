"""uvicorn in the loop of the test, and clients that send any request, and hang up at any time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from layercache.asgi import App


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[int]:
    """Serve *app* during the block, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
        task = asyncio.create_task(server.serve([listener]))
        try:
            port: int = listener.getsockname()[1]
            yield port
        finally:
            server.should_exit = True
            await task


async def settled(count: int) -> None:
    """Return once no more than *count* tasks are left."""
    while len(asyncio.all_tasks()) > count:  # noqa: ASYNC110 - a task ends without an event
        await asyncio.sleep(0)


@asynccontextmanager
async def asking(port: int, *lines: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send the head of a request, yield the connection, and hang up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write("\r\n".join([*lines, "Host: x", "", ""]).encode())
        yield reader, writer
    finally:
        writer.transport.abort()
