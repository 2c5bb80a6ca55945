"""A secret of the storage's URL is in no repr, no message, and no frame that an error carries."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from layercache.context import background
from layercache.errors import BackendError, InvalidArgumentError, LayerCacheError
from layercache.meta import LayerMeta
from layercache.storage import StorageSource
from layercache.storage.layout import data_path
from layercache.storage.store import masked, masked_url
from tests.storage.servers import answering, free_port
from tests.storage.trees import ABSENT

CTX = background()
SECRET = "s3cr3t"

# {port}: of a server, or of nobody.
URLS = [
    f"http://admin:{SECRET}@127.0.0.1:{{port}}/registry",
    f"http://{SECRET}@127.0.0.1:{{port}}/registry",
    f"http://127.0.0.1:{{port}}/registry?sv=1&sig={SECRET}",
    f"http://admin:{SECRET}@127.0.0.1:{{port}}/registry?sig={SECRET}",
    f"s3://AKIA:{SECRET}@bucket/prefix",
]

QUESTIONS: dict[str, Callable[[StorageSource], Awaitable[object]]] = {
    "contains": lambda source: source.contains(CTX, "x", ABSENT),
    "meta": lambda source: source.meta(CTX, ABSENT),
    "tagged": lambda source: source.tagged(CTX, "x", "1.0"),
    "open": lambda source: source.open(CTX, ABSENT, LayerMeta(data_path(ABSENT), 1)),
    "listing": lambda source: source.listing(CTX),
    "unused": lambda source: source.unused(CTX),
}

ANSWERS = {
    "nobody": None,
    "refused": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "failed": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "missing": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}


def said(error: BaseException) -> Iterator[str]:
    """All that *error* says: it, what it came of, and what the frames of this library in it hold."""
    yield from (str(error), repr(error), *map(repr, vars(error).values()))
    trace = error.__traceback__
    while trace is not None:
        if "/layercache/" in trace.tb_frame.f_code.co_filename:
            yield from map(repr, trace.tb_frame.f_locals.values())
        trace = trace.tb_next
    for other in {error.__cause__, error.__context__} - {None, error}:
        assert other is not None
        yield from said(other)


def options(url: str, port: int) -> dict[str, object]:
    """What opens *url* at a server of this machine."""
    common: dict[str, object] = {
        "client_options": {"allow_http": True},
        "retry_config": {"max_retries": 0},
    }
    if not url.startswith("s3:"):
        return common
    endpoint = f"http://admin:{SECRET}@127.0.0.1:{port}"
    return common | {
        "endpoint": endpoint,
        "region": "x",
        "access_key_id": "key",
        "secret_access_key": SECRET,
    }


async def ask(url: str, port: int, question: str) -> LayerCacheError:
    """The error of a question to a storage at *port*."""
    source = StorageSource(url.format(port=port), **options(url, port))
    assert SECRET not in repr(source)
    with pytest.raises((BackendError, LookupError)) as caught:
        await QUESTIONS[question](source)
    assert isinstance(caught.value, LayerCacheError)
    return caught.value


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("url", URLS)
async def test_failures(url: str, question: str, answer: str) -> None:
    """However a storage fails, and whatever it was asked, no error has a secret in it."""
    content = ANSWERS[answer]
    if content is None:
        error = await ask(url, free_port(), question)
    else:
        async with answering(content) as server:
            error = await ask(url, int(server.url.rpartition(":")[2]), question)
    assert not [text for text in said(error) if SECRET in text]


@pytest.mark.parametrize(
    ("url", "given"),
    [
        (f"AKIA:{SECRET}@bucket", {}),
        (f"ftp://user:{SECRET}@host/path", {}),
        (f"s3:/AKIA:{SECRET}@bucket", {}),
        (f"s3://AKIA:{SECRET}@", {}),
        (f"s3://AKIA:x/{SECRET}@bucket", {}),
        (f"s3://AKIA:{SECRET}@bucket", {"endpiont": SECRET}),
        ("s3://bucket", {"secret_access_key": SECRET, "retry_config": SECRET}),
        (f"az://user:{SECRET}@container/x?sig={SECRET}", {}),
        (f"http://user:{SECRET}@host:port/", {}),
        (f"file:///missing/{{}}?sig={SECRET}", {}),
    ],
)
def test_what_cannot_be_opened(url: str, given: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that is not understood, or an option, is not quoted as it was given."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises((InvalidArgumentError, BackendError)) as caught:
        StorageSource(url, **given)
    assert not [text for text in said(caught.value) if SECRET in text]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("file:///var/lib/a%20b", "file:///var/lib/a%20b"),
        ("http://admin:s3cr3t@host:1/x", "http://***@host:1/x"),
        ("s3://AKIA:s3/cr3t@bucket/x", "s3://***@bucket/x"),
        ("s3://AKIA:s3?cr3t@bucket/x", "s3://***"),
        ("http://host/x?sig=s3cr3t", "http://host/x?***"),
        ("http://host/x?mail=a@b&sig=s3cr3t", "http://***"),
        ("AKIA:s3cr3t@bucket", "AKIA://***"),
    ],
)
def test_masked_url(url: str, shown: str) -> None:
    """Of a URL is shown what says where a storage is, and nothing that lets one in."""
    assert masked_url(url) == shown


def test_masked() -> None:
    """URLs are masked wherever in a text they are."""
    text = 'GET http://u:s3cr3t@h/x?sig=s3cr3t in 3ms, "ftp://s3cr3t@h/", (az://u:s3cr3t@h)'
    assert masked(text) == 'GET http://***@h/x?*** in 3ms, "ftp://***@h/", (az://***@h)'
