"""Which event a webhook is: decided here for the door, the record, the bus, a replay and the tenant.

A provider's entry has an `IdentityRule`. From what the provider signs it makes the event's id, and two more texts:

* its *content*, which must be the same under one id; by default it is the body;
* its *occurrence*, which tells events apart that have one id: the deliveries of a body that has neither an id nor a
  time, or the merchant accounts of Adyen.

What is read from the event otherwise, such as its transaction and its time, is no part of them: a later version may
read that from another place. The record's key is made of the id alone, so that one conditional write decides.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from lambdas.inbound.providers.fields import (
    BodyDigest,
    Field,
    JsonField,
    first_of,
    is_identifier,
    short_digest,
    value_at,
)
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.request import WebhookRequest

ANY_CONTENT = "any"
"""The content of an event that its sender's id alone identifies."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes an event the same as another one of its provider.

    Attributes
    ----------
    event_id : str
        The event's id.
    content : str | None
        What must be the same under one id: `ANY_CONTENT`, or a digest of what is signed; None for the bytes of the
        body.
    occurrence : str | None
        What tells events with one id apart; None if nothing does, or if it is not known.
    """

    event_id: str
    content: str | None = None
    occurrence: str | None = None


@dataclass(frozen=True, kw_only=True)
class WithoutId:
    """How events are told apart to which their sender gives no signed id.

    Attributes
    ----------
    digest : Field
        The event's id: a digest of what is signed.
    kind : tuple[Field, ...]
        An unsigned type of the event; the same bytes with another one are another event.
    dated_by : tuple[Field, ...]
        Times that change whenever such an event happens. With one of them, the same bytes are the same event.
    delivery : tuple[Field, ...]
        An unsigned id of the event, the same in each delivery of it. It counts for a body without such a time. Without
        such an id, each request is an event.
    """

    digest: Field = BodyDigest()
    kind: tuple[Field, ...] = ()
    dated_by: tuple[Field, ...] = ()
    delivery: tuple[Field, ...] = ()

    def identify(
        self, request: WebhookRequest, document: Mapping[str, Any], request_id: str, *, named: bool = False
    ) -> Identity:
        """Return the identity of an event without an id; see `IdentityRule.identify`.

        Parameters
        ----------
        named : bool
            Whether the body has an id that is no identifier: then the same bytes are the same event.
        """
        event_id = self.digest.read(request, document)
        assert event_id is not None
        parts = [first_of(self.kind, request, document)] if self.kind else []
        if not named and first_of(self.dated_by, request, document) is None:
            parts.append(first_of(self.delivery, request, document) or request_id)
        return Identity(event_id=event_id, occurrence=_digest("\0".join(map(str, parts))) if parts else None)


@dataclass(frozen=True, kw_only=True)
class IdentityRule:
    """What identifies the events of a provider.

    Attributes
    ----------
    event_id : tuple[Field, ...]
        Where the event's id is; the first field with a value counts. Signed bytes only: with an unsigned id, anybody
        who has one signed body could make new events of it.
    unique : bool
        Whether the sender gives an id to one event only. Another body under it is then the same event, rendered anew.
    content : Field | None
        What must be the same under one id, if that is neither nothing (`unique`) nor the whole body.
    apart_by : Field | None
        A signed value that tells events with one id apart.
    without_id : WithoutId | None
        What identifies an event without an id; None where such an event is refused.
    told : str
        What identifies an event, in words.
    sources : tuple[str, ...]
        The provider's documentation of it.
    """

    event_id: tuple[Field, ...] = ()
    unique: bool = False
    content: Field | None = None
    apart_by: Field | None = None
    without_id: WithoutId | None = None
    told: str
    sources: tuple[str, ...]

    def identify(self, request: WebhookRequest, document: Mapping[str, Any], request_id: str) -> Identity:
        """Return the identity of one event of a verified request.

        Parameters
        ----------
        document : Mapping[str, Any]
            The event's own document.
        request_id : str
            What tells this request from any other: the signed time, or API Gateway's id.

        Raises
        ------
        MalformedWebhookError
            When the event has no id, and must have one.
        """
        event_id = first_of(self.event_id, request, document)
        if event_id is None:
            if self.without_id is None:
                raise MalformedWebhookError("no_event_id")
            paths = [field.path for field in self.event_id if isinstance(field, JsonField)]
            named = any(value_at(document, path) not in (None, "") for path in paths)
            return self.without_id.identify(request, document, request_id, named=named)
        content = self.content.read(request, document) if self.content else None
        apart = self.apart_by.read(request, document) if self.apart_by else None
        return Identity(
            event_id=event_id,
            content=ANY_CONTENT if self.unique else content,
            occurrence=None if apart is None else _digest(apart),
        )


class Same(Enum):
    """How a webhook compares with the record of its id."""

    EVENT = auto()
    """It is the recorded event."""
    ID = auto()
    """It is another event with the same id, and has a record of its own."""
    ID_ONLY = auto()
    """It is a conflict: the id was used twice."""


def compare(known: Mapping[str, Any], content: str | None, occurrence: str | None, sha256: str) -> Same:
    """Compare a webhook with the record that its id has.

    Records of version 0.1.0 have neither content nor occurrence, and neither do its messages. What is not known
    distinguishes nothing.

    Parameters
    ----------
    known : Mapping[str, Any]
        The record.
    content, occurrence : str | None
        As in `Identity`.
    sha256 : str
        Digest of the webhook's body.
    """
    if occurrence is not None and known.get("occurrence", occurrence) != occurrence:
        return Same.ID
    theirs = known.get("content")
    if ANY_CONTENT in (content, theirs):
        return Same.EVENT
    if content is not None and theirs is not None:
        return Same.EVENT if content == theirs else Same.ID_ONLY
    return Same.EVENT if payload_of(known) in (sha256, None) else Same.ID_ONLY


def payload_of(known: Mapping[str, Any]) -> str | None:
    """Return the digest of the body that a record is about; None if the record does not say it."""
    archived = known.get("archive")
    digest = archived["sha256"] if archived else known.get("sha256")
    return None if digest is None else str(digest)


def later_id(event_id: str, occurrence: str) -> str:
    """Return the id of an event whose id an earlier event of another occurrence has."""
    text = f"{event_id}:{occurrence}"
    return text if is_identifier(text) else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _digest(text: str) -> str:
    return short_digest(text.encode("utf-8", "surrogatepass"))
