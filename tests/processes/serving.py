"""An application as servers start it: its cache is made when the module is imported, and used from then on.

uvicorn --app-dir tests/processes serving:app      with the URL of a Redis in the environment, as CACHE

GET /ask      answers with the process, and the length of a layer
GET /remove   begins to remove that layer, and goes on doing so
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping

from layercache import LayerCacheError, LayerMeta, background, open_cache

Message = MutableMapping[str, object]

CTX, REPO, DGST = background(), "library/a", "sha256:00"
FOREVER = 3600.0

cache = open_cache(os.environ["CACHE"])
if "USE_AT_IMPORT" in os.environ:
    asyncio.run(cache.contains(CTX, REPO, DGST))


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Serve; the cache is closed when the server ends."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await cache.aclose()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/remove":
        async with cache.removing(CTX, REPO, DGST):
            await send({"type": "http.response.start", "status": 202})
            await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
            await asyncio.sleep(FOREVER)
    try:
        await cache.put(CTX, REPO, DGST, LayerMeta("/a", 7))
        told: object = (await cache.stat(CTX, REPO, DGST)).length
    except LayerCacheError as error:
        told = f"{type(error).__name__}: {error}"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": json.dumps([os.getpid(), told]).encode()})
