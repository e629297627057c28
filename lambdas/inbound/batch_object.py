"""The archive object of a batch: the exact bytes of many payloads, and an index to find and prove each of them.

::

    payload | payload | ... | index | length of the index | magic

Payloads are stored one after the other from the first byte on, unchanged, so that one ranged request reads one.
The *index* is ASCII JSON: ``{"payloads": [{"provider", "eventId", "contentType", "offset", "size", "sha256",
"evidence"}]}``, with the evidence in the form of `lambdas.inbound.evidence.Evidence.to_document`, or null. Its length
is 8 bytes, big-endian. The *magic* is 8 bytes and names the version. It is read from the end, so that no payload can
be mistaken for it. A payload of several events is stored once, and each of them names it.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lambdas.inbound.evidence import Evidence, NoEvidenceError

MAGIC = b"WHBATCH1"
_END = struct.Struct(">Q8s")


class NotABatchObjectError(ValueError):
    """The bytes are not the archive object of a batch, or not a complete one."""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """A payload to store in a batch's object.

    Attributes
    ----------
    provider, event_id : str
        Its event.
    content_type : str
        The ``Content-Type`` of its request.
    body : bytes
        Its bytes.
    sha256 : str
        Hex digest of the bytes.
    evidence : Evidence | None
        The proof that the provider signed it.
    """

    provider: str
    event_id: str
    content_type: str
    body: bytes
    sha256: str
    evidence: Evidence | None

    @property
    def identity(self) -> tuple[str, str, str]:
        """Payloads of a batch with the same identity are the same."""
        return (self.provider, self.event_id, self.sha256)


@dataclass(frozen=True, kw_only=True)
class IndexEntry:
    """A payload in the index of a batch's object.

    Attributes
    ----------
    provider, event_id, content_type, sha256 : str
        As in `Payload`.
    offset, size : int
        Where its bytes are, counted from the object's first byte.
    evidence : Evidence | None
        None when there is no evidence that this version can read.
    """

    provider: str
    event_id: str
    content_type: str
    sha256: str
    offset: int
    size: int
    evidence: Evidence | None


def write_batch(payloads: Sequence[Payload]) -> tuple[bytes, dict[tuple[str, str, str], int]]:
    """Return a batch's object, and the offset of each payload by its identity.

    The same payloads in any order make the same object. Of two with the same identity, one is kept.
    """
    kept: dict[tuple[str, str, str], Payload] = {}
    for payload in payloads:
        other = kept.get(payload.identity)
        if other is None or _text(payload) < _text(other):
            kept[payload.identity] = payload
    parts: list[bytes] = []
    by_digest: dict[str, int] = {}
    offsets: dict[tuple[str, str, str], int] = {}
    entries = []
    end = 0
    for identity, payload in sorted(kept.items()):
        if payload.sha256 not in by_digest:
            by_digest[payload.sha256] = end
            parts.append(payload.body)
            end += len(payload.body)
        offsets[identity] = by_digest[payload.sha256]
        entries.append(
            {
                "provider": payload.provider,
                "eventId": payload.event_id,
                "contentType": payload.content_type,
                "offset": offsets[identity],
                "size": len(payload.body),
                "sha256": payload.sha256,
                "evidence": _evidence_of(payload),
            }
        )
    index = json.dumps({"payloads": entries}, separators=(",", ":")).encode("ascii")
    return b"".join([*parts, index, _END.pack(len(index), MAGIC)]), offsets


def read_index(content: bytes) -> list[IndexEntry]:
    """Read the index of a whole object, and check that its payloads fill the space before it.

    Raises
    ------
    NotABatchObjectError
        When this is not such an object. The bytes of the payloads are not checked.
    """
    if len(content) < _END.size:
        raise NotABatchObjectError("too short")
    length, magic = _END.unpack(content[-_END.size :])
    start = len(content) - _END.size - length
    if magic != MAGIC or start < 0:
        raise NotABatchObjectError("no index at its end")
    try:
        entries = [_entry(document) for document in json.loads(content[start : -_END.size])["payloads"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotABatchObjectError(f"unreadable index: {type(error).__name__}") from error
    end = 0
    for offset, size in sorted({(entry.offset, entry.size) for entry in entries}):
        if offset != end or size < 0:
            raise NotABatchObjectError("payloads overlap or leave a gap")
        end += size
    if end != start:
        raise NotABatchObjectError("the payloads do not end where the index begins")
    return entries


def erase(content: bytes, offset: int, size: int) -> tuple[bytes, list[str]]:
    """Return an object with a payload's bytes as zeros, and without their evidence; and the keys of its events.

    The other payloads stay where they are.

    Raises
    ------
    NotABatchObjectError
        When this is not such an object.
    """
    named = [entry for entry in read_index(content) if (entry.offset, entry.size) == (offset, size)]
    start = len(content) - _END.size - _END.unpack(content[-_END.size :])[0]
    document = json.loads(content[start : -_END.size])
    for each in document["payloads"]:
        if (each["offset"], each["size"]) == (offset, size):
            each["evidence"] = None
    index = json.dumps(document, separators=(",", ":")).encode("ascii")
    payloads = content[:offset] + bytes(size if named else 0) + content[offset + (size if named else 0) : start]
    erased = b"".join([payloads, index, _END.pack(len(index), MAGIC)])
    return erased, [f"{entry.provider}:{entry.event_id}" for entry in named]


def _evidence_of(payload: Payload) -> dict[str, Any] | None:
    """Return the evidence without its certificate, which is archived once and not with each payload."""
    return None if payload.evidence is None else replace(payload.evidence, certificate=None).to_document()


def _text(payload: Payload) -> str:
    """Return what orders payloads with the same identity, so that the order of a batch does not matter."""
    return json.dumps([payload.content_type, _evidence_of(payload)])


def _entry(document: Any) -> IndexEntry:
    texts = [document[name] for name in ("provider", "eventId", "contentType", "sha256")]
    numbers = [document[name] for name in ("offset", "size")]
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError
    try:
        evidence = Evidence.from_document(document["evidence"])
    except NoEvidenceError:
        evidence = None
    return IndexEntry(
        provider=texts[0],
        event_id=texts[1],
        content_type=texts[2],
        sha256=texts[3],
        offset=numbers[0],
        size=numbers[1],
        evidence=evidence,
    )
