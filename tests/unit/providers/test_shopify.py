"""Shopify: its own package in both directions, its topics, and what its bodies say."""

import json
import re
from dataclasses import replace

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from modules.settings.environments import build_settings
from modules.settings.validation import SettingsError
from tests.unit.providers.bodies import BODIES
from tests.unit.providers.deployed import ACCEPTED, SHOPIFY, Deployed
from tests.unit.providers.sdk import call
from tests.unit.webhooks import NOW, OTHER_SECRET, request
from tools.senders import SENDERS

SIGNATURE = "X-Shopify-Hmac-SHA256"
TOPIC = "X-Shopify-Topic"
OTHER_TOPIC = "401 other_topic"


def signed(body=None, deployed=SHOPIFY, **headers):
    content = SHOPIFY.body() if body is None else body
    given = deployed.sign(content, now=NOW)
    return request(content, given | {name.replace("_", "-"): value for name, value in headers.items()})


def read(document, topic="orders/paid", name="shopify"):
    (event,) = read_events(name, REGISTRY["shopify"], request(json.dumps(document).encode(), {TOPIC: topic}))
    return event


# --- Shopify's own package ------------------------------------------------------------------------------------------


def test_what_shopify_s_package_signs_is_accepted():
    signatures = call(*(["shopify.sign", SHOPIFY.secret, body] for body in BODIES.values()))

    for body, signature in zip(BODIES.values(), signatures, strict=True):
        headers = {SIGNATURE: signature, TOPIC: "orders/paid"}
        verdict = SHOPIFY.verify(request(body.encode(), headers))
        assert verdict.headers == {SIGNATURE.lower(): signature, TOPIC.lower(): "orders/paid"}
        assert (verdict.scheme, verdict.signed_at) == ("shopify-sha256", None)


def test_shopify_s_package_accepts_what_we_send_and_nothing_else():
    ours = {body: SHOPIFY.sign(body.encode(), now=NOW) for body in BODIES.values()}

    right = call(*(["shopify.validate", SHOPIFY.secret, body, headers] for body, headers in ours.items()))
    other_key = call(*(["shopify.validate", OTHER_SECRET, body, headers] for body, headers in ours.items()))
    other_body = call(*(["shopify.validate", SHOPIFY.secret, body + " ", headers] for body, headers in ours.items()))

    assert [(answer["valid"], answer["topic"]) for answer in right] == [(True, "ORDERS_PAID")] * len(ours)
    assert {(answer["valid"], answer["reason"]) for answer in other_key + other_body} == {(False, "invalid_hmac")}


# --- topics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        (["orders/paid"], ACCEPTED),
        (["refunds/create"], ACCEPTED),
        (["orders/create"], OTHER_TOPIC),
        (["ORDERS/PAID"], OTHER_TOPIC),
        (["orders/paid "], OTHER_TOPIC),
        (["orders/paid\n"], OTHER_TOPIC),
        (["orders/pa\u0456d"], OTHER_TOPIC),
        (["orders/paid,refunds/create"], OTHER_TOPIC),
        (["orders"], OTHER_TOPIC),
        ([""], OTHER_TOPIC),
        ([], OTHER_TOPIC),
        (["orders/paid", "orders/paid"], OTHER_TOPIC),
        (["orders/create", "orders/paid"], OTHER_TOPIC),
        (["orders/paid", "orders/create"], OTHER_TOPIC),
    ],
    ids=ascii,
)
def test_a_topic_that_was_not_agreed_on_is_refused_aloud(topics, expected):
    assert SHOPIFY.answer(signed(X_Shopify_Topic=topics)) == expected


def test_an_unsigned_request_hears_nothing_of_topics():
    assert SHOPIFY.answer(signed(X_Shopify_Topic="orders/create", X_Shopify_Hmac_SHA256="x")) == (
        "401 signature_mismatch"
    )


def test_without_topics_nothing_is_accepted():
    assert Deployed(entry="shopify").answer(signed()) == "503 topics_missing"


