"""The providers' lists of events: read whole, with the providers' own clients beside them, and the same events."""

import base64
import hmac
import json
from dataclasses import replace
from urllib.parse import quote_plus

import paypalrestsdk
import pytest
from square import Square

from lambdas.inbound.archive import Archive, key_part
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import CursorGoneError, NotAListError
from lambdas.reconcile.lists.github import GitHubDeliveries
from lambdas.reconcile.lists.gocardless import GoCardlessEvents
from lambdas.reconcile.lists.lithic import LithicEvents
from lambdas.reconcile.lists.paddle import PaddleEvents
from lambdas.reconcile.lists.paypal import PayPalEvents
from lambdas.reconcile.lists.registry import LISTS
from lambdas.reconcile.lists.square import SquareEvents
from lambdas.reconcile.lists.stripe import StripeEvents
from lambdas.reconcile.logic import Reconciled, Reconciliation
from lambdas.reconcile.progress import ProgressStore
from lambdas.shared import times
from lambdas.shared.request import WebhookRequest
from tests.lambdas.events_apis import (
    GitHubApi,
    GoCardlessApi,
    LithicApi,
    PaddleApi,
    PayPalApi,
    SquareApi,
    StripeApi,
    listed_event,
)
from tests.lambdas.support import NOW, Clock, envelope, message
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.senders import SENDERS, Signing

FIRST = NOW - 3_600
SECRET = "the hook's secret"
CONFIGURED = {
    "stripe": REGISTRY["stripe"],
    "paypal": REGISTRY["paypal"].configured({"webhook_id": "5GP028458E2496506"}),
    "square": REGISTRY["square"].configured({"url": "https://example.com/webhook/square"}),
    "github": REGISTRY["github"],
    "gocardless": REGISTRY["gocardless"],
    "lithic": REGISTRY["lithic"],
    "paddle": REGISTRY["paddle"],
}


def paypal_event(number):
    return {
        "id": f"WH-{number}-65239480AR672041G",
        "create_time": times.iso(FIRST + number),
        "resource_type": "capture",
        "event_version": "1.0",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "summary": "Payment completed for € 1.00",
        "resource": {"id": f"cap_{number}", "amount": {"value": "1.00", "currency_code": "EUR"}},
        "links": [],
    }


def square_event(number):
    return {
        "merchant_id": "MLM1",
        "type": "payment.updated",
        "event_id": f"6a8f5f28-54a1-4eb0-a98a-3111513fd4{number:03}",
        "created_at": times.iso(FIRST + number),
        "data": {"type": "payment", "id": f"pay_{number}", "object": {"payment": {"id": f"pay_{number}"}}},
    }


def github_body(number, form=False):
    payload = {
        "action": "created",
        "number": number,
        "title": "Zahlung für 1 € \u2028 <b>",
        "sponsorship": {"node_id": f"S_{number}", "created_at": times.iso(FIRST)},
    }
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    return payload, (b"payload=" + quote_plus(body).encode() if form else body)


def github_delivery(number, *, form=False, secret=SECRET, guid=None):
    payload, body = github_body(number, form)
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    return {
        "id": 1_000 + number,
        "guid": guid or f"guid-{number}",
        "delivered_at": times.iso(FIRST + number),
        "request": {
            "headers": {
                "X-GitHub-Delivery": guid or f"guid-{number}",
                "X-GitHub-Event": "sponsorship",
                "X-Hub-Signature-256": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex(),
                "Content-Type": kind,
            },
            "payload": payload,
        },
    }


def of_sender(name):
    """Return what makes an event of the list from a webhook of the provider's sender."""
    return lambda number: listed_event(name, sent(name, number, NOW), FIRST + number)


def sent(name, number, now):
    """Return a webhook of the provider's sender."""
    return SENDERS[name].webhook(Signing(secret=SENDERS[name].new_secret(), now=int(now), number=number))


