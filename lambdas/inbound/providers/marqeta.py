"""Marqeta."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.documents import MAX_ITEMS
from lambdas.inbound.providers.entry import AcceptedResponse, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JoinedFields, JsonField, ValueDigest
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme
from lambdas.shared.errors import MalformedWebhookError
from lambdas.shared.jsonbody import parse_object
from lambdas.shared.request import WebhookRequest


@dataclass(frozen=True)
class MarqetaBody:
    """Arrays of events, each under the name of their kind, such as ``transactions``.

    A document has two members: ``kind``, and ``event``, which is as Marqeta sent it.
    """

    several: ClassVar[bool] = True

    def documents(self, request: WebhookRequest) -> Sequence[Mapping[str, Any]]:
        """See `BodyFormat.documents`."""
        arrays = {kind: items for kind, items in parse_object(request.body).items() if isinstance(items, list)}
        documents = [{"kind": kind, "event": item} for kind, items in arrays.items() for item in items]
        if not 1 <= len(documents) <= MAX_ITEMS or not all(isinstance(each["event"], dict) for each in documents):
            raise MalformedWebhookError("no_items")
        return documents


MARQETA = Provider(
    name="marqeta",
    title="Marqeta",
    # The webhook's signature_algorithm must be HMAC_SHA_256; HMAC-SHA1, the older choice, is not accepted.
    scheme=HmacHeaderScheme(family="marqeta", header="X-Marqeta-Signature", prefix=""),
    body_format=MarqetaBody(),
    # An event has no id but its object's token, which is in the signed body. Whether one token comes under several
    # types or states is not documented, so that these are part of the id: nothing is lost as a duplicate of another.
    # An event may come again among others.
    identity=IdentityRule(
        event_id=(
            JoinedFields(
                (JsonField("event.token"), JsonField("kind"), JsonField("event.type"), JsonField("event.state")),
                separator=":",
            ),
        ),
        content=ValueDigest("event"),
        told="the object's `token`, its kind, `type` and `state`",
        sources=("https://www.marqeta.com/docs/core-api/event-types",),
    ),
    event_type=(JoinedFields((JsonField("kind"), JsonField("event.type"))),),
    transaction_id=(
        JsonField("event.preceding_related_transaction_token"),
        JsonField("event.transaction_token"),
        JsonField("event.token"),
    ),
    transaction=(
        "the transaction that a clearing or reversal follows, or that a chargeback is about; else the event's own token"
    ),
    occurred_at=(JsonField("event.created_time"),),
    amount=Amount(value=(DecimalField("event.amount"),), currency=(JsonField("event.currency_code"),), unit="major"),
    key_doc="the webhook's config.secret, as set with Marqeta's API; not the password of its basic authentication",
    # A ping must be answered with 200.
    response=AcceptedResponse(status=200),
    exposure=(
        "send it again, which ends as a duplicate; read the user name and password that Marqeta sends along, which "
        "prove nothing here"
    ),
    sends_api_key=False,
    retries="for up to two weeks",
    answer_within=None,
    sources=(
        "https://www.marqeta.com/docs/developer-guides/signature-verification",
        "https://www.marqeta.com/docs/developer-guides/about-webhooks",
        "https://www.marqeta.com/docs/core-api/event-types",
        "https://www.marqeta.com/docs/core-api/webhooks/ping",
        "https://github.com/marqeta/marqeta-python/blob/master/marqeta/response_models/transaction_model.py",
    ),
)
