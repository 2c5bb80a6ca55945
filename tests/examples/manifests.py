"""Manifests that somebody may push, each with what a registry should make of it."""

import json
from collections.abc import Callable, Iterable

from tests.examples.registries import EMPTY, INDEX, MANIFEST
from tests.storage.trees import ABSENT, digest_of

TAKEN, MALFORMED, MISSING = 201, 400, 404

HERE = {"mediaType": EMPTY, "digest": digest_of(b"{}"), "size": 2}
AWAY = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": ABSENT, "size": 6}
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def image(**parts: object) -> bytes:
    """An image of one layer, with *parts*."""
    whole = {"schemaVersion": 2, "mediaType": MANIFEST, "config": HERE, "layers": [HERE]}
    return json.dumps(whole | parts).encode()


def listing(**parts: object) -> bytes:
    """An index of nothing, with *parts*."""
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []} | parts).encode()


def written(value: str, **parts: object) -> bytes:
    """An image in which JSON that Python would not write stands in the place of `@`."""
    return image(**parts).replace(b'"@"', value.encode())


def extra(content: bytes) -> bytes:
    """An image with one more member, as it is written."""
    return image()[:-1] + b", " + content + b"}"


Cases = dict[str, tuple[bytes, int]]


def each(name: str, expected: int, make: Callable[[object], bytes], values: Iterable[object]) -> Cases:
    """A case for each of *values*."""
    return {f"{name} {value!r:.30}": (make(value), expected) for value in values}


FORM: Cases = {
    "image": (image(), TAKEN),
    "white space": (b" \n" + image() + b"\n", TAKEN),
    "unknown member": (extra(b'"x": {"y": [1, 0.1, -0, 1e5, null]}'), TAKEN),
    "deep": (extra(b'"x": ' + b"[" * 200 + b"]" * 200), TAKEN),
    "escaped zero": (extra(b'"x": "\\u0000"'), TAKEN),
    "lone surrogate": (image(annotations={"x": "@"}).replace(b"@", b"\\ud800"), TAKEN),
    "byte order mark": (b"\xef\xbb\xbf" + image(), MALFORMED),
    "UTF-16": (image().decode().encode("utf-16"), MALFORMED),
    "UTF-16 without a mark": (image().decode().encode("utf-16-le"), MALFORMED),
    "UTF-32": (image().decode().encode("utf-32"), MALFORMED),
    "not UTF-8": (extra(b'"x": "\xff"'), MALFORMED),
    "not UTF-8 in a name": (extra(b'"\xff": 1'), MALFORMED),
    "zero byte": (extra(b'"x": "\0"'), MALFORMED),
    "new line in a string": (extra(b'"x": "\n"'), MALFORMED),
    "a second value": (image() + b"{}", MALFORMED),
    "zero byte at the end": (image() + b"\0", MALFORMED),
    "too deep": (extra(b'"x": ' + b"[" * 100_000 + b"]" * 100_000), MALFORMED),
    **each("text", MALFORMED, lambda text: str(text).encode(), ["", "[]", "null", "7", '"x"', "{", "{}"]),
    **each(
        "number",
        MALFORMED,
        lambda number: extra(f'"x": {number}'.encode()),
        ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "01", "9" * 5_000],
    ),
    "a name twice": (extra(b'"schemaVersion": 99'), MALFORMED),
    "a name twice below": (written('{"x": "1", "x": "2"}', annotations="@"), MALFORMED),
    "layers twice": (extra(b'"layers": []'), MALFORMED),
    "layers in capitals": (extra(b'"LAYERS": [' + json.dumps(AWAY).encode() + b"]"), MALFORMED),
    "urls in capitals": (image(layers=[AWAY | {"Urls": ["https://x/"]}]), MALFORMED),
    "digest in capitals": (image(layers=[HERE | {"Digest": ABSENT}]), MALFORMED),
    "layers with a long s": (extra('"layer\u017f": []'.encode()), MALFORMED),
}

VERSIONS = ["99", "1", "0", "-2", "true", "null", '"2"', "2.0", "2e0", "[]"]
LONG_TYPE = "application/" + "x" * 4_000_000
KINDS: Cases = {
    **each("version", MALFORMED, lambda version: written(str(version), schemaVersion="@"), VERSIONS),
    "no version": (image().replace(b'"schemaVersion": 2, ', b""), MALFORMED),
    **each("type", TAKEN, lambda said: image(mediaType=said), [None, "", DOCKER]),
    "docker's list": (listing(mediaType=DOCKER_LIST), TAKEN),
    **each(
        "type",
        MALFORMED,
        lambda said: image(mediaType=said),
        [7, [], {}, "text/html", "application/x", "x", "application/" + "x" * 300],
    ),
    "type of 4 MB": (image(mediaType=LONG_TYPE), MALFORMED),
    "artifact": (image(artifactType="application/x"), TAKEN),
    "artifact of another type": (image(artifactType=7), MALFORMED),
}