KINDS = {
    "stripe": (StripeApi, StripeEvents, of_sender("stripe"), "rk_test_1"),
    "paypal": (PayPalApi, PayPalEvents, paypal_event, "client:secret"),
    "square": (SquareApi, SquareEvents, square_event, "EAAAtoken"),
    "github": (GitHubApi, GitHubDeliveries, github_delivery, "github_pat_1"),
    "gocardless": (GoCardlessApi, GoCardlessEvents, of_sender("gocardless"), "sandbox_token"),
    "lithic": (LithicApi, LithicEvents, of_sender("lithic"), "of-the-program"),
    "paddle": (PaddleApi, PaddleEvents, of_sender("paddle"), "pdl_sdbx_apikey_1"),
}


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def api(name, world):
    kind, _, make, key = KINDS[name]
    with kind(world.clock, key).serve() as api:
        api.events = [make(number) for number in range(70)]
        yield api


def listed(name, api, key=None, *, sandbox=False):
    client = api.client(KINDS[name][1], Clock(0.0), sandbox=sandbox)
    return KINDS[name][1](client, key or api.key, "repos/acme/shop/hooks/7")


def run(world, name, api):
    reconciliation = Reconciliation(
        records=Records(world.clients.dynamodb, world.name),
        queries=RecordQueries(world.clients.dynamodb, world.name),
        progress=ProgressStore(world.clients.dynamodb, world.name),
        queue=MainQueue(world.clients.sqs, world.queue_url, "provider"),
        archive=Archive(world.clients.s3, world.name),
        clock=world.clock,
        on_missing=lambda *_: None,
    )
    one = Reconciled(
        name=name,
        provider=CONFIGURED[name],
        events=listed(name, api),
        api_key=api.key,
        signing_secrets=[SECRET],
        overlap=7_200,
    )
    return reconciliation.run(one, lambda: 900.0)


def webhook(world, name, number, form=False):
    """Return the message of an event's webhook, as the provider writes it."""
    request = webhook_request(name, number, world.clock(), form)
    (read,) = read_events(name, CONFIGURED[name], request)
    return message(envelope(read, body=request.body))


def webhook_request(name, number, now, form=False, *, sandbox=False):
    """Return an event's webhook, as the provider writes it."""
    headers = {"content-type": ["application/json"]}
    if name == "github":
        body = github_body(number, form)[1]
        shown = github_delivery(number, form=form)["request"]["headers"]
        headers = {key.lower(): [value] for key, value in shown.items()}
    elif name in SENDERS and name not in ("paypal", "square"):
        made = sent(name, number, now)
        body, headers = made.body, {key.lower(): [value] for key, value in made.headers.items()}
    else:
        body = json.dumps(KINDS[name][2](number), indent=1).encode()
    if name == "square":
        headers["square-environment"] = ["Sandbox" if sandbox else "Production"]
    return WebhookRequest(body=body, headers=headers, received_at=now)


def test_every_list_is_tested():
    assert set(KINDS) == set(LISTS)


@pytest.mark.parametrize("sandbox", [False, True])
def test_an_event_says_the_same_whether_it_was_sent_or_fetched(name, api, sandbox):
    """Also what the entry reads from headers, which a list does not show."""
    fetched = listed(name, api, sandbox=sandbox).page(FIRST, NOW, None).events
    read = {}
    for one in fetched:
        headers = {header: [text] for header, text in one.headers.items()}
        request = WebhookRequest(body=one.body, headers=headers, received_at=NOW)
        (event,) = read_events(name, CONFIGURED[name], request)
        read[event.event_id] = event
    (sent_event,) = read_events(name, CONFIGURED[name], webhook_request(name, 69, NOW, sandbox=sandbox))
    # A sender's time is its own, and the list's that of the test.
    assert replace(read[sent_event.event_id], occurred_at=sent_event.occurred_at) == sent_event


def test_what_is_missing_is_routed_once_and_its_late_webhook_is_a_duplicate(world, name, api):
    hidden = {3, 40, 69}
    world.process([webhook(world, name, number) for number in range(70) if number not in hidden])
    report = run(world, name, api)
    assert (report["listed"], report["recovered"], report["unreadable"]) == (70, 3, 0)
    assert sum(one["events"] for one in report["byDay"]) == 70
    assert not world.process(world.queued()).failures
    counts = world.routed_counts()
    assert (len(counts), set(counts.values())) == (70, {1})
    late = world.process([webhook(world, name, number) for number in hidden])
    assert (len(late.duplicates), len(late.conflicts), len(late.routed)) == (3, 0, 0)


