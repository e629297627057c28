"""Coinbase Commerce."""

from lambdas.inbound.identity import IdentityRule
from lambdas.inbound.providers.entry import SEND_AGAIN, AcceptedResponse, Amount, Provider
from lambdas.inbound.providers.fields import DecimalField, JsonField, ValueDigest
from lambdas.inbound.signatures.hmac_header import HmacHeaderScheme

COINBASE_COMMERCE = Provider(
    name="coinbase-commerce",
    title="Coinbase Commerce",
    scheme=HmacHeaderScheme(family="coinbase-commerce", header="X-CC-Webhook-Signature", prefix=""),
    # In the signed body. The outer id, attempt_number and scheduled_for are those of a delivery.
    identity=IdentityRule(
        event_id=(JsonField("event.id"),),
        content=ValueDigest("event"),
        told="`event.id`",
        sources=("https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-fields",),
    ),
    event_type=(JsonField("event.type"),),
    transaction_id=(JsonField("event.data.id"), JsonField("event.data.code")),
    transaction="the charge; for an older one, which has no id, its code",
    occurred_at=(JsonField("event.created_at"),),
    amount=Amount(
        value=(DecimalField("event.data.pricing.local.amount"),),
        currency=(JsonField("event.data.pricing.local.currency"),),
        unit="major",
    ),
    key_doc="the webhook's shared secret, from Settings, Notifications",
    response=AcceptedResponse(status=200),
    exposure=SEND_AGAIN,
    sends_api_key=False,
    retries="for up to 3 days, with exponential back-off of at most an hour",
    answer_within=None,
    sources=(
        "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-overview",
        "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-security",
        "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-fields",
        "https://github.com/coinbase/coinbase-commerce-node/blob/master/lib/Webhook.js",
    ),
)
