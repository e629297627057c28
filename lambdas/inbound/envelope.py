"""A message of the main queue: an event, and its payload or the place of its payload.

The payload is base64-encoded, because SQS refuses some control characters and the bytes must not change.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.providers.fields import is_identifier, is_whole
from lambdas.shared import times

VERSION = 1
# The AWS provider 5.100.0 allows 262,144 bytes for a message. The difference is left for what replay adds.
MAX_MESSAGE_BYTES = 262_144 - 2_048
# Beside the event in the message, so that version 0.1.0, which may still run during an upgrade, can read the event.
_IDENTITY = ("content", "occurrence", "same_bytes_as")
_MONEY = ("exponent", "mode", "account", "unsigned")
_OF_FIRST_RELEASE = tuple(name for name in WebhookEvent.__dataclass_fields__ if name not in _IDENTITY + _MONEY)
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class NotAnEnvelopeError(ValueError):
    """The message was not written by this system, or by a version of it that this one cannot read."""


@dataclass(frozen=True, kw_only=True)
class ArchivedBody:
    """Where the exact bytes of a payload are.

    Attributes
    ----------
    key : str
        Object key in the archive bucket.
    size : int
        Length in bytes.
    sha256 : str
        Hex digest of the bytes.
    offset : int
        Where the payload begins in the object, which may contain others too.
    """

    key: str
    size: int
    sha256: str
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class RecordKey:
    """The key of a record.

    Attributes
    ----------
    partition, sort : str
        See `lambdas.inbound.record_items`.
    """

    partition: str
    sort: str


@dataclass(frozen=True, kw_only=True)
class Replay:
    """An operator's request to process an event again.

    Attributes
    ----------
    replay_id : str
        Id of the replay request.
    requested_at : str
        ISO 8601, UTC.
    """

    replay_id: str
    requested_at: str


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message on the main queue.

    Attributes
    ----------
    event : WebhookEvent
        The verified event.
    received_at : str
        When API Gateway received it, ISO 8601, UTC.
    correlation_id : str
        The same for an event from the HTTP request to the last function that handles it.
    content_type : str
        The ``Content-Type`` of the request.
    scheme : str
        The signature scheme that accepted it.
    evidence : Evidence | None
        The proof of that, archived with the payload. None when the payload is archived already, unless it contains a
        certificate.
    signature_id : str | None
        Set when only one body may be recorded for a signature, see `lambdas.shared.signatures.scheme.Verdict`.
    body : bytes | None
        The payload, when the message contains it.
    archived : ArchivedBody | None
        Where the payload is, when it does not.
    replay : Replay | None
        Set when an operator asked for this message.
    record : RecordKey | None
        The record that is to be replayed; None for a message that looks for its record itself.
    any_mode : bool
        Whether the operator asked to route the event whatever its mode is.
    recovered : bool
        Whether it was fetched from its provider's list of events, because no webhook of it was recorded.
    """

    event: WebhookEvent
    received_at: str
    correlation_id: str
    content_type: str
    scheme: str
    evidence: Evidence | None = None
    signature_id: str | None = None
    body: bytes | None = None
    archived: ArchivedBody | None = None
    replay: Replay | None = None
    record: RecordKey | None = None
    any_mode: bool = False
    recovered: bool = False

    @property
    def sha256(self) -> str:
        """Hex digest of the payload."""
        return self.archived.sha256 if self.archived else hashlib.sha256(self.body or b"").hexdigest()

    def to_message(self) -> str:
        """Return the message body."""
        event = vars(self.event)
        identity = {name: event[name] for name in _IDENTITY if event[name] is not None}
        money = {name: event[name] for name in _MONEY if event[name] is not None}
        message: dict[str, Any] = {
            "v": VERSION,
            "event": {name: event[name] for name in _OF_FIRST_RELEASE},
            "receivedAt": self.received_at,
            "correlationId": self.correlation_id,
            "contentType": self.content_type,
            "scheme": self.scheme,
        }
        if self.evidence is not None:
            message["evidence"] = self.evidence.to_document()
        if self.signature_id is not None:
            message["signatureId"] = self.signature_id
        if self.body is not None:
            message["body"] = base64.b64encode(self.body).decode("ascii")
        if self.archived is not None:
            message["archived"] = vars(self.archived)
        if self.replay is not None:
            message["replay"] = vars(self.replay)
        if self.record is not None:
            message["record"] = vars(self.record)
        if identity:
            message["identity"] = identity
        if money:
            message["money"] = money
        if self.any_mode:
            message["anyMode"] = True
        if self.recovered:
            message["recovered"] = True
        return _ENCODER.encode(message)

    @classmethod
    def from_message(cls, message: str) -> Self:
        """Read the body of a message.

        Raises
        ------
        NotAnEnvelopeError
            When it is not an envelope.
        """
        try:
            fields = json.loads(message)
            if fields["v"] != VERSION:
                raise NotAnEnvelopeError(f"envelope version {fields['v']!r:.20}, expected {VERSION}")
            identity = fields.get("identity", {})
            money = fields.get("money", {})
            event = WebhookEvent(**fields["event"], **identity, **money)
            if not all(is_identifier(value) for value in identity.values()):
                raise NotAnEnvelopeError("the members of identity must be identifiers")
            _check_money(event, money)
            identifiers = (event.provider, event.event_id, event.event_type, event.transaction_id)
            if not all(is_identifier(value) for value in identifiers):
                raise NotAnEnvelopeError("provider, event_id, event_type and transaction_id must be identifiers")
            if not is_identifier(fields.get("signatureId", "-")):
                raise NotAnEnvelopeError("signatureId must be an identifier")
            archived, replay, record = fields.get("archived"), fields.get("replay"), fields.get("record")
            texts = [fields[name] for name in ("receivedAt", "correlationId", "contentType", "scheme")]
            optional = (event.occurred_at, event.amount, event.currency, event.amount_unit)
            texts += [text for text in optional if text is not None]
            texts += [archived["key"], archived["sha256"]] if archived is not None else []
            texts += list(replay.values()) if replay is not None else []
            texts += list(record.values()) if record is not None else []
            if not all(isinstance(text, str) for text in texts):
                raise NotAnEnvelopeError("a text is missing, or a member is not a text")
            if times.parse(fields["receivedAt"]) is None:
                raise NotAnEnvelopeError("receivedAt must be a time")
            if archived is not None:
                for name, number in (("size", archived["size"]), ("offset", archived.get("offset", 0))):
                    if type(number) is not int or number < 0:
                        raise NotAnEnvelopeError(f"archived.{name} must be a whole number")
            envelope = cls(
                event=event,
                received_at=fields["receivedAt"],
                correlation_id=fields["correlationId"],
                content_type=fields["contentType"],
                scheme=fields["scheme"],
                evidence=Evidence.from_document(fields["evidence"]) if "evidence" in fields else None,
                signature_id=fields.get("signatureId"),
                body=base64.b64decode(fields["body"], validate=True) if "body" in fields else None,
                archived=None if archived is None else ArchivedBody(**archived),
                replay=None if replay is None else Replay(**replay),
                record=None if record is None else RecordKey(**record),
                any_mode=fields.get("anyMode") is True,
                recovered=fields.get("recovered") is True,
            )
        except NotAnEnvelopeError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
            raise NotAnEnvelopeError(f"not an envelope: {type(error).__name__}") from error
        if (envelope.body is None) == (envelope.archived is None):
            raise NotAnEnvelopeError("an envelope has either a body or the place where it is archived")
        return envelope


def _check_money(event: WebhookEvent, money: dict[str, Any]) -> None:
    exponent = money.get("exponent")
    if not all(is_identifier(value) for name, value in money.items() if name != "exponent"):
        raise NotAnEnvelopeError("mode, account and unsigned must be identifiers")
    if exponent is not None and not (type(exponent) is int and is_whole(event.amount)):
        raise NotAnEnvelopeError("exponent and amount must be whole numbers")
