"""Credentials: whom a connection is for."""

import inspect

from redis.asyncio.connection import AbstractConnection

from layercache.errors import BackendUnavailableError

DEFAULT_USER = "default"


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