def test_a_list_has_what_is_in_the_window_and_no_more(name, api):
    events, after, found = listed(name, api), None, []
    while True:
        page = events.page(FIRST + 5, FIRST + 64.5, after)
        found += page.events
        if (after := page.after) is None:
            break
    assert len(found) == 60


def test_a_wrong_key_is_told(name, api):
    with pytest.raises(ApiError, match="status 401"):
        listed(name, api, "wrong:key").page(FIRST, NOW, None)


@pytest.mark.parametrize("name", ["square"])
def test_the_api_of_these_tests_is_one_that_squares_own_client_reads(name, api):
    client = Square(token=api.key, base_url=f"http://127.0.0.1:{api.port}")
    created = {"start_at": times.iso(FIRST), "end_at": times.iso(FIRST + 49)}
    first = client.events.search_events(limit=30, query={"filter": {"created_at": created}})
    second = client.events.search_events(cursor=first.cursor, limit=30, query={"filter": {"created_at": created}})
    assert [one.event_id for one in [*first.events, *second.events]] == [one["event_id"] for one in api.events[:50]]
    assert second.cursor is None


@pytest.mark.parametrize("name", ["paypal"])
def test_the_api_of_these_tests_is_one_that_paypals_own_client_reads(name, api):
    address = f"http://127.0.0.1:{api.port}"
    client = paypalrestsdk.Api(
        endpoint=address, token_endpoint=address, client_id="client", client_secret="secret", mode="sandbox"
    )
    found = paypalrestsdk.WebhookEvent.all({"page_size": 50, "start_time": times.iso(FIRST)}, api=client)
    assert [one.id for one in found.events] == [one["id"] for one in api.events[:50]]


@pytest.mark.parametrize("name", ["paypal"])
def test_a_link_to_another_place_is_not_followed(name, api):
    page = {"events": api.events[:1], "links": [{"rel": "next", "href": "https://example.com/elsewhere"}]}
    api.faults = ["fine", (200, page, {})]
    with pytest.raises(NotAListError, match="elsewhere"):
        listed(name, api).page(FIRST, NOW, None)


@pytest.mark.parametrize("name", ["github"])
def test_a_form_is_the_same_bytes_as_its_webhook(world, name, api):
    api.events = [github_delivery(1, form=True)]
    assert run(world, name, api)["recovered"] == 1
    assert not world.process(world.queued()).failures
    assert len(world.process([webhook(world, name, 1, form=True)]).duplicates) == 1


@pytest.mark.parametrize("name", ["github"])
def test_a_delivery_that_was_made_again_is_counted_in_the_window_of_the_first(world, name, api):
    api.events = [github_delivery(1, guid="again"), {**github_delivery(2, guid="again"), "redelivery": True}]
    assert [one["events"] for one in run(world, name, api)["byDay"]] == [1]
    world.clock.now += 3_600
    api.events.append({**github_delivery(3_700, guid="again"), "redelivery": True})
    report = run(world, name, api)
    assert (report["listed"], report["byDay"]) == (1, [])


@pytest.mark.parametrize("name", ["github"])
def test_bytes_that_are_not_those_that_were_signed_are_not_handed_over(world, name, api):
    api.events = [github_delivery(1, secret="another"), github_delivery(2)]
    report = run(world, name, api)
    assert (report["recovered"], report["unreadable"]) == (1, 1)


def single(fault):
    """Return what befalls the calls of a page, of which the first delivery meets a fault each time."""
    return ["fine", *[fault] * (4 if fault[0] >= 500 else 1)]


@pytest.mark.parametrize("name", ["github"])
@pytest.mark.parametrize(
    "fault",
    [
        (404, {}, {}),
        (502, {}, {}),
        (200, {"request": None}, {}),
        (200, {"request": {"headers": None, "payload": {}}}, {}),
        (200, {"request": {"headers": {}, "payload": None}}, {}),
        (200, [], {}),
    ],
)
def test_a_delivery_that_cannot_be_read_fails_no_other(world, name, api, fault):
    api.events = [github_delivery(1), github_delivery(2)]
    api.faults = single(fault)
    report = run(world, name, api)
    assert (report["listed"], report["recovered"], report["unreadableIds"]) == (2, 1, ["guid-2"])


