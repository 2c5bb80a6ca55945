"""Credentials: whom a connection is for; and how they stay out of what is raised.

Reports of errors print more than messages: the causes of an error, and of each
frame that its tracebacks lead to the locals. So what can hold a password, ours
or a frame of redis-py or of a provider, is cut off before an error leaves: an
error that is raised while connecting has causes, and none of their frames.

Limit: the frames of who calls the library, with a URL in their locals, are theirs.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

from redis.asyncio.connection import AbstractConnection

from layercache.errors import BackendUnavailableError

DEFAULT_USER = "default"

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


async def credentials_of(settings: AbstractConnection) -> tuple[str, ...]:
    """User and password, or nothing; a provider is asked anew.

    Raises:
        BackendUnavailableError: The provider failed, or what it gave cannot be
            sent. What it said is not repeated, for it may be a password.
    """
    provider = settings.credential_provider
    if provider is None:
        words = (settings.username or DEFAULT_USER, str(settings.password or ""))
        return words if settings.username or settings.password else ()
    failure = (
        f"the credential provider {type(provider).__name__} gave no (password) or (user, password) in UTF-8"
    )
    try:
        # redis-py 5.0 has only the one that is not a coroutine.
        found = getattr(provider, "get_credentials_async", provider.get_credentials)()
        words = tuple(await found if inspect.isawaitable(found) else found)
        "".join(words).encode()
        if len(words) in (1, 2):
            return (DEFAULT_USER, *words)[-2:]
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, and its frames hold what it knows
        failure += f", but a {type(error).__name__}"
    raise BackendUnavailableError(failure)


def without_frames(error: E) -> E:
    """Return *error*, whose traceback, and those of all its causes, lead to no frame any more."""
    for one in _with_causes(error):
        one.__traceback__ = None
    return error


def quotes(error: BaseException, secrets: Iterable[str]) -> bool:
    """Whether *error*, or one of its causes, repeats one of *secrets*; the system's own errors cannot."""
    texts = [
        text
        for one in _with_causes(error)
        if not isinstance(one, OSError)
        for text in (str(one), *map(str, one.args))
    ]
    return any(secret in text for secret in secrets for text in texts)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.__cause__, one.__context__]
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()


def sealed(function: Callable[P, T]) -> Callable[P, T]:
    """Have *function*, whose arguments may hold a password, raise without its frames."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - it is raised below
            failure = without_frames(error)
        del args, kwargs
        raise failure

    return call
