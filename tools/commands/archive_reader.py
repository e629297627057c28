"""Reading all payloads of an archived object."""

from lambdas.inbound.archive import BATCH_PREFIX
from lambdas.inbound.batch_object import read_index


def payloads_of(key: str, content: bytes) -> list[bytes]:
    """Return the payloads that an object below ``raw/`` holds.

    Raises
    ------
    NotABatchObjectError
        When its key says that it holds many, and it does not.
    """
    if not key.startswith(BATCH_PREFIX):
        return [content]
    places = sorted({(entry.offset, entry.size) for entry in read_index(content)})
    return [content[offset : offset + size] for offset, size in places]
