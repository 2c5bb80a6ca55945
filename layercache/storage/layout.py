"""Where things lie in the tree that a distribution registry writes; pure.

    /docker/registry/v2/
      blobs/<algorithm>/<two>/<encoded>/data              two: the first characters of encoded
      repositories/<repository>/
        _layers/<algorithm>/<encoded>/link                the repository has this blob
        _manifests/revisions/<algorithm>/<encoded>/link   the repository has this manifest
        _manifests/tags/<tag>/current/link                what the tag stands for

The content of a link is a digest. Paths begin at the root of the storage
driver, as the Go registry writes them. Every function parses what it is given,
so that no path leads out of the tree.

Source: distribution, registry/storage/paths.go.
"""

import re

from layercache.errors import CorruptEntryError, InvalidArgumentError, shown
from layercache.meta import TREE, blob_path
from layercache.names import MAX_DIGEST_LENGTH, Digest, parse_digest, parse_repository, plain

MAX_LINK_LENGTH = MAX_DIGEST_LENGTH

# No file name may be longer on any file system that matters; the grammar
# allows it only to algorithms that nobody registered.
_MAX_NAME_LENGTH = 255
_REPOSITORIES = f"{TREE[1:]}/repositories/"
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def data_path(dgst: str) -> str:
    """Where the bytes of the blob *dgst* lie.

    Raises:
        InvalidArgumentError: *dgst* is no digest, or has no place in a tree.
    """
    return blob_path(_storable(dgst))


def layer_link_path(repo: str, dgst: str) -> str:
    """What is there iff *repo* was given the blob *dgst*.

    Raises:
        InvalidArgumentError: *repo* or *dgst* is malformed.
    """
    return f"{_repository_path(repo)}/_layers/{_parted(dgst)}/link"


def revision_link_path(repo: str, dgst: str) -> str:
    """What is there iff *repo* has the manifest *dgst*.

    Raises:
        InvalidArgumentError: *repo* or *dgst* is malformed.
    """
    return f"{_repository_path(repo)}/_manifests/revisions/{_parted(dgst)}/link"


def tag_link_path(repo: str, tag: str) -> str:
    """What names the manifest that *tag* stands for in *repo*.

    Raises:
        InvalidArgumentError: *repo* or *tag* is malformed.
    """
    tag = plain("tag", tag)
    if not _TAG.fullmatch(tag):
        raise InvalidArgumentError(f"not a tag: {shown(tag)}")
    return f"{_repository_path(repo)}/_manifests/tags/{tag}/current/link"


def parse_link(path: str, content: bytes) -> Digest:
    """Return the digest that the link at *path* names.

    Raises:
        CorruptEntryError: *content* is no digest: truncated, or not a link.
    """
    try:
        return _storable(content.decode("ascii"))
    except ValueError as error:  # InvalidArgumentError and UnicodeDecodeError are both.
        raise CorruptEntryError(path) from error


# ---- and back, for a listing, whose paths begin without a slash; by form alone, for there are millions


def layer_of_link(path: str) -> tuple[str, str] | None:
    """The repository and the digest whose layer link lies at *path*; None if no such link does."""
    return _of_link(path, "/_layers/")


def _of_link(path: str, folder: str) -> tuple[str, str] | None:
    tree_and_repo, _, rest = path.rpartition(folder)
    names = rest.split("/")
    if len(names) != 3 or names[2] != "link":
        return None
    return tree_and_repo[len(_REPOSITORIES) :], f"{names[0]}:{names[1]}"


def manifest_of_link(path: str) -> tuple[str, str] | None:
    """The repository and the digest whose manifest link lies at *path*; None if no such link does."""
    return _of_link(path, "/_manifests/revisions/")


def digest_of_data(path: str) -> str | None:
    """The digest whose bytes lie at *path*; None if no such bytes do."""
    names = path.rsplit("/", 4)
    if len(names) != 5 or names[4] != "data" or names[2] != names[3][:2]:
        return None
    return f"{names[1]}:{names[3]}"


# All that registries write, down to the file. Of what a registry keeps in a folder of its own, `_uploads`
# or `_referrers`, only the folder is known.
_DIGEST = r"(?:sha256/[0-9a-f]{64}|sha512/[0-9a-f]{128}|(?!sha(?:256|512)/)[a-z0-9+._-]+/[\w=-]+)"
_OF_A_REGISTRY = re.compile(
    rf"{TREE[1:]}/(?:[^/]+"
    rf"|blobs/(?!sha256/(?!../[0-9a-f]{{64}}/)|sha512/(?!../[0-9a-f]{{128}}/))"
    rf"[a-z0-9+._-]+/(?P<two>..?)/(?P=two)[\w=-]*/data"
    rf"|repositories/(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*/)+(?:"
    rf"_layers/{_DIGEST}/link"
    rf"|_manifests/revisions/{_DIGEST}/(?:link|signatures/{_DIGEST}/link)"
    rf"|_manifests/tags/{_TAG.pattern}/(?:current|index/{_DIGEST})/link"
    rf"|_(?!layers/|manifests/)[a-z]+/[!-~]+))",
    re.ASCII,
)


def is_of_a_registry(path: str) -> bool:
    """Whether a registry could have written the file at *path*, which begins without a slash."""
    return _OF_A_REGISTRY.fullmatch(path) is not None


def _repository_path(repo: str) -> str:
    return f"{TREE}/repositories/{parse_repository(repo)}"


def _parted(dgst: str) -> str:
    digest = _storable(dgst)
    return f"{digest.algorithm}/{digest.encoded}"


def _storable(dgst: str) -> Digest:
    digest = parse_digest(dgst)
    if max(len(digest.algorithm), len(digest.encoded)) > _MAX_NAME_LENGTH:
        raise InvalidArgumentError(f"too long to be stored: {digest[:100]}…")
    return digest
