"""The options in the URL of a cache; of a value that makes no sense, only its option's name is told."""

from collections.abc import Callable, Collection, Mapping
from urllib.parse import SplitResult, parse_qsl, urlsplit

from layercache.errors import InvalidArgumentError, shown

Number = Callable[[str], float]


def split_url(url: str) -> SplitResult:
    """Return the parts of *url*.

    Raises:
        InvalidArgumentError: It has none, or a sign in its password seems to end
            its host; what it says is not repeated, for it may be a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None or _is_cut_short(parts):
        raise InvalidArgumentError(
            "the host and the port of a URL cannot be read; is a sign in its password not percent-encoded?"
        )
    return parts


def _is_cut_short(parts: SplitResult) -> bool:
    """Whether there is an `@` behind what seems to be the host, or a fragment, which no such URL has."""
    names = (pair.partition("=")[0] for pair in parts.query.split("&"))
    in_path = parts.scheme != "unix" and "@" in parts.path
    return bool(parts.fragment) or in_path or any("@" in name for name in names)


def options_of(url: str, known: Collection[str]) -> dict[str, str]:
    """Return the options of *url* by their names.

    Raises:
        InvalidArgumentError: One is not among the *known*, or stands twice.
    """
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidArgumentError(f"an option stands twice: {', '.join(twice)}")
    for name in options:
        if name not in known:
            # With an @, it may be the end of a password that was not percent-encoded.
            called = "as one of these" if "@" in url.partition("?")[2] else shown(name)
            raise InvalidArgumentError(f"no option is called {called}; known are {', '.join(sorted(known))}")
    return options


def numbers_of(options: Mapping[str, str], kinds: Mapping[str, Number]) -> dict[str, float]:
    """Return those of *options* that are among *kinds*, read as these read them.

    Raises:
        InvalidArgumentError: One is no such number.
    """
    numbers = {}
    for name, number in kinds.items():
        if name in options:
            try:
                numbers[name] = number(options[name])
            except ValueError:
                raise InvalidArgumentError(f"{name} is a number, not {shown(options[name])}") from None
    return numbers