@pytest.mark.parametrize("name", ["github"])
@pytest.mark.parametrize("fault", [(401, {}, {}), (403, {}, {"X-RateLimit-Remaining": "0"}), (429, {}, {})])
def test_a_refusal_that_is_none_of_the_delivery_ends_the_run(world, name, api, fault):
    api.events = [github_delivery(1), github_delivery(2)]
    api.faults = ["fine", *[fault] * 4]
    with pytest.raises(ApiError):
        run(world, name, api)


@pytest.mark.parametrize("name", ["github"])
def test_when_no_delivery_is_shown_at_all_the_page_is_done_again(world, name, api):
    api.events = [github_delivery(1), github_delivery(2)]
    api.faults = ["fine", *[(503, {}, {})] * 8]
    with pytest.raises(ApiError, match="status 503"):
        run(world, name, api)
    assert run(world, name, api)["recovered"] == 2


@pytest.mark.parametrize("name", ["github"])
@pytest.mark.parametrize("delivered_at", [None, "yesterday", ""])
def test_a_delivery_without_a_time_does_not_end_the_list(world, name, api, delivered_at):
    api.events = [github_delivery(number) for number in range(40)]
    api.events[39]["delivered_at"] = delivered_at
    with pytest.raises(NotAListError, match="delivered_at"):
        run(world, name, api)


@pytest.mark.parametrize("name", ["github"])
def test_a_delivery_that_is_gone_is_no_cursor_that_is_gone(world, name, api):
    api.events = [github_delivery(number) for number in range(31)]
    api.faults = [*["fine"] * 32, (404, {}, {})]
    report = run(world, name, api)
    assert (report["listed"], report["recovered"], report["unreadableIds"]) == (31, 30, ["guid-0"])
    assert len([call for _, call in api.calls if "per_page" in call]) == 2


@pytest.mark.parametrize("name", ["github"])
def test_bytes_are_escaped_as_github_does(world, name, api):
    """In upper case, as in https://github.com/octokit/webhooks.js, and only what is an escape."""
    payload = {"action": "created", "text": "\x1b[0m \\u00ab \x1f", "sponsorship": {"node_id": "S_1"}}
    body = rb'{"action":"created","text":"\u001B[0m \\u00ab \u001F","sponsorship":{"node_id":"S_1"}}'
    made = github_delivery(1)
    signature = "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex()
    headers = {**made["request"]["headers"], "X-Hub-Signature-256": signature}
    api.events = [{**made, "request": {"headers": headers, "payload": payload}}]
    assert run(world, name, api)["recovered"] == 1
    assert Envelope.from_message(world.queued()[0].body).body == body


@pytest.mark.parametrize("name", ["github"])
def test_a_cursor_is_sent_as_it_was_meant(name, api):
    link = '<https://api.github.com/x?per_page=30&cursor=v1_2%2B3%3D>; rel="next"'
    api.faults = [(200, [], {"Link": link})]
    assert listed(name, api).page(FIRST, NOW, None).after == "v1_2+3="


@pytest.mark.parametrize("name", ["paypal"])
def test_an_answer_without_events_is_no_list(name, api):
    api.faults = ["fine", (200, {}, {})]
    with pytest.raises(NotAListError, match="events"):
        listed(name, api).page(FIRST, NOW, None)


@pytest.mark.parametrize("name", ["paypal"])
def test_credentials_that_are_refused_are_no_cursor_that_is_gone(name, api):
    api.faults = [(400, {}, {})]
    with pytest.raises(ApiError) as refused:
        listed(name, api).page(FIRST, NOW, "/v1/notifications/webhooks-events?page=2")
    assert not isinstance(refused.value, CursorGoneError)
    api.faults = ["fine", (400, {}, {})]
    with pytest.raises(CursorGoneError):
        listed(name, api).page(FIRST, NOW, "/v1/notifications/webhooks-events?page=2")


@pytest.mark.parametrize("name", ["github"])
def test_a_redelivery_is_no_other_event(world, name, api):
    api.events = [github_delivery(1), {**github_delivery(1), "id": 2_000, "delivered_at": times.iso(FIRST + 9)}]
    assert run(world, name, api)["listed"] == 1