# https://shopify.dev/docs/api/webhooks, all topics of the API's versions from 2023-07 to 2026-04.
_TOPICS = """
app/scopes_update,uninstalled app_purchases_one_time/update app_subscriptions/approaching_capped_amount,update
audit_events/admin_api_activity bulk_operations/finish carts/create,update channels/delete
checkouts/create,delete,update collection_listings/add,remove,update collection_publications/create,delete,update
collections/create,delete,update companies/create,delete,update company_contact_roles/assign,revoke
company_contacts/create,delete,update company_locations/create,delete,update
customer.joined_segment,left_segment,tags_added,tags_removed customer_account_settings/update
customer_groups/create,delete,update customer_payment_methods/create,revoke,update
customers/create,data_request,delete,disable,enable,merge,purchasing_summary,redact,update
customers_email_marketing_consent/update customers_marketing_consent/update delivery_promise_settings/update
discounts/create,delete,redeemcode_added,redeemcode_removed,update disputes/create,update
domains/create,destroy,update draft_orders/create,delete,update finance_app_staff_member/delete,grant,revoke,update
finance_kyc_information/update fulfillment_events/create,delete fulfillment_holds/added,released
fulfillment_orders/cancellation_request_accepted,cancellation_request_rejected,cancellation_request_submitted
fulfillment_orders/cancelled,fulfillment_request_accepted,fulfillment_request_rejected
fulfillment_orders/fulfillment_request_submitted,fulfillment_service_failed_to_complete,hold_released
fulfillment_orders/line_items_prepared_for_local_delivery,line_items_prepared_for_pickup
fulfillment_orders/manually_reported_progress_stopped,merged,moved,order_routing_complete,placed_on_hold
fulfillment_orders/progress_reported,rescheduled,scheduled_fulfillment_order_ready,split fulfillments/create,update
inventory_items/create,delete,update inventory_levels/connect,disconnect,update
inventory_shipments/add_items,create,delete,mark_in_transit,receive_items,remove_items,update_item_quantities
inventory_shipments/update_tracking
inventory_transfers/add_items,cancel,complete,ready_to_ship,remove_items,update_item_quantities
locales/create,destroy,update locations/activate,create,deactivate,delete,update markets/create,delete,update
markets_backup_region/update metafield_definitions/create,delete,update metaobjects/create,delete,update
order_transactions/create
orders/cancelled,create,delete,edited,fulfilled,link_requested,paid,partially_fulfilled,risk_assessment_changed
orders/shopify_protect_eligibility_changed,updated payment_schedules/due payment_terms/create,delete,update
product_feeds/create,full_sync,full_sync_finish,incremental_sync,update product_listings/add,remove,update
product_publications/create,delete,update products/create,delete,update profiles/create,delete,update refunds/create
returns/approve,cancel,close,decline,process,reopen,request,update reverse_deliveries/attach_deliverable
reverse_fulfillment_orders/dispose scheduled_product_listings/add,remove,update segments/create,delete,update
selling_plan_groups/create,delete,update shipping_addresses/create,update shop/redact,update
subscription_billing_attempts/challenged,failure,success subscription_billing_cycle_edits/create,delete,update
subscription_billing_cycles/skip,unskip subscription_contracts/activate,cancel,create,expire,fail,pause,update
tax_services/create,update tender_transactions/create themes/create,delete,publish,update
variants/in_stock,out_of_stock
"""
TOPICS = [
    resource + happened
    for group in _TOPICS.split()
    for resource, rest in [re.fullmatch("([a-z_]+[/.])(.*)", group).groups()]
    for happened in rest.split(",")
]


def test_every_topic_of_shopify_s_can_be_deployed_and_is_taken():
    assert len(set(TOPICS)) == len(TOPICS) == 219
    for topic in TOPICS:
        options = {"topics": topic}
        build_settings("dev", {"providers": ["shopify"], "provider_options": {"shopify": options}})
        deployed = Deployed(entry="shopify", options=options)
        webhook = signed(X_Shopify_Topic=topic)
        assert deployed.answer(webhook) == ACCEPTED
        assert read_events("shopify", deployed.provider, webhook)[0].event_type == topic


@pytest.mark.parametrize(
    "topics",
    [
        "orders/paid",
        "customer.tags_added,customers/update,customer_groups/create",
        "orders/paid,refunds/create",
        "order_transactions/create,orders/paid,refunds/create,disputes/update",
        "customers/data_request",
    ],
)
def test_topics_of_different_resources_can_share_a_name(topics):
    options = {"shopify": {"topics": topics}}

    assert build_settings("dev", {"providers": ["shopify"], "provider_options": options}).provider_options == options


@pytest.mark.parametrize(
    "topics",
    [
        "",
        "orders",
        "orders/",
        "/paid",
        "Orders/paid",
        "ORDERS_PAID",
        "orders/paid,",
        "orders/paid, refunds/create",
        "orders/paid\n",
        "orders/create,orders/paid",
        "orders/paid,orders/paid",
        "refunds/create,orders/create,orders/paid",
        "orders/create,refunds/create,orders/paid",
        "orders/create,orders/paid,refunds/create",
        "customer.",
        ".tags_added",
        "customer..tags_added",
        "customer.tags_added,customer.tags_removed",
        "customer.joined_segment,orders/paid,customer.left_segment",
        "customer.tags_added,customer/tags_removed",
    ],
)
def test_topics_that_may_send_the_same_bytes_cannot_share_a_name(topics):
    values = {"providers": ["shopify"], "provider_options": {"shopify": {"topics": topics}}}

    with pytest.raises(SettingsError, match=r"^provider_options\.shopify\.topics: .*topics that this URL"):
        build_settings("dev", values)


