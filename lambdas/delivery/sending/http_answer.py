"""Reads the answer to a request: any server's, to limits, and for its status alone.

An attempt succeeded when it "was responded to with a 2xx status code" (Standard Webhooks, "Delivery success and
failure"). The status is known when the header section has ended. So nothing that is wrong with a header or with the
body makes it another one; the body is kept for people to read, and says whether it is all that was sent.

=========================================  ============================================================================
in the answer                              what becomes of it
=========================================  ============================================================================
no status line: HTTP/0.9, another protocol ``answer malformed``; RFC 9112, sections 2.3 and 4
no reason phrase, or a long one            not needed; RFC 9112, section 4: it should be ignored
HTTP/1.0, line ends without CR             taken; RFC 9112, sections 2.2 and 2.3
1xx before the answer, however many        read past, but 101, which nobody asked for; RFC 9110, section 15.2
the header section breaks off, or drips    ``answer incomplete``, ``timed out``: who sent it may have meant to say more;
                                           RFC 9112, section 8
many headers, long ones, bad bytes         read past; what is kept has limits; control characters are blanks;
                                           RFC 9110, sections 5.4 and 5.5
lines without a colon; folded lines        left out; joined by a blank; RFC 9112, sections 5.1 and 5.2
Content-Length that is no number, or two   the body is not read, since nobody knows where it ends. RFC 9112, section
                                           6.3, discards the whole answer, so that none is taken for that to another
                                           request; a connection has one request here
a body that breaks off, drips, is too      kept as far as it came, as incomplete; RFC 9112, section 8
long, or whose chunks are wrong
Content-Encoding                           kept as the bytes that came: unpacking could make any number of them
trailers                                   not read; RFC 9112, section 7.1.2: they may be discarded
=========================================  ============================================================================

All of it together is bounded by the reader that is handed in, which ends at a time and after some bytes.

Sources: https://www.rfc-editor.org/rfc/rfc9110, https://www.rfc-editor.org/rfc/rfc9112,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lambdas.delivery.domain.attempt_result import HIDDEN, Answer, HttpResult

MAX_ANSWER_BYTES = 65_536
"""Of a body that are read, so that few servers find their connection closed in the middle."""
MAX_KEPT_BODY_BYTES = 16_384
MAX_KEPT_HEADERS = 100
MAX_KEPT_HEADER_BYTES = 16_384
"""Names and values together."""
MAX_KEPT_VALUE_BYTES = 4_096
_CHUNK = 8_192

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9][ \t]+([1-9][0-9]{2})(?:[ \t].*)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LENGTH, _CODING, _RETRY_AFTER = b"content-length", b"transfer-encoding", b"retry-after"
# A session at the endpoint, which says nothing about the attempt, and which readers of attempts could use.
_SECRET = b"set-cookie"
_NO_BODY = frozenset({204, 304})


class AnswerError(Exception):
    """There is no answer, or not all of its header section.

    Parameters
    ----------
    problem : str
        A code for it.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(kw_only=True)
class _Head:
    """A status and headers: those that are kept, and the values of those that are needed, wherever they stood."""

    status: int
    kept: list[tuple[str, str]] = field(default_factory=list)
    whole: bool = True
    needed: dict[bytes, list[str]] = field(default_factory=lambda: {_LENGTH: [], _CODING: [], _RETRY_AFTER: []})

    def tokens(self, name: bytes) -> list[str]:
        """Return what stands between commas in all headers of a name."""
        return [token.strip().lower() for value in self.needed[name] for token in value.split(",")]


def read_answer(reader: io.BufferedReader) -> HttpResult:
    """Return the answer.

    Parameters
    ----------
    reader : io.BufferedReader
        The connection; a read of it that takes too long, or is one too many, raises an error.

    Raises
    ------
    AnswerError
        When there is no status line, or no end of the header section.
    OSError
        When the connection fails, or the time is over, before the end of the header section.
    """
    head = _read_head(reader)
    while 100 <= head.status <= 199 and head.status != 101:
        head = _read_head(reader)
    body, whole = _read_body(reader, head)
    return HttpResult(
        status=head.status,
        retry_after=next(iter(head.needed[_RETRY_AFTER]), None),
        answer=Answer(headers=tuple(head.kept), body=body, complete=head.whole and whole),
    )