SIZES = ["null", "0", "2", "9223372036854775807"]
NO_SIZES = ["-1", '"2"', "2.0", "2.5", "-0.0", "1e2", "1e400", "true", "[]", "9223372036854775808"]
NO_DIGESTS: list[object] = [None, "", 7, [], "x", "sha256:", "sha256:x", "SHA256:" + "0" * 64]
SIZED = HERE | {"size": "@"}


def layer(**parts: object) -> bytes:
    """An image of one layer of which *parts* are described otherwise."""
    return image(layers=[HERE | parts])


PARTS: Cases = {
    **each("layers", TAKEN, lambda value: image(layers=value), [None, []]),
    **each(
        "layers",
        MALFORMED,
        lambda value: image(layers=value),
        [{}, "x", 7, True, [None], [7], [[]], [{}], {"0": HERE}],
    ),
    **each("manifests", TAKEN, lambda value: listing(manifests=value), [None, [], [HERE]]),
    **each("manifests", MALFORMED, lambda value: listing(manifests=value), [{}, "x", 7, [None], [{}]]),
    **each("config", MALFORMED, lambda value: image(config=value), [[], "x", 7, False]),
    **each("digest", MALFORMED, lambda value: layer(digest=value), NO_DIGESTS),
    **each("digest", MISSING, lambda value: layer(digest=value), ["md5:" + "0" * 32, "future:abc"]),
    **each("layer of size", TAKEN, lambda size: written(str(size), layers=[SIZED]), SIZES),
    **each("config of size", TAKEN, lambda size: written(str(size), config=SIZED), SIZES),
    **each("layer of size", MALFORMED, lambda size: written(str(size), layers=[SIZED]), NO_SIZES),
    **each("config of size", MALFORMED, lambda size: written(str(size), config=SIZED), NO_SIZES),
    "size of what it lists": (listing(manifests=[HERE | {"size": "2"}]), MALFORMED),
    "size of its subject": (image(subject=HERE | {"size": "2"}), MALFORMED),
    **each("layer type", MALFORMED, lambda value: layer(mediaType=value), [7, []]),
    **each("layer type", TAKEN, lambda value: layer(mediaType=value), [None, "", "x"]),
    **each("notes", MALFORMED, lambda value: layer(annotations=value), [[], "x", {"x": 7}]),
    **each(
        "notes", TAKEN, lambda value: layer(annotations=value), [None, {}, {"x": None}, {"a": "", "A": ""}]
    ),
    "notes that are a list": (image(annotations=[]), MALFORMED),
    **each(
        "platform",
        MALFORMED,
        lambda value: layer(platform=value),
        [[], 7, {"os": 7}, {"os.features": "x"}, {"os.features": [7]}],
    ),
    **each("platform", TAKEN, lambda value: layer(platform=value), [None, {}, {"os": "x", "of": 7}]),
    **each("data", MALFORMED, lambda value: layer(data=value), [7, []]),
}

NO_URLS = [None, [], [""], [None], ["x"], ["/x"], ["ftp://x/"], ["https://"], ["https://x/", ""]]
WRONG_URLS = ["https://x/", 7, 0, {}, [7], [["https://x/"]], ["https://x/", 7], ["https://["]]
ABSENCES: Cases = {
    "missing config": (image(config=AWAY), MISSING),
    "config that lies elsewhere": (image(config=AWAY | {"urls": ["https://x/"]}), MISSING),
    "missing layer": (image(layers=[AWAY]), MISSING),
    "missing manifest": (listing(manifests=[AWAY]), MISSING),
    "manifest that lies elsewhere": (listing(manifests=[AWAY | {"urls": ["https://x/"]}]), MISSING),
    **each("urls", MISSING, lambda value: image(layers=[AWAY | {"urls": value}]), NO_URLS),
    **each("urls", MALFORMED, lambda value: image(layers=[AWAY | {"urls": value}]), WRONG_URLS),
    "layer that lies elsewhere": (image(layers=[AWAY | {"urls": ["https://x/"]}]), TAKEN),
}

CASES = FORM | KINDS | PARTS | ABSENCES

# What Debian's takes and we do not: no program writes it, and others could not read it, or read another.
STRICTER = {
    *("not UTF-8", "not UTF-8 in a name", "layers twice", "a name twice below", "urls in capitals"),
    *("number '1e400'", "number '-1e400'", f"number {'9' * 5_000!r:.30}", "layers with a long s"),
    *("artifact of another type", "size of its subject", "config that lies elsewhere", "data 7", "data []"),
    *("layer of size '-1'", "config of size '-1'", "urls ['https://x/', '']", "urls ['https://[']"),
    *(f"urls {urls!r}" for urls in ([""], [None], ["x"], ["/x"], ["ftp://x/"], ["https://"])),
}