def test_a_shopify_without_topics_is_not_deployed():
    with pytest.raises(SettingsError, match=r"^provider_options\.shopify\.topics: is missing"):
        build_settings("dev", {"providers": ["shopify"]})


# --- which event it is ----------------------------------------------------------------------------------------------


def test_a_delivery_with_a_time_that_comes_again_under_new_headers_is_the_same_event():
    first = signed()
    again = replace(first, headers={**first.headers, "x-shopify-webhook-id": ["w2"], "x-shopify-event-id": ["e2"]})

    assert SHOPIFY.answer(again) == ACCEPTED
    read = [read_events("shopify", SHOPIFY.provider, webhook)[0] for webhook in (first, again)]
    assert read[0] == read[1]


def test_a_signed_body_under_another_topic_that_is_taken_has_the_id_of_its_bytes_and_is_told_apart():
    first, relabelled = signed(), signed(X_Shopify_Topic="refunds/create")

    assert SHOPIFY.answer(relabelled) == ACCEPTED
    one, other = (read_events("shopify", SHOPIFY.provider, webhook)[0] for webhook in (first, relabelled))
    assert one.event_id == other.event_id
    assert one.occurrence != other.occurrence


def test_the_same_bytes_of_two_topics_are_two_events_under_two_names():
    order = json.loads(SHOPIFY.body())

    created = read(order, topic="orders/create", name="shopify-created")
    paid = read(order, topic="orders/paid", name="shopify")

    assert created.key != paid.key
    assert (created.event_type, paid.event_type) == ("orders/create", "orders/paid")
    assert created.transaction_id == paid.transaction_id


# --- what its bodies say --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", SENDERS["shopify"].events)
def test_what_the_sender_sends_is_read(event):
    document, order = SENDERS["shopify"].events[event](7)

    read_event = read(document, topic=event)

    assert (read_event.event_type, read_event.transaction_id) == (event, order)
    assert (read_event.currency, read_event.amount_unit) == ("CAD", "minor")