def _read_head(reader: io.BufferedReader) -> _Head:
    line = reader.readline()
    if not line:
        raise ConnectionError
    found = _STATUS_LINE.fullmatch(line.rstrip(b"\r\n"))
    if found is None:
        raise AnswerError("answer malformed")
    if not line.endswith(b"\n"):
        raise AnswerError("answer incomplete")
    head, size = _Head(status=int(found[1])), 0
    for one in _fields(reader):
        name, colon, value = (part.strip() for part in one.partition(b":"))
        if not (name and colon):
            continue
        low = name.lower()
        if low in head.needed:
            head.needed[low].append(_text(value[:MAX_KEPT_VALUE_BYTES]))
        if low == _SECRET:
            value = HIDDEN.encode()
        if len(value) > MAX_KEPT_VALUE_BYTES:
            value, head.whole = value[:MAX_KEPT_VALUE_BYTES], False
        if len(head.kept) == MAX_KEPT_HEADERS or size + len(name) + len(value) > MAX_KEPT_HEADER_BYTES:
            head.whole = False
            continue
        size += len(name) + len(value)
        head.kept.append((_text(name), _text(value)))
    return head


def _fields(reader: io.BufferedReader) -> Iterator[bytes]:
    """Yield the fields of a header section, each as one line."""
    one = bytearray()
    while True:
        line = reader.readline()
        if not line.endswith(b"\n"):
            raise AnswerError("answer incomplete")
        text = line.rstrip(b"\r\n")
        if text[:1] in (b" ", b"\t"):
            one += b" " + text.strip()
            continue
        if one:
            yield bytes(one)
        if not text:
            return
        one = bytearray(text)


def _text(raw: bytes) -> str:
    return _CONTROL.sub(" ", raw.decode("latin-1"))


def _read_body(reader: io.BufferedReader, head: _Head) -> tuple[bytes, bool]:
    """Return the beginning of a body, and whether that is all of it."""
    kept, read = bytearray(), 0
    try:
        for piece in _pieces(reader, head):
            kept += piece[: MAX_KEPT_BODY_BYTES - len(kept)]
            read += len(piece)
            if read >= MAX_ANSWER_BYTES:
                break
    except (AnswerError, OSError):
        return bytes(kept), False
    return bytes(kept), read == len(kept)


def _pieces(reader: io.BufferedReader, head: _Head) -> Iterator[bytes]:
    """Yield a body as it comes.

    Raises
    ------
    AnswerError
        When it breaks off, or cannot be told from what is not part of it.
    """
    codings, lengths = head.tokens(_CODING), set(head.tokens(_LENGTH))
    if head.status in _NO_BODY:
        return
    if codings[-1:] == ["chunked"]:
        while size := _chunk_size(reader):
            yield from _exactly(reader, size)
            if reader.readline().strip(b"\r\n"):
                raise AnswerError("answer incomplete")
    elif lengths and not codings:
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            raise AnswerError("answer malformed")
        # Python reads no number of more than 4,300 digits, and one of more than these is beyond any limit.
        yield from _exactly(reader, int(length.lstrip("0")[:19] or 0))
    else:
        while piece := reader.read1(_CHUNK):
            yield piece


def _chunk_size(reader: io.BufferedReader) -> int:
    digits = reader.readline().split(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", digits):
        raise AnswerError("answer incomplete")
    return int(digits, 16)


def _exactly(reader: io.BufferedReader, size: int) -> Iterator[bytes]:
    while size:
        piece = reader.read1(min(size, _CHUNK))
        if not piece:
            raise AnswerError("answer incomplete")
        size -= len(piece)
        yield piece