def undated_delivery(number):
    """Return a delivery of a body that has neither an id nor a time: only the delivery's id tells it from others."""
    payload, body = {"zen": "Keep it logically awesome."}, b'{"zen":"Keep it logically awesome."}'
    made = github_delivery(number)
    signature = "sha256=" + hmac.digest(SECRET.encode(), body, "sha256").hex()
    headers = {**made["request"]["headers"], "X-GitHub-Event": "ping", "X-Hub-Signature-256": signature}
    return {**made, "request": {"headers": headers, "payload": payload}}


@pytest.mark.parametrize("name", ["github"])
def test_the_same_bytes_of_another_delivery_are_another_event(world, name, api):
    api.events = [undated_delivery(number) for number in range(3)]
    for delivery in api.events[:2]:
        headers = {key.lower(): [value] for key, value in delivery["request"]["headers"].items()}
        body = b'{"zen":"Keep it logically awesome."}'
        request = WebhookRequest(body=body, headers=headers, received_at=world.clock())
        (read,) = read_events(name, CONFIGURED[name], request)
        world.process([message(envelope(read, body=body))])
    report = run(world, name, api)
    assert (report["listed"], report["present"], report["recovered"]) == (3, 2, 1)
    assert not world.process(world.queued()).failures
    assert sum(world.routed_counts().values()) == 3


