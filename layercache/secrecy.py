"""How secrets stay out of what is raised.

Reports of errors print more than messages: the causes of an error, and of each
frame that its tracebacks lead to the locals. So what can hold a password, a
frame of ours, of a driver or of a provider, is cut off before an error leaves.

Limit: the frames of who calls the library, with a URL in their locals, are theirs.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


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
