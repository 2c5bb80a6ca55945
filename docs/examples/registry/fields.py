"""The fields of a manifest, read as strictly as a program in Go reads them.

The Go registry decodes a manifest into typed fields when it is pushed, and
again whenever it is pulled. What it cannot decode is then a 500, and the image
is lost to whoever shares the tree. So a field here has its type, or is null,
which is as good as absent.

It is stricter than Go where two programs could read two manifests in the same
bytes: no name stands twice in an object, none differs from a known one in its
case alone (Go takes `Layers` for `layers`), and no number is too large for a
float. No client sends those.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn

Fields = Mapping[str, object]

MANIFEST = (
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
)
DESCRIPTOR = ("mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType")
PLATFORM = ("architecture", "os", "os.version", "os.features", "variant", "features")


class Part(NamedTuple):
    """A descriptor in a manifest: what it says of one of its parts."""

    media_type: str
    digest: str
    urls: list[str]


def parse(content: bytes) -> Fields:
    """The fields of a manifest.

    Raises:
        ValueError: It is no JSON object in UTF-8.
        RecursionError: It is nested too deeply.
    """
    value = json.loads(
        content.decode(),  # Of bytes, json would guess: UTF-16, UTF-32.
        parse_constant=refuse_number,
        parse_float=finite,
        object_pairs_hook=distinct,
    )
    if value is None:
        raise ValueError("a manifest is an object, not null")
    return fields(value, MANIFEST)


def refuse_number(text: str) -> NoReturn:
    """Refuse what Python takes for a number, and JSON does not: `NaN`, `Infinity`."""
    raise ValueError(f"not a number: {text[:100]}")


def finite(text: str) -> float:
    """A number that has a value: `1e400` is infinity to Python, and an error to Go."""
    number = float(text)
    return number if math.isfinite(number) else refuse_number(text)


def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object in which no name stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a name stands twice among {list(found)!r:.100}")
    return found


# ---- one field each


def fields(value: object, known: Iterable[str]) -> Fields:
    """The fields of an object; those that are *known* are spelled so."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong("an object", value)
    spelled = {name.casefold(): name for name in known}
    for name in value:
        if spelled.get(name.casefold(), name) != name:
            raise ValueError(f"{name[:100]!r} is to be spelled {spelled[name.casefold()]!r}")
    return value


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str | None):
        raise wrong("a string", value)
    return value or ""


def items(value: object) -> list[object]:
    """A list."""
    if not isinstance(value, list | None):
        raise wrong("a list", value)
    return value or []


def texts(value: object) -> list[str]:
    """A list of strings."""
    return [text(item) for item in items(value)]


def text_map(value: object) -> dict[str, str]:
    """An object of strings: annotations."""
    return {name: text(item) for name, item in fields(value, ()).items()}


def size(value: object) -> int:
    """The length of a part, in bytes: no float, and in 64 bits."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value < 2**63:
        raise wrong("a size", value)
    return value


def part(value: object) -> Part:
    """A descriptor."""
    found = fields(value, DESCRIPTOR)
    size(found.get("size"))
    text_map(found.get("annotations"))
    text(found.get("data"))
    text(found.get("artifactType"))
    platform(found.get("platform"))
    return Part(text(found.get("mediaType")), text(found.get("digest")), texts(found.get("urls")))


def platform(value: object) -> None:
    """Hold the platform of an image to its types."""
    for name, item in fields(value, PLATFORM).items():
        if name in {"os.features", "features"}:
            texts(item)
        elif name in PLATFORM:
            text(item)


def wrong(expected: str, value: object) -> ValueError:
    """What is told of a field of another type."""
    return ValueError(f"not {expected}: {value!r:.100}")