# Where the next page begins, and what is refused then: a cursor that the provider no longer knows.
PAGES = {
    "gocardless": ("EV000000000040", 30),
    "lithic": (of_sender("lithic")(40)["token"], 30),
    "paddle": (of_sender("paddle")(40)["event_id"], 30),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_follow_one_another_and_a_cursor_that_is_gone_is_told(name, api):
    events = listed(name, api)
    after, events.page_size = PAGES[name]
    first = events.page(FIRST, NOW, None)
    second = events.page(FIRST, NOW, first.after)
    assert first.after == after
    assert len({one.id for one in [*first.events, *second.events]}) == 60
    with pytest.raises(CursorGoneError):
        events.page(FIRST, NOW, "gone")


@pytest.mark.parametrize("name", PAGES)
def test_an_entry_that_cannot_be_read_fails_no_other(world, name, api):
    api.events[3] = {key: value for key, value in api.events[3].items() if key in ("created_at", "created", "data")}
    report = run(world, name, api)
    assert (report["listed"], report["recovered"], report["unreadable"]) == (70, 69, 1)


@pytest.mark.parametrize("name", [name for name, (_, kind, *_) in KINDS.items() if not kind.signed])
def test_what_was_fetched_is_proven_to_be_that_from_the_archive(world, name, api):
    """Its id may be in a header."""
    run(world, name, api)
    queued = world.queued()
    assert len(queued) == 70
    for one in queued:
        made = Envelope.from_message(one.body)
        payload = ArchivedPayload(
            place="",
            provider=name,
            event=key_part(made.event.event_id),
            sha256=made.sha256,
            body=made.body,
            evidence=made.evidence,
        )
        assert prove(payload, [], lambda _: None) is Proof.FETCHED


@pytest.mark.parametrize("name", ["lithic"])
def test_an_event_is_the_body_of_its_webhook(world, name, api):
    (fetched,) = [one for one in listed(name, api).page(FIRST, NOW, None).events if one.id == api.events[7]["token"]]
    assert json.loads(fetched.body) == json.loads(sent(name, 7, NOW).body)
    # And one without is none, nor one of which the type is shown beside it alone
    del api.events[7]["payload"], api.events[8]["payload"]["event_type"]
    page = listed(name, api).page(FIRST, NOW, None)
    assert page.unreadable == [api.events[7]["token"]]
    (fetched,) = [one for one in page.events if one.id == api.events[8]["token"]]
    assert json.loads(fetched.body) == json.loads(sent(name, 8, NOW).body)


@pytest.mark.parametrize("name", ["paddle"])
def test_a_list_without_times_to_ask_for_is_read_until_it_is_older_than_the_window(name, api):
    events = listed(name, api)
    events.page_size = 10
    # One event of a page is older than its place.
    api.events[65]["occurred_at"] = times.iso(FIRST - 9)
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page = events.page(FIRST + 30, FIRST + 50, after)
        found, after, pages = [*found, *page.events], page.after, pages + 1
    assert [one.id for one in found] == [api.events[number]["event_id"] for number in reversed(range(30, 50))]
    # Those of 60 to 69, to those of 20 to 29, which are older
    assert pages == 5


@pytest.mark.parametrize("name", ["paddle"])
@pytest.mark.parametrize("occurred_at", [None, "yesterday", 7])
def test_an_event_without_a_time_does_not_end_the_list_and_is_told(world, name, api, occurred_at):
    api.events[40]["occurred_at"] = occurred_at
    report = run(world, name, api)
    assert (report["recovered"], report["unreadableIds"]) == (69, [api.events[40]["event_id"]])


@pytest.mark.parametrize("name", ["paddle"])
def test_a_list_in_another_order_is_not_taken_for_one_that_ends(name, api):
    page = {"data": api.events[:10], "meta": {"pagination": {"has_more": True}}}
    api.faults = [(200, page, {})]
    with pytest.raises(NotAListError, match="newest"):
        listed(name, api).page(FIRST + 30, NOW, None)


@pytest.mark.parametrize("name", ["stripe", "gocardless", "lithic", "paddle"])
@pytest.mark.parametrize(
    "page",
    [
        {"events": [], "data": []},
        {"events": [], "data": [], "has_more": None, "meta": {"cursors": {}, "pagination": {}}},
        # more, of which nobody knows where it begins
        {
            "events": [],
            "data": [],
            "has_more": True,
            "meta": {"cursors": {"after": 7}, "pagination": {"has_more": True}},
        },
        {
            "events": [],
            "data": [],
            "has_more": 1,
            "meta": {"cursors": {"after": {}}, "pagination": {"has_more": "false"}},
        },
        {"meta": {"cursors": {"after": None}, "pagination": {"has_more": False}}},
        [],
    ],
)
def test_a_page_that_does_not_say_whether_it_is_the_last_is_no_page(name, api, page):
    api.faults = [(200, page, {})]
    with pytest.raises(NotAListError):
        listed(name, api).page(FIRST, NOW, None)


@pytest.mark.parametrize("name", ["square"])
def test_a_cursor_that_is_no_text_is_none(name, api):
    for page in ({"events": [], "cursor": 7}, {"subscriptions": [], "cursor": 7}):
        api.faults = [(200, page, {})]
        with pytest.raises(NotAListError):
            listed(name, api).page(FIRST, NOW, None) if "events" in page else listed(name, api).registrations()


def test_a_page_that_follows_itself_is_asked_for_once_more_and_told(world, name, api):
    """A list that goes round in a circle of one page would go on until the time of the run ends."""
    api.events = api.events[:2]
    if name == "github":
        link = '<https://api.github.com/x?cursor=v1_0>; rel="next"'
        found = [(200, [], {"Link": link})]
    else:
        entries = [KINDS[name][2](1)]
        href = "https://api-m.paypal.com/v1/notifications/webhooks-events?page=2"
        more = {"cursor": "7", "has_more": True, "meta": {"cursors": {"after": "7"}, "pagination": {"has_more": True}}}
        found = [(200, {"events": entries, "data": entries, "links": [{"rel": "next", "href": href}], **more}, {})]
    api.faults = (["fine"] if name == "paypal" else []) + found * 9
    with pytest.raises(NotAListError, match="begins where"):
        run(world, name, api)
    assert len(api.calls) == 2 + (name == "paypal")


@pytest.mark.parametrize("name", ["square", "lithic", "paddle"])
def test_registrations_on_a_page_that_follows_itself_are_told(name, api):
    more = {"cursor": "7", "has_more": True, "meta": {"pagination": {"has_more": True}}}
    one = {"token": "ep_1", "id": "ntfset_1"}
    api.faults = [(200, {"subscriptions": [one], "data": [one], **more}, {})] * 9
    with pytest.raises(NotAListError, match="begins where"):
        listed(name, api).registrations()


@pytest.mark.parametrize("name", ["paypal"])
def test_a_token_is_asked_for_once(name, api):
    events = listed(name, api)
    events.page(FIRST, NOW, None)
    events.page(FIRST, NOW, None)
    assert [call for _, call in api.calls if "token" in call] == ["POST /v1/oauth2/token"]
    assert base64.b64encode(b"client:secret").decode() not in repr(api.calls)
