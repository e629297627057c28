"""Senders that follow the Standard Webhooks specification."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, Option, Provider
from lambdas.inbound.providers.fields import HeaderField, JsonField
from lambdas.shared.signatures.standard_webhooks import StandardWebhooksScheme
from lambdas.shared.signatures.standard_webhooks_ed25519 import StandardWebhooksEd25519Scheme

_SPECIFICATION = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"


@dataclass(frozen=True, kw_only=True)
class StandardWebhooksProvider(Provider):
    """An entry with headers of the specification, whose prefix is an option; the event's id is in one of them."""

    def configured(self, options: Mapping[str, str]) -> Provider:
        """See `Provider.configured`. Only the header that is signed has the id."""
        configured = super().configured(options)
        if "header_prefix" not in options:
            return configured
        return replace(
            configured, identity=replace(self.identity, event_id=(HeaderField(f"{options['header_prefix']}-id"),))
        )


STANDARD_WEBHOOKS = StandardWebhooksProvider(
    name="standard-webhooks",
    title="Standard Webhooks",
    scheme=StandardWebhooksScheme(),
    options={
        "header_prefix": Option(
            doc=(
                "how the names of the three signed headers begin, in lower case: webhook unless set, as in "
                "webhook-signature; svix for senders that use Svix, such as Clerk and Resend, as in svix-signature"
            ),
            pattern="[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        )
    },
    identity=IdentityRule(
        event_id=(HeaderField("webhook-id"),),
        unique=True,
        told="the header `webhook-id`, or that of the `header_prefix`, which is signed",
        sources=(_SPECIFICATION,),
    ),
    event_type=(JsonField("type"),),
    transaction_id=(JsonField("data.transaction_id"), JsonField("data.transactionId"), JsonField("data.id")),
    occurred_at=(JsonField("timestamp"),),
    transaction="what the sender puts into data.transaction_id, else the object that the event is about",
    key_doc="the endpoint's secret, whsec_...",
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="by the specification's advice for more than a day, with exponential back-off",
    answer_within=None,
    sources=(_SPECIFICATION, "https://docs.svix.com/receiving/verifying-payloads/how-manual"),
)

# An entry of its own: the form is chosen when the provider is deployed, and the other form is not accepted then.
STANDARD_WEBHOOKS_ED25519 = replace(
    STANDARD_WEBHOOKS,
    name="standard-webhooks-ed25519",
    title="Standard Webhooks with a key pair",
    scheme=StandardWebhooksEd25519Scheme(),
    key_doc="the sender's public key, whpk_...",
    native=True,
)