@pytest.mark.parametrize(
    ("document", "transaction_id"),
    [
        # orders/*
        ({"id": 820982911946154508, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}, None),
        # refunds/create, order_transactions/create, fulfillments/create, disputes/create
        ({"id": 1, "order_id": 820982911946154508}, None),
        # returns/request
        ({"id": 1, "order": {"id": 820982911946154508}}, None),
        # orders/edited
        ({"order_edit": {"id": 78912328793, "order_id": 820982911946154508}}, None),
        # draft_orders/create, before it is an order
        ({"id": 890612572, "order_id": None}, "890612572"),
        # carts/create
        ({"id": "eeafa272cebfd4b22385bc4b645e762c"}, "eeafa272cebfd4b22385bc4b645e762c"),
        # orders/risk_assessment_changed
        ({"risk_level": "medium", "order_id": 820982911946154508}, None),
        ({"risk_level": "medium", "admin_graphql_api_order_id": "gid://shopify/Order/820982911946154508"}, None),
        # The same order, whatever a body is cut to.
        ({"order_id": "gid://shopify/Order/820982911946154508"}, None),
        ({"order": {"admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}}, None),
        ({"admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}, None),
        # returns/cancel, and a refund of a return
        ({"id": 123134564567890, "order_id": 820982911946154508, "status": "canceled"}, None),
        ({"id": 1, "order_id": 820982911946154508, "return": {"id": 123134564567890}}, None),
        # returns/update and reverse_deliveries/attach_deliverable name the return only.
        ({"admin_graphql_api_id": "gid://shopify/Return/123134564567890", "return_line_items": {}}, "123134564567890"),
        ({"id": 9080907654321, "return": {"id": 123134564567890}}, "123134564567890"),
        # fulfillment_orders/*, fulfillment_holds/*, which name the fulfillment order only
        ({"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/71", "status": "open"}}, "71"),
        ({"original_fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/71"}}, "71"),
        ({"fulfillment_order_merges": {"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/71"}}}, "71"),
        ({"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/71", "order_id": 820982911946154508}}, None),
        # subscription_billing_attempts/success and /failure
        ({"id": None, "order_id": 820982911946154508, "subscription_contract_id": 5}, None),
        ({"id": None, "order_id": None, "subscription_contract_id": 5}, "5"),
        # payment_terms/create and payment_schedules/due
        ({"id": 706405506930370084, "payment_schedules": [{"id": 6, "payment_terms_id": 7}]}, "706405506930370084"),
        ({"id": 606405506930370084, "payment_terms_id": 706405506930370084}, "706405506930370084"),
        # checkouts/create of version 2026-04, of an earlier one, and checkouts/delete
        ({"token": "123123123", "cart_token": "eeafa272", "customer": {"id": 603851970716743426}}, "123123123"),
        ({"id": 981820079255243537, "token": "123123123"}, "981820079255243537"),
        ({"id": 981820079255243537}, "981820079255243537"),
        # customers/update, customer.tags_added, customer.joined_segment, customers/merge, customers/redact
        ({"id": 706405506930370084}, "706405506930370084"),
        ({"customerId": "gid://shopify/Customer/706405506930370084", "tags": ["tag1"]}, "706405506930370084"),
        ({"shop_id": "gid://shopify/Shop/1", "customer_id": "gid://shopify/Customer/2"}, "2"),
        ({"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1"}, "1"),
        ({"shop_id": 954889, "customer": {"id": 191167}, "orders_to_redact": [299938]}, "191167"),
        # app_subscriptions/update
        ({"app_subscription": {"admin_graphql_api_id": "gid://shopify/AppSubscription/1029266952"}}, "1029266952"),
        # What is no such id stays as it is written.
        ({"id": "gid://shopify/ProductFeed/"}, "gid://shopify/ProductFeed/"),
        (
            {"id": "gid://shopify/InventoryLevel/1?inventory_item_id=2"},
            "gid://shopify/InventoryLevel/1?inventory_item_id=2",
        ),
        ({"order_id": 1.5, "id": 2}, "2"),
        ({"order_id": True, "id": 2}, "2"),
        ({"order_id": "a b", "id": 2}, "2"),
    ],
)
def test_the_transaction_is_the_order(document, transaction_id):
    assert read(document).transaction_id == (transaction_id or "820982911946154508")


def test_what_names_no_object_is_a_transaction_of_its_own():
    event = read({"shop_id": 954889})

    assert event.transaction_id == f"shopify:{event.event_id}"


@pytest.mark.parametrize(
    ("document", "amount", "currency"),
    [
        ({"total_price": "398.00", "currency": "CAD"}, "39800", "CAD"),
        ({"total_price": "0.00", "currency": "jpy"}, "0", "JPY"),
        # order_transactions/create and disputes/create
        ({"order_id": 1, "amount": "11.50", "currency": "USD"}, "1150", "USD"),
        ({"order_id": 1, "transactions": [{"amount": "41.94", "currency": "USD"}]}, "4194", "USD"),
        # Of several payments that a refund goes back to, none is the refund.
        ({"transactions": [{"amount": "1.00", "currency": "USD"}, {"amount": "2.00", "currency": "USD"}]}, None, None),
        ({"order_id": 1, "transactions": []}, None, None),
        ({"order_id": 1, "transactions": {"amount": "1.00", "currency": "USD"}}, None, None),
        ({"order_id": 1, "transactions": ["41.94"]}, None, None),
        ({"total_price": "398.00"}, None, None),
        ({"total_price": "398,00", "currency": "CAD"}, None, None),
        ({"total_price": "\uff11.00", "currency": "CAD"}, None, None),
        ({"total_price": "398.00", "currency": "dollars"}, None, None),
        ({"total_price": None, "currency": "CAD"}, None, None),
    ],
)
def test_the_amount_is_what_shopify_writes_in_minor_units(document, amount, currency):
    event = read({"id": 1, **document})

    assert (event.amount, event.currency) == (amount, currency)
    assert event.amount_unit == (None if amount is None else "minor")


@pytest.mark.parametrize(
    ("document", "occurred_at"),
    [
        (
            {"updated_at": "2021-12-31T19:00:00-05:00", "created_at": "2021-12-30T19:00:00-05:00"},
            "2022-01-01T00:00:00.000Z",
        ),
        ({"updated_at": None, "created_at": "2021-12-31T19:00:00-05:00"}, "2022-01-01T00:00:00.000Z"),
        ({"processed_at": "2021-12-31T19:00:00-05:00"}, "2022-01-01T00:00:00.000Z"),
        ({"customerId": "gid://shopify/Customer/1", "occurredAt": "2022-01-01T00:00:00Z"}, "2022-01-01T00:00:00.000Z"),
        ({"updated_at": "yesterday"}, None),
        ({}, None),
    ],
)
def test_the_time_is_the_object_s_own(document, occurred_at):
    assert read({"id": 1, **document}).occurred_at == occurred_at
