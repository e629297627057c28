"""Shopify."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.identity import IdentityRule, WithoutId
from lambdas.inbound.providers.entry import Amount, Option, Provider
from lambdas.inbound.providers.fields import DecimalField, HeaderField, JsonField, ModeField, Unsigned, first_of
from lambdas.inbound.providers.selecting_fields import FieldOfOnlyItem, ModeOfItems
from lambdas.inbound.signatures.shopify import TOPIC_HEADER, ShopifyScheme
from lambdas.shared.request import WebhookRequest

MAX_TOPICS_CHARS = 800
_TOPIC = "[a-z_]+([/.][a-z_]+)+"
# Finds a resource, the part before the first slash or dot, that is repeated behind a later comma.
_RESOURCE_TWICE = r"(?:.*,)?([a-z_]+)[/.][^,]*,(?:.*,)?\1[/.]"
# https://shopify.dev/docs/api/usage/gids
_GLOBAL_ID = re.compile(r"gid://shopify/\w+/([\w-]+)", re.ASCII)


@dataclass(frozen=True)
class ShopifyId:
    """An id of an object, by dotted path. Some bodies have it as a number, others at the end of a global id.

    Attributes
    ----------
    path : str
        Keys from the root, joined with dots.
    """

    path: str

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the id as it is written in the other bodies."""
        value = JsonField(self.path).read(request, document)
        found = _GLOBAL_ID.fullmatch(value) if value is not None else None
        return found[1] if found else value


@dataclass(frozen=True)
class TimeOfChange:
    """When the body's own object changed, or happened."""

    def read(self, request: WebhookRequest, document: Mapping[str, Any]) -> str | None:
        """Return the time; None for a body that `include_fields` left without the object's id."""
        if first_of((JsonField("id"), JsonField("admin_graphql_api_id")), request, document) is None:
            return None
        times = [JsonField("updated_at")]
        # Refunds and transactions, which name their order, happen once. An order has it too, and keeps it.
        if JsonField("order_id").read(request, document) is not None:
            times.append(JsonField("processed_at"))
        return first_of(times, request, document)


_TEST_OF_ORDER = ModeField("test", live="false", test="true")

SHOPIFY = Provider(
    name="shopify",
    title="Shopify",
    scheme=ShopifyScheme(),
    options={
        "topics": Option(
            doc=(
                "the topics that this URL is subscribed to, as in orders/paid,customer.tags_added, no two of one "
                "resource, which is what stands before the slash or dot: orders/create and orders/paid can carry the "
                "same bytes, and Shopify does not sign the topic, so that whoever has the one could send it as the "
                "other; deploy the entry once more for the second. At most "
                f"{MAX_TOPICS_CHARS} characters"
            ),
            # They are part of the evidence, in the 2 KB of metadata that S3 allows.
            pattern=f"(?=.{{1,{MAX_TOPICS_CHARS}}}$)(?!{_RESOURCE_TWICE}){_TOPIC}(,{_TOPIC})*",
            required=True,
        )
    },
    # Retries, and all subscriptions to one event, have the same bytes and the same X-Shopify-Event-Id.
    # https://shopify.dev/changelog/updates-to-webhook-retry-mechanism
    identity=IdentityRule(
        without_id=WithoutId(
            kind=(HeaderField(TOPIC_HEADER),),
            # Not created_at: an object that is changed twice may have the same bytes afterwards.
            dated_by=(TimeOfChange(),),
            # Not signed.
            delivery=(HeaderField("X-Shopify-Event-Id"),),
        ),
        told="the digest of the body, the topic in `X-Shopify-Topic` and, unless the body has the object's `id` and "
        "`updated_at`, or `order_id` and `processed_at`, `X-Shopify-Event-Id`; Shopify signs neither header",
        sources=(
            "https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates",
            "https://shopify.dev/docs/apps/build/webhooks/delivery-structure",
        ),
    ),
    # Not signed: with a signed body, somebody could send another of the topics of this name.
    event_type=(HeaderField(TOPIC_HEADER),),
    transaction_id=(
        ShopifyId("order_id"),
        ShopifyId("admin_graphql_api_order_id"),
        ShopifyId("order.id"),
        ShopifyId("order.admin_graphql_api_id"),
        ShopifyId("order_edit.order_id"),
        ShopifyId("fulfillment_order.order_id"),
        # What is about another object than the body's own.
        ShopifyId("return.id"),
        ShopifyId("fulfillment_order.id"),
        ShopifyId("original_fulfillment_order.id"),
        ShopifyId("fulfillment_order_merges.fulfillment_order.id"),
        ShopifyId("payment_terms_id"),
        ShopifyId("id"),
        ShopifyId("admin_graphql_api_id"),
        # Bodies without an id of their own: checkouts, billing cycles and attempts, customers, the app's own charges.
        JsonField("token"),
        ShopifyId("subscription_contract_id"),
        ShopifyId("customer_id"),
        ShopifyId("customerId"),
        ShopifyId("admin_graphql_api_customer_kept_id"),
        ShopifyId("customer.id"),
        ShopifyId("app_subscription.admin_graphql_api_id"),
        ShopifyId("app_purchase_one_time.admin_graphql_api_id"),
    ),
    transaction=(
        "the order, which refunds, transactions, fulfilments, disputes, returns and risk assessments name; else the "
        "object that the event is about, such as the fulfillment order or the checkout, which Shopify's bodies do not "
        "connect with an order: an order names its checkout in checkout_token. Of gid://shopify/Order/1 the 1 counts"
    ),
    # The tags and segments of a customer have the last one.
    occurred_at=tuple(JsonField(name) for name in ("updated_at", "processed_at", "created_at", "occurredAt")),
    amount=Amount(
        value=(
            DecimalField("total_price"),
            DecimalField("amount"),
            FieldOfOnlyItem("transactions", DecimalField("amount")),
        ),
        currency=(JsonField("currency"), FieldOfOnlyItem("transactions", JsonField("currency"))),
        unit="major",
    ),
    # Orders and transactions say whether they are a test; a refund's transactions do.
    mode=(_TEST_OF_ORDER, ModeOfItems("transactions", _TEST_OF_ORDER)),
    # Of all webhooks only those about the shop itself name it in what is signed.
    account=(JsonField("myshopify_domain"), Unsigned(HeaderField("X-Shopify-Shop-Domain"))),
    key_doc=(
        "the client secret of the app that subscribed; for a webhook that was made in the shop's settings under "
        "Notifications, the signing key shown there"
    ),
    exposure=(
        "send it again, which ends as a duplicate; send it as another of the name's topics, as an event of its own"
    ),
    sends_api_key=False,
    retries="8 times over 4 hours; then a subscription made over the Admin API is deleted",
    answer_within=5,
    sources=(
        "https://shopify.dev/docs/apps/build/webhooks/verify-deliveries",
        "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        "https://shopify.dev/changelog/updates-to-webhook-retry-mechanism",
        "https://shopify.dev/docs/api/webhooks",
    ),
)
