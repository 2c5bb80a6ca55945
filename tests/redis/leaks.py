"""Where a secret leaks: in an error, in all that led to it, and in the frames of their tracebacks."""

from collections.abc import Iterator
from types import TracebackType

HERE = "/tests/"  # The frames of a test know what it was called with.


def leaks(error: BaseException, secret: str) -> list[str]:
    """Each place of *error* that a report of errors could print *secret* from."""
    return [place for place, text in _texts(error, set()) if secret in text]


def _texts(error: BaseException | None, seen: set[int]) -> Iterator[tuple[str, str]]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    name = type(error).__name__
    yield f"message of {name}", str(error)
    yield f"repr of {name}", repr(error)
    yield f"attributes of {name}", repr((error.args, vars(error)))
    yield from _frames(error.__traceback__)
    for one in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        yield from _texts(one, seen)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, str]]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if HERE not in code.co_filename:
            for name, value in traceback.tb_frame.f_locals.items():
                yield f"{name} in {code.co_qualname} of {code.co_filename}", _shown(value)
        traceback = traceback.tb_next


def _shown(value: object) -> str:
    try:
        return f"{value!r} {vars(value) if hasattr(value, '__dict__') else ''!r}"
    except Exception as error:  # noqa: BLE001 - what has no repr leaks nothing
        return type(error).__name__
