"""The console's pages in a real browser, in front of an operators' API that answers as its document says."""

import hashlib
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import pytest
from playwright.sync_api import expect

from lambdas.inbound.record_items import State, Step
from tests.browsing import SHOWN, ConsoleVisit, Visit, launched, wrong_for_some
from tests.console_stack import SECRET, Stack, archived, refusal, running
from tests.lambdas.statement_support import StatementWorld
from tools import ROOT
from tools.console.server import ENVIRONMENT
from tools.generate import operator_openapi
from tools.local.stack import path_id

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ARCHIVED, BODY = archived()
DIGEST = hashlib.sha256(BODY).hexdigest()


def event(number, **more):
    return {
        "provider": "stripe",
        "eventId": f"evt_{number}",
        "eventType": "charge.failed",
        "state": "ROUTED",
        "transactionId": "pi_1",
        "occurredAt": "2026-01-01T00:00:00Z",
        "receivedAt": f"2026-01-01T00:{number % 60:02}:00.000Z",
        "amount": 1099,
        "currency": "EUR",
        "amountUnit": "minor",
        "exponent": 2,
        "mode": "live",
        "correlationId": "c-1",
        "scheme": "stripe",
        **more,
    }


FAILED = {
    "state": "DEAD_LETTERED",
    "deadLetteredAt": "2026-01-01T00:05:00.000Z",
    "lastFailure": {"reason": f"PutEvents: {HOSTILE}", "at": "2026-01-01T00:04:00.000Z", "receiveCount": 3},
}
ONE = {
    "event": "stripe:evt_1",
    "records": [
        {
            **event(1, **FAILED),
            "record": "-",
            "timeline": [
                {"step": "dead-lettered", "at": "2026-01-01T00:05:00.000Z", "reason": HOSTILE},
                {"step": "received", "at": "2026-01-01T00:01:00.000Z"},
            ],
            "archive": {
                "key": f"raw/stripe/{json.loads(BODY)['id']}/{DIGEST}",
                "offset": 0,
                "size": len(BODY),
                "sha256": DIGEST,
            },
        }
    ],
    "transaction": {"transactionId": "pi_1", "otherEvents": [event(2)], "hasMore": False},
}
BECAME = {
    "eventId": "evt_T",
    "type": "charge.failed",
    "createdAt": "2026-01-01T00:06:00.000Z",
    "size": 1,
    "sha256": "0",
    "erasedAt": None,
    "attemptsComplete": True,
    "attempts": [
        {
            "eventId": "evt_T",
            "endpointId": "ep_1",
            "number": 1,
            "at": "2026-01-01T00:07:00.000Z",
            "durationMs": 5,
            "status": 500,
            "outcome": "status 500",
        }
    ],
    "deliveries": [
        {
            "eventId": "evt_T",
            "endpointId": "ep_1",
            "eventType": "charge.failed",
            "state": "PENDING",
            "reason": None,
            "attempts": 1,
            "nextAttemptAt": "2026-01-01T00:09:00.000Z",
            "createdAt": "2026-01-01T00:06:00.000Z",
            "updatedAt": "2026-01-01T00:08:00.000Z",
        }
    ],
}
COUNTS = {
    "from": "2026-01-01T00:00:00.000Z",
    "to": "2026-01-01T01:00:00.000Z",
    "exact": False,
    "counts": [
        {"provider": "stripe", "state": "ROUTED", "events": 12_345},
        {"provider": "stripe", "state": "DEAD_LETTERED", "events": 2},
    ],
}
ENDPOINT = {
    "tenantId": "acme",
    "endpointId": "ep_01JZ5R8N6M3T2V4W6X8Y0Z2A4C",
    "url": "https://hooks.shop.example/webhooks",
    "eventTypes": ["charge.*"],
    "state": "ACTIVE",
    "stateReason": None,
    "stateSince": "2026-01-01T00:00:00.000Z",
    "stoppedBy": None,
    "rateLimit": None,
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:00.000Z",
}
DETAIL = {
    **{name: value for name, value in ENDPOINT.items() if name != "tenantId"},
    "tenantSuspendedSince": None,
    "breaker": "open",
    "openUntil": "2026-01-01T00:10:00.000Z",
    "consecutiveFailures": 9,
    "failingSince": "2026-01-01T00:00:00.000Z",
    "slowUntil": None,
    "waiting": 12,
    "nextLookAt": "2026-01-01T00:10:00.000Z",
}
TENANT = {
    "tenantId": "acme",
    "name": "Acme",
    "state": "ACTIVE",
    "plan": None,
    "eventsPerDay": None,
    "maxEndpoints": 5,
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:00.000Z",
}
TOKEN = {
    "tenantId": "acme",
    "tokenId": f"tok_{'0' * 64}",
    "label": HOSTILE,
    "access": "full",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "expiresAt": None,
    "revokedAt": None,
}
LINK = {
    "url": f"https://hooks.example/portal#token=whp_{'a' * 43}",
    "tokenId": TOKEN["tokenId"],
    "access": "portal-read",
    "expiresAt": "2026-01-01T00:30:00.000Z",
}
REPLAY = {
    "replayId": "rpl_01JZ5R8N6M3T2V4W6X8Y0Z2A4C",
    "endpointId": None,
    "from": "1970-01-01T00:00:00.000Z",
    "to": "2026-01-01T00:00:00.000Z",
    "eventTypes": ["*"],
    "include": ["DLQ"],
    "rate": 10,
    "state": "RUNNING",
    "reason": None,
    "examined": 50,
    "sent": 7,
    "refused": {"attempt_under_way": 2},
    "reachedAt": None,
    "startedAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:00.000Z",
}
COUNT = {"examined": 60, "matched": 9, "refused": {}, "complete": True}
ERASED = {
    "dryRun": True,
    "places": [
        {"key": "raw/_batch/2026-01-01/0", "offset": 0, "size": 10},
        {"key": "dead/1", "offset": None, "size": None},
    ],
    "sameBytes": ["stripe:evt_2"],
    "erasedAt": None,
}
ENTRY = {
    "at": "2026-01-01T00:00:00.000Z",
    "requestId": "r-1",
    "who": "arn:aws:iam::1:user/night",
    "action": "POST /internal/replay",
    "asked": {"eventIds": ["stripe:evt_1"]},
    "reason": "fixed",
    "outcome": "done",
    "counts": None,
}
# Digits that a number of JavaScript loses, and a name that comes twice.
PAYLOAD = b'{"id":"evt_1","a":{},"n":12345678901234567890,"n":[1,"' + HOSTILE.encode() + b'"]}'


def alarm(name, topic, state="OK"):
    return {
        "AlarmName": f"webhook-{name}-dev",
        "StateValue": state,
        "AlarmDescription": "an event was given up",
        "StateUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
        "AlarmActions": [f"arn:aws:sns:eu-central-1:1:webhook-{topic}-dev"],
    }


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def stack():
    stack = Stack()
    stack.answers = {
        "/internal/events": {"events": [event(3), event(2), event(1, **FAILED)], "next": None},
        "/internal/counts": COUNTS,
        f"/internal/events/{path_id('stripe:evt_1')}": ONE,
        f"/internal/payloads/{path_id('stripe:evt_1')}": PAYLOAD,
        "/operator/deliveries": {"deliveries": [], "next": None},
    }
    stack.aws = {
        "DescribeAlarms": {"MetricAlarms": [alarm("fine", "alarms"), alarm("delivery-fine", "delivery-alarms")]},
        "GetMetricData": {"MetricDataResults": []},
        "ListMetrics": {"Metrics": []},
        "GetQueueAttributes": {
            "Attributes": {"ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesNotVisible": "0"}
        },
        "GetObject": ARCHIVED,
        "GetSecretValue": {"SecretString": SECRET},
    }
    return stack


@pytest.fixture
def statements(stack):
    """A day's statement, with an account that has markup."""
    world = StatementWorld()
    world.record("evt_1", account="acct_1", mode="live")
    world.record("evt_2", account="<img src=x onerror=alert(1)>", state="RECORDED")
    world.run(delivery_worker="worker", tenants={"acme": {"acme": ["<b>acct_1"]}})
    stack.aws["ListObjectsV2"] = lambda asked: world.s3.list_objects_v2(Prefix=asked["Prefix"])
    archived = stack.aws["GetObject"]
    stack.aws["GetObject"] = lambda asked: (
        world.s3.get_object(Key=asked["Key"]) if asked["Key"].startswith("statements/") else archived(asked)
    )
    return world


@pytest.fixture
def console(stack):
    with running(stack) as console:
        yield console


@pytest.fixture
def visit(browser, console):
    opened = []

    def visit(path="/dev/", **options):
        opened.append(ConsoleVisit(browser, console, path, **options))
        return opened[-1]

    yield visit
    for each in opened:
        each.page.close()
        # Whatever a provider or an endpoint sent was text.
        assert each.alerts == []


def asked(stack, path):
    """Return the queries with which a path of the API was asked."""
    return [
        {name: value[0] for name, value in parse_qs(urlsplit(each).query).items()}
        for each, _ in stack.asked
        if urlsplit(each).path == path
    ]


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ("Event", event(1, **FAILED)),
        ("OneEvent", ONE),
        ("Counts", COUNTS),
        ("Events", {"events": [], "next": "n"}),
        ("Entry", ENTRY),
        ("EventDetailResponse", BECAME),
        ("TenantEndpointResponse", ENDPOINT),
        ("OperatorEndpointDetailResponse", DETAIL),
        ("TenantResponse", TENANT),
        ("AuditEntryResponse", {**ENTRY, "made": "tok_1"}),
        ("ReplayResponse", REPLAY),
        ("CountResponse", COUNT),
        ("ListTokensResponse", {"tokens": [TOKEN]}),
        ("PortalLinkResponse", LINK),
        ("Erased", ERASED),
    ],
)
def test_the_made_up_answers_are_as_the_documents_say(schema, example):
    delivery = json.loads((ROOT / "lambdas" / "delivery_docs" / "openapi.json").read_text(encoding="utf-8"))
    documents = (operator_openapi.document(), delivery)
    (document,) = [each for each in documents if schema in each["components"]["schemas"]]

    jsonschema_rs.validator_for({**document, "$ref": f"#/components/schemas/{schema}"}).validate(example)


# --- getting in -------------------------------------------------------------------------------------------------


def test_the_start_url_opens_the_console_and_leaves_no_token_in_the_address(browser, console):
    first = Visit(browser)

    first.open(console.start_url)

    expect(first.page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert first.page.evaluate("location.href") == f"{console.origin}/dev/"
    # A page that is left while it asks has requests that fail.
    expect(first.page.locator(SHOWN)).to_be_visible()
    first.open(f"{console.origin}/dev/events?provider=stripe#token={console.token}")
    expect(first.page.get_by_role("heading", level=1)).to_have_text("Events")
    assert first.page.evaluate("location.href") == f"{console.origin}/dev/events?provider=stripe"
    first.assert_clean()
    first.page.close()


def test_without_the_token_nothing_is_shown_and_it_is_said_what_to_do(browser, console, stack):
    stranger = Visit(browser)
    stranger.open(f"{console.origin}/")

    expect(stranger.page.get_by_role("alert")).to_contain_text("make console")
    assert stack.asked == []
    # Whoever does it in this tab changes the fragment alone.
    stranger.page.goto(console.start_url)
    expect(stranger.page.get_by_role("heading", level=1)).to_have_text("Overview")
    stranger.page.close()


def test_a_link_opens_in_another_tab_of_this_browser_and_one_to_another_environment_says_so(browser, console):
    context = browser.new_context()
    context.new_page().goto(console.start_url)
    tab = context.new_page()
    tab.goto(f"{console.origin}/dev/events/stripe:evt_1")
    expect(tab.get_by_role("heading", level=1)).to_have_text("stripe:evt_1")

    tab.goto(f"{console.origin}/prod/events")

    expect(tab.get_by_role("alert")).to_have_text("This link is about prod, and this console shows dev.")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Not here")
    context.close()


def test_a_tab_keeps_the_token_and_the_environment_that_it_was_opened_with(visit, console):
    page = visit().page
    # Given a console of another environment that was started on the same port, and its tab
    page.evaluate("localStorage.setItem('token', 'of-prod')")

    with page.expect_request("**/api/events") as asked:
        page.get_by_role("link", name="Events", exact=True).click()

    headers = asked.value.all_headers()
    assert (headers["authorization"], headers[ENVIRONMENT.lower()]) == (f"Bearer {console.token}", "dev")


def test_an_inline_script_and_markup_from_text_are_refused(visit):
    """The policy works: that nothing happens is no accident of what the pages do."""
    opened = visit()

    opened.page.evaluate("document.body.append(Object.assign(document.createElement('a'), {id: 'made'}))")
    # The browser says it when the script has gone on already.
    with opened.page.expect_console_message(lambda message: "Trusted" in message.text):
        refused = opened.page.evaluate(
            "() => { try { document.getElementById('made').innerHTML = '<b>'; } catch (error) { return error.name; } }"
        )

    assert refused == "TypeError"


# --- events -----------------------------------------------------------------------------------------------------


def test_filters_are_in_the_address_and_in_what_is_asked(visit, stack):
    page = visit("/dev/events").page
    page.get_by_label("Provider").select_option("stripe")
    page.get_by_label("Type").fill("a b&c")
    page.get_by_label("From, UTC").fill("2026-01-01T00:00:00")
    stack.asked.clear()

    page.get_by_role("button", name="Show").click()

    expect(page.get_by_role("status")).to_have_text("3 events")
    wanted = {"provider": "stripe", "type": "a b&c", "from": "2026-01-01T00:00:00Z"}
    assert asked(stack, "/internal/events") == [wanted]
    assert {k: v[0] for k, v in parse_qs(urlsplit(page.url).query).items()} == wanted
    # and whoever gets the link sees the same filters
    page.reload()
    expect(page.get_by_label("Type")).to_have_value("a b&c")
    expect(page.get_by_label("Provider")).to_have_value("stripe")
    expect(page.get_by_label("From, UTC")).to_have_value(re.compile("2026-01-01T00:00"))


@pytest.mark.parametrize(
    ("path", "which"),
    [
        ("events", "received in the last day"),
        ("events?to=2026-01-02T00:00:00Z", "received in the day before 2026-01-02 00:00:00"),
        ("events?from=2026-01-01T00:00:00Z", "received from 2026-01-01 00:00:00"),
        (
            "events?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
            "received from 2026-01-01 00:00:00 to 2026-01-02 00:00:00",
        ),
        ("events?transactionId=pi_1", "received at any time"),
        ("dead-letters", "given up at any time"),
        ("dead-letters?from=2026-01-01T00:00:00Z", "given up from 2026-01-01 00:00:00"),
        ("conflicts", "noted at any time"),
    ],
)
def test_a_list_says_which_time_it_is_about(visit, stack, path, which):
    stack.answers["/internal/events"] = {"events": [], "next": None}

    page = visit(f"/dev/{path}").page

    expect(page.get_by_role("caption")).to_have_text(f"Events {which}, the newest first")
    foot = page.get_by_text(f"No other events were looked for than those {which}.")
    expect(foot).to_have_count(0 if "any time" in which else 1)


def test_a_correlation_id_leads_to_its_events_however_old_they_are(visit, stack):
    opened = visit("/dev/events/stripe:evt_1")

    opened.page.get_by_role("link", name="c-1").click()

    expect(opened.page.get_by_role("status")).to_have_text("3 events")
    (query,) = asked(stack, "/internal/events")
    assert query == {"correlationId": "c-1", "from": "2025-12-31T12:01:00Z", "to": "2026-01-01T12:01:00Z"}


def test_empty_pages_are_followed_and_older_events_come_on_demand(visit, stack):
    stack.answers["/internal/events"] = {"events": [], "next": "a"}
    stack.answers["/internal/events?next=a"] = {"events": [event(number) for number in range(100, 160)], "next": "b"}
    stack.answers["/internal/events?next=b"] = {"events": [event(1)], "next": None}
    page = visit("/dev/events").page
    expect(page.get_by_role("status")).to_have_text("60 events, and there may be more")

    page.get_by_role("button", name="More events").click()

    expect(page.get_by_role("status")).to_have_text("61 events")
    expect(page.locator("tbody tr")).to_have_count(61)
    expect(page.get_by_role("button", name="More events")).to_be_hidden()


def test_older_events_that_cannot_be_read_say_so_and_are_asked_for_again(visit, stack):
    stack.answers["/internal/events"] = {"events": [event(number) for number in range(100, 160)], "next": "b"}
    stack.answers["/internal/events?next=b"] = (400, {"error": "next: too old"})
    page = visit("/dev/events").page
    more = page.get_by_role("button", name="More events")

    more.click()

    expect(page.get_by_role("alert")).to_have_text("next: too old")
    stack.answers["/internal/events?next=b"] = {"events": [event(1)], "next": None}
    more.click()
    expect(page.get_by_role("status")).to_have_text("61 events")
    assert page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(("name", "heading"), [("dead-letters", "Dead letters"), ("conflicts", "Conflicts")])
def test_dead_letters_and_conflicts_are_lists_of_their_own(visit, stack, name, heading):
    page = visit(f"/dev/{name}?provider=stripe").page

    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("tbody tr")).to_have_count(3)
    assert asked(stack, "/internal/events") == [{"list": name, "provider": "stripe"}]


def test_why_an_event_was_given_up_is_in_the_list_and_is_text(visit):
    page = visit("/dev/dead-letters").page

    expect(page.locator("tbody")).to_contain_text(f"PutEvents: {HOSTILE}")
    assert page.locator("main img").count() == 0


def test_a_wrong_filter_says_what_is_wrong(visit, stack):
    stack.answers["/internal/events"] = (400, {"error": "state: 'X' is not one of RECORDED"})

    page = visit("/dev/events?state=X").page

    expect(page.get_by_role("alert")).to_have_text("state: 'X' is not one of RECORDED")


# --- one event --------------------------------------------------------------------------------------------------


@pytest.fixture
def delivered(stack):
    """The event, delivered to a tenant, under whatever id the tenant has of it; and the tenant."""
    known = stack.answer
    delivery = {"tenantId": "acme", **BECAME["deliveries"][0]}
    stack.answers |= {
        "/operator/tenants": {"tenants": [TENANT], "next": None},
        "/operator/tenants/acme": TENANT,
        "/operator/endpoints": {"endpoints": [ENDPOINT], "next": None},
        f"/operator/tenants/acme/endpoints/{ENDPOINT['endpointId']}": DETAIL,
        "/operator/tenants/acme/attempts": {"attempts": BECAME["attempts"], "next": None},
        "/operator/deliveries": {"deliveries": [delivery], "next": None},
        "/internal/audit": {"entries": [ENTRY], "next": None},
        "/operator/audit": {"entries": [], "next": None},
        "/operator/tenants/acme/tokens": {"tokens": [TOKEN]},
        "/operator/tenants/acme/replays": {"replays": [REPLAY]},
    }

    def answer(path):
        if re.fullmatch(r"/operator/tenants/acme/events/[^/]+", path):
            return BECAME
        if path == "/operator/tenants/acme/events/evt_T/attempts/ep_1/1":
            answered = {
                "headers": [{"name": "x", "value": "y"}],
                "body": HOSTILE,
                "encoding": "utf-8",
                "complete": True,
            }
            return {**BECAME["attempts"][0], "answer": answered}
        return known(path)

    stack.answer = answer


def test_one_timeline_goes_from_receipt_to_the_last_attempt(visit, delivered):
    page = visit("/dev/events/stripe:evt_1").page

    steps = [step.strip() for step in page.locator(".timeline li strong").all_text_contents()]
    assert steps == ["PENDING", "attempt 1", "accepted", "dead-lettered", "received"]
    expect(page.locator("main")).to_contain_text("10.99 EUR")
    expect(page.locator("main")).to_contain_text(f"reason {HOSTILE}")
    assert page.locator("main img").count() == 0


def test_what_the_endpoint_answered_is_shown_on_demand_as_text(visit, delivered):
    page = visit("/dev/events/stripe:evt_1").page

    page.get_by_role("button", name="Show", exact=True).click()

    expect(page.get_by_label("Answer", exact=True)).to_contain_text(HOSTILE)


def test_who_may_not_see_deliveries_sees_the_inbound_half(visit, stack):
    known = stack.answer
    stack.answer = lambda path: (403, {"message": "not authorized"}) if path.startswith("/operator") else known(path)

    page = visit("/dev/events/stripe:evt_1").page

    expect(page.locator("main")).to_contain_text("in delivery is not shown: not authorized")
    expect(page.locator(".timeline li")).to_have_count(2)


def test_the_payload_is_read_on_demand_only_and_shown_as_it_is(visit, stack):
    page = visit("/dev/events/stripe:evt_1").page
    assert asked(stack, "/internal/payloads/" + path_id("stripe:evt_1")) == []

    page.get_by_role("button", name="Show the payload").click()

    shown = page.get_by_label("Payload", exact=True)
    expect(shown).to_contain_text(HOSTILE)
    assert shown.inner_text() == (
        '{\n  "id": "evt_1",\n  "a": {},\n  "n": 12345678901234567890,\n  "n": [\n    1,\n    "' + HOSTILE + '"\n  ]\n}'
    )
    page.get_by_role("button", name="As received").click()
    assert shown.inner_text() == PAYLOAD.decode()
    assert asked(stack, "/internal/payloads/" + path_id("stripe:evt_1")) == [{"record": "-"}]


# What a tab must not die of: the first is 20 kB, the others are above what is made pretty.
DEEP = b"[" * 900 + b",".join([b"12345678"] * 2_000) + b"]" * 900
DEEPER = b"[" * 600_000 + b"]" * 600_000
WIDE = b"[" * 20 + b",".join([b"1"] * 300_000) + b"]" * 20


def test_json_that_is_nested_deeply_is_shown_and_not_indented_without_end(visit, stack):
    stack.answers[f"/internal/payloads/{path_id('stripe:evt_1')}"] = DEEP
    page = visit("/dev/events/stripe:evt_1").page

    page.get_by_role("button", name="Show the payload").click()

    shown = page.get_by_label("Payload", exact=True)
    expect(shown).to_contain_text("12345678")
    lines = shown.text_content().split("\n")
    assert (lines[1], max(map(len, lines))) == ("  [", 2 * 20 + len("12345678,"))
    assert "".join(map(str.strip, lines)) == DEEP.decode()


@pytest.mark.parametrize(
    "payload", [DEEPER, WIDE, b'{"a": "' + b"a" * 1_100_000 + b'"}'], ids=["nested", "wide", "long"]
)
def test_a_payload_that_is_too_long_to_be_made_pretty_is_shown_as_it_was_received(visit, stack, payload):
    stack.answers[f"/internal/payloads/{path_id('stripe:evt_1')}"] = payload
    page = visit("/dev/events/stripe:evt_1").page

    page.get_by_role("button", name="Show the payload").click()

    expect(page.get_by_text(f"{len(payload)} bytes")).to_be_visible()
    assert page.get_by_label("Payload", exact=True).text_content() == payload.decode()


def test_whoever_may_not_read_payloads_is_told_so(visit, stack):
    stack.answers[f"/internal/payloads/{path_id('stripe:evt_1')}"] = (403, {"message": "not authorized"})
    page = visit("/dev/events/stripe:evt_1").page

    page.get_by_role("button", name="Show the payload").click()

    expect(page.get_by_role("alert")).to_have_text("not authorized")


def test_the_evidence_is_verified_on_demand(visit):
    page = visit("/dev/events/stripe:evt_1").page

    page.get_by_role("button", name="Verify the evidence").click()

    expect(page.locator(".demand .state")).to_contain_text("proven")
    expect(page.locator("main")).to_contain_text("stripe-signature")


def test_an_unknown_event_says_so(visit):
    expect(visit("/dev/events/stripe:evt_9").page.get_by_role("alert")).to_have_text("no such event is known")


# --- search -----------------------------------------------------------------------------------------------------


def search(page, text):
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_a_whole_key_opens_its_event(visit):
    opened = visit()

    search(opened.page, "stripe:evt_1")

    expect(opened.page.get_by_role("heading", level=1)).to_have_text("stripe:evt_1")
    assert opened.path == "/dev/events/stripe%3Aevt_1"


def test_an_id_of_one_event_opens_it(visit, stack):
    stack.answers["/internal/events?eventId=evt_1"] = {"events": [event(1)], "next": None}
    stack.answers["/internal/events?transactionId=evt_1"] = {"events": [], "next": None}
    opened = visit()

    search(opened.page, " evt_1 ")

    expect(opened.page.get_by_role("heading", level=1)).to_have_text("stripe:evt_1")


def test_an_id_of_a_transaction_lists_its_events(visit, stack):
    stack.answers["/internal/events?eventId=pi_1"] = {"events": [], "next": None}
    stack.answers["/internal/events?transactionId=pi_1"] = {"events": [event(2), event(1)], "next": None}
    page = visit().page

    search(page, "pi_1")

    expect(page.get_by_role("heading", level=2)).to_have_text("Events of this transaction")
    expect(page.locator("tbody tr")).to_have_count(2)


TENANT_EVENT = "evt_01JZ5R8N6M3T2V4W6X8Y0Z2A4C"


def of_tenants(stack, *tenants, **more):
    """Have no inbound event and some tenants' events have an id; the answer has two pages."""
    stack.answers["/internal/events"] = {"events": [], "next": None}
    found = {name: BECAME[name] for name in ("type", "createdAt", "size", "sha256", "erasedAt")}
    events = [{"tenantId": name, "eventId": TENANT_EVENT, **found} for name in tenants]
    path = f"/operator/events?eventId={TENANT_EVENT}"
    stack.answers |= {path: {"events": [], "next": "n"}, f"{path}&cursor=n": {"events": events, "next": None}}


def test_an_id_of_a_tenants_event_opens_it(visit, stack, delivered):
    of_tenants(stack, "acme")
    opened = visit()

    search(opened.page, TENANT_EVENT)

    expect(opened.page.get_by_role("heading", level=1)).to_have_text(TENANT_EVENT)
    expect(opened.page.get_by_role("row", name=re.compile("ep_1")).first).to_be_visible()
    assert opened.path == f"/dev/deliveries/acme/{TENANT_EVENT}"


def test_an_id_of_events_of_several_tenants_lists_them(visit, stack):
    of_tenants(stack, "acme", "globex")
    page = visit().page

    search(page, TENANT_EVENT)

    expect(page.get_by_role("row", name=re.compile("globex"))).to_contain_text("charge.failed")
    expect(page.get_by_text("No event")).to_have_count(0)


def test_where_tenants_events_may_not_be_seen_it_is_not_said_that_there_is_none(visit, stack):
    of_tenants(stack)
    stack.answers[f"/operator/events?eventId={TENANT_EVENT}"] = (403, {"message": "not authorized"})
    page = visit().page

    search(page, TENANT_EVENT)

    expect(page.get_by_role("alert")).to_have_text("Events of tenants could not be searched: not authorized")
    expect(page.get_by_text("No received event and no transaction has this id.")).to_be_visible()


def test_an_id_that_no_tenants_event_can_have_is_not_asked_of_delivery(visit, stack):
    of_tenants(stack)
    page = visit().page

    search(page, "evt_1")

    expect(page.get_by_text("No event and no transaction has this id.")).to_be_visible()
    assert asked(stack, "/operator/events") == []


def test_any_other_id_may_be_that_of_a_correlation(visit, stack):
    stack.answers["/internal/events"] = {"events": [], "next": None}
    stack.answers["/internal/events?correlationId=c-1"] = {"events": [event(1)], "next": None}
    page = visit().page
    search(page, "c-1")

    page.get_by_role("link", name="Look for this correlation id").click()

    expect(page.get_by_role("status")).to_have_text("1 events")


# --- what operators do ---------------------------------------------------------------------------------------------


def replayed(stack, **answer):
    """Have the API answer replays, the real ones with the same page."""
    page = {"replayId": "r-1", "matched": 1, "replayed": [], "notFound": [], "failed": {}, "next": None, **answer}
    known = stack.answer

    def replay(path):
        if path != "/internal/replay":
            return known(path)
        is_dry = stack.done[-1][1]["dryRun"]
        return {**page, "dryRun": is_dry, **({"replayed": [], "failed": {}} if is_dry else {})}

    stack.answer = replay


def test_an_event_is_replayed_after_a_dry_run_and_watched_to_its_end(visit, stack):
    replayed(stack, replayed=["stripe:evt_1"])
    page = visit("/dev/events/stripe:evt_1").page
    page.get_by_role("link", name="Replay this event").click()
    expect(page.get_by_label("Events")).to_have_value("stripe:evt_1")
    page.get_by_label("Reason").fill("fixed")
    expect(page.get_by_role("button", name="Replay now")).to_have_count(0)

    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("Events that a replay would send: 1.")).to_be_visible()
    assert stack.done == [("/internal/replay", {"eventIds": ["stripe:evt_1"], "dryRun": True})]
    stack.asked.clear()
    page.get_by_role("button", name="Replay now").click()

    expect(page.get_by_text("Sent to the main queue: 1 of 1.")).to_be_visible()
    real = {"eventIds": ["stripe:evt_1"], "dryRun": False, "reason": "fixed"}
    assert stack.done[1:] == [("/internal/replay", real)]
    row = page.get_by_role("row", name=re.compile("stripe:evt_1"))
    expect(row).to_contain_text("in the queue")
    steps = [{"step": "routed", "at": "2026-01-01T00:09:00.000Z", "replayId": "r-1"}]
    steps.append({"step": "replayed", "at": "2026-01-01T00:08:00.000Z", "replayId": "r-1"})
    done = {**ONE["records"][0], "state": "ROUTED", "timeline": [*steps, *ONE["records"][0]["timeline"]]}
    stack.answers[f"/internal/events/{path_id('stripe:evt_1')}"] = {**ONE, "records": [done]}
    # It looks again every two seconds.
    expect(row).to_contain_text("routed", timeout=30_000)
    expect(page.get_by_role("status")).to_have_text("1 of 1 have come to an end")
    # Only the inbound half is watched: delivery would be a call for each tenant and replay.
    assert not [path for path, _ in stack.asked if path.startswith("/operator/")]


def test_every_end_of_a_replay_is_seen(visit):
    own, other = ({"step": Step.REPLAYED, "at": "2", "replayId": name} for name in ("r-1", "r-0"))
    ends = {Step.ROUTED: "routed", Step.HELD: "held", Step.DEAD_LETTERED: "given up again"}
    waits, conflict = "in the queue", "in conflict"
    routed = {"step": Step.ROUTED, "at": "1"}
    cases = [
        # By the step that came after this replay began
        *((State.RECORDED, [{"step": step, "at": "3"}, own, routed], ends.get(step, waits)) for step in Step),
        (State.ROUTED, [{"step": Step.ROUTED, "at": "3"}, other], waits),
        # What ended before this replay was sent, and what arrived meanwhile, is not its end.
        *((State.ROUTED, [{"step": step, "at": "1"}], waits) for step in Step),
        (State.ROUTED, [{"step": Step.ROUTED, "at": "2"}], waits),
        # A conflict, and a failure before the event is taken up, leave no step of the replay.
        (State.ROUTED, [{"step": Step.CONFLICTING, "at": "2"}, routed], conflict),
        (State.DEAD_LETTERED, [{"step": Step.DEAD_LETTERED, "at": "2"}], ends[Step.DEAD_LETTERED]),
        (State.CONFLICTING, [{"step": Step.CONFLICTING, "at": "1"}], conflict),
    ]

    found = visit("/dev/replay").page.evaluate(
        """async (records) => {
          const { endOf } = await import("/assets/replay.js");
          return records.map((record) => endOf(record, new Set(["r-1"]), "1"));
        }""",
        [{"state": state, "timeline": timeline} for state, timeline, _ in cases],
    )

    assert list(zip(cases, found, strict=True)) == [(case, case[2]) for case in cases]


def test_a_range_is_replayed_page_by_page_and_says_what_was_not_sent(visit, stack):
    replayed(stack, matched=2, replayed=["stripe:evt_3"], failed={"stripe:evt_2": HOSTILE}, next="more")
    page = visit("/dev/dead-letters?provider=stripe&from=2026-02-01T00:00:00Z&to=2026-02-02T00:00:00Z").page
    # The list is about when they were given up, and a replay about when they were received.
    page.get_by_role("link", name="Replay by time of receipt").click()
    expect(page.get_by_label("Received from, UTC")).to_have_value("")
    page.get_by_label("Received from, UTC").fill("2026-01-01T00:00:00")
    page.get_by_label("to, UTC", exact=True).fill("2026-01-02T00:00:00")
    asked = {"provider": "stripe", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    asked |= {"status": "DEAD_LETTERED"}

    # The API goes on for ever: two pages are enough
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("^([4-9]|[1-9][0-9]+) so far"))
    page.get_by_role("button", name="Stop counting").click()
    expect(page.get_by_role("alert")).to_contain_text("Stopped")
    assert stack.done[0] == ("/internal/replay", {**asked, "dryRun": True})
    assert stack.done[1] == ("/internal/replay", {**asked, "dryRun": True, "next": "more"})
    # and ends
    stack.answer = type(stack).answer.__get__(stack)
    replayed(stack, matched=2, replayed=["stripe:evt_3"], failed={"stripe:evt_2": HOSTILE})
    page.get_by_role("button", name="Try").click()
    page.get_by_role("button", name="Replay now").click()

    expect(page.get_by_text("Sent to the main queue: 1 of 2.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("stripe:evt_2"))).to_contain_text(HOSTILE)
    assert page.locator("progress").evaluate("bar => [bar.value, bar.max]") == [2, 2]
    assert stack.done[-1] == ("/internal/replay", {**asked, "dryRun": False})


def test_the_dead_letters_that_are_listed_are_replayed_by_name(visit, stack):
    replayed(stack, matched=100)
    first = [event(number, **FAILED) for number in range(98)]
    stack.answers["/internal/events"] = {"events": first, "next": "a"}
    page = visit("/dev/dead-letters").page
    expect(page.get_by_role("link", name="Replay the 98 that are listed")).to_be_visible()
    # Two records may have the same id.
    more = [event(number, **FAILED) for number in range(97, 103)]
    stack.answers["/internal/events?list=dead-letters&next=a"] = {"events": more, "next": None}

    page.get_by_role("button", name="More events").click()
    page.get_by_role("link", name="Replay the first 100 of the 103 that are listed").click()
    page.get_by_role("button", name="Try").click()

    expect(page.get_by_text("Events that a replay would send: 100.")).to_be_visible()
    (asked,) = [body for _, body in stack.done]
    assert asked == {"eventIds": [f"stripe:evt_{number}" for number in range(100)], "dryRun": True}


def test_what_was_tried_and_changed_since_is_not_replayed(visit, stack):
    replayed(stack)
    page = visit("/dev/replay?eventIds=stripe:evt_1").page
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("button", name="Replay now")).to_be_visible()

    page.get_by_label("Events").fill("stripe:evt_1 stripe:evt_2")

    expect(page.get_by_role("button", name="Replay now")).to_have_count(0)
    assert {body["dryRun"] for _, body in stack.done} == {True}


def test_a_replay_that_is_refused_says_why(visit, stack):
    stack.answers["/internal/replay"] = (400, {"error": "provider: null is not the name of a provider"})
    page = visit("/dev/replay").page

    page.get_by_role("button", name="Try").click()

    expect(page.get_by_role("alert")).to_have_text("provider: null is not the name of a provider")


def test_an_endpoint_shows_why_it_fails_and_is_paused_after_a_dry_run(visit, stack, delivered):
    path = f"/operator/tenants/acme/endpoints/{ENDPOINT['endpointId']}"
    stack.answers[f"{path}/pause?dryRun=true"] = DETAIL
    page = visit(f"/dev/endpoints/acme/{ENDPOINT['endpointId']}").page
    expect(page.get_by_role("definition").filter(has_text="open").first).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).nth(1).click()
    expect(page.get_by_label("Answer", exact=True)).to_contain_text(HOSTILE)
    page.locator("summary", has_text="Pause").click()
    form = page.get_by_role("form", name="Pause")
    form.get_by_label("Reason").fill("it is down")

    form.get_by_role("button", name="Try").click()
    expect(page.get_by_text("It would be done.")).to_be_visible()
    # What is changed must be tried again.
    form.get_by_label("Reason").fill("it is down for long")
    expect(page.get_by_role("button", name="Pause now")).to_have_count(0)
    form.get_by_role("button", name="Try").click()
    stack.answers[f"{path}/pause"] = stack.answers[path] = {**DETAIL, "state": "PAUSED"}
    page.get_by_role("button", name="Pause now").click()

    expect(page.get_by_text("Pause: done. It is in the audit log.")).to_be_focused()
    expect(page.locator("summary", has_text="Activate")).to_be_visible()
    assert stack.done == [
        (f"{path}/pause?dryRun=true", {"reason": "it is down"}),
        (f"{path}/pause?dryRun=true", {"reason": "it is down for long"}),
        (f"{path}/pause", {"reason": "it is down for long"}),
    ]


def test_an_action_that_is_refused_says_why_and_is_not_done(visit, stack, delivered):
    stack.answers["/operator/requeue"] = (409, {"error": "in_flight", "message": "it is on its way"})
    page = visit("/dev/deliveries/acme/evt_T").page
    page.locator("summary", has_text="Send again").click()

    page.get_by_role("button", name="Try").click()

    expect(page.get_by_role("alert")).to_have_text("it is on its way")
    asked = {"tenantId": "acme", "eventId": "evt_T", "endpointId": "ep_1"}
    assert stack.done == [("/operator/requeue?dryRun=true", asked)]


def test_a_tenant_is_suspended_with_the_reason_for_the_audit_log(visit, stack, delivered):
    stack.answers["/operator/tenants/acme/suspend"] = TENANT
    page = visit("/dev/tenants").page
    page.get_by_role("link", name="acme").click()
    expect(page.get_by_role("row", name=re.compile("shop.example"))).to_contain_text("ACTIVE")
    page.locator("summary", has_text="Suspend").click()
    page.get_by_role("form", name="Suspend").get_by_label("Reason").fill("unpaid")
    page.get_by_role("button", name="Try").click()
    page.get_by_role("button", name="Suspend now").click()

    expect(page.get_by_text("Suspend: done.")).to_be_visible()
    assert stack.done == [
        ("/operator/tenants/acme/suspend?dryRun=true&reason=unpaid", None),
        ("/operator/tenants/acme/suspend?reason=unpaid", None),
    ]


def test_an_event_is_erased_after_a_dry_run_and_its_typed_name(visit, stack, delivered):
    stack.answers["/internal/erase"] = ERASED
    page = visit("/dev/events/stripe:evt_1").page
    page.get_by_text("Erase the payload", exact=True).click()
    form = page.get_by_role("form", name="Erase the payload", exact=True)
    form.get_by_label("Reason").fill("request 17")

    form.get_by_role("button", name="Try").click()
    expect(page.get_by_text("raw/_batch/2026-01-01/0 at 0, 10 bytes")).to_be_visible()
    expect(page.get_by_role("link", name="stripe:evt_2").first).to_be_visible()
    erase = page.get_by_role("button", name="Erase the payload now")
    expect(erase).to_be_disabled()
    page.get_by_label("Type stripe:evt_1").fill("stripe:evt_2")
    expect(erase).to_be_disabled()
    page.get_by_label("Type stripe:evt_1").fill("stripe:evt_1")
    erase.click()

    expect(page.get_by_text("Erase the payload: done. It is in the audit log.")).to_be_focused()
    asked = {"eventId": "stripe:evt_1", "reason": "request 17"}
    assert stack.done == [("/internal/erase", {**asked, "dryRun": dry}) for dry in (True, False)]


def test_one_record_of_an_event_is_erased(visit, stack):
    (record,) = ONE["records"]
    records = [record, {**record, "record": "dead-letter 1", "erasedAt": "2026-01-01T00:09:00.000Z"}]
    stack.answers[f"/internal/events/{path_id('stripe:evt_1')}"] = {**ONE, "records": records}
    stack.answers["/internal/erase"] = ERASED
    page = visit("/dev/events/stripe:evt_1").page
    expect(page.get_by_role("definition").filter(has_text="2026-01-01 00:09:00")).to_be_visible()
    page.get_by_text("Erase the payload", exact=True).click()

    page.get_by_label("Record").select_option("dead-letter 1")
    page.get_by_role("button", name="Try").click()

    expect(page.get_by_text("This would be erased:")).to_be_visible()
    assert stack.done == [("/internal/erase", {"eventId": "stripe:evt_1", "record": "dead-letter 1", "dryRun": True})]


def test_a_dry_run_of_what_was_changed_meanwhile_is_not_shown(visit, stack):
    (record,) = ONE["records"]
    records = [record, {**record, "record": "dead-letter 1"}]
    stack.answers[f"/internal/events/{path_id('stripe:evt_1')}"] = {**ONE, "records": records}
    stack.answers["/internal/erase"] = ERASED
    page = visit("/dev/events/stripe:evt_1").page
    page.get_by_text("Erase the payload", exact=True).click()
    form = page.get_by_role("form", name="Erase the payload", exact=True)
    form.get_by_label("Record").select_option("dead-letter 1")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/erase", hold)
    with page.expect_request("**/api/erase"):
        form.get_by_role("button", name="Try").click()

    form.get_by_label("Record").select_option("")
    held[0].continue_()

    expect(form.get_by_role("button", name="Try")).to_be_enabled()
    expect(page.get_by_text("This would be erased:")).to_have_count(0)
    expect(page.get_by_role("button", name="Erase the payload now")).to_have_count(0)


def test_a_tenants_event_is_erased_too(visit, stack, delivered):
    known = stack.answer
    payload = "/operator/tenants/acme/events/evt_T/payload"
    stack.answer = lambda path: {"eventId": "evt_T", "erasedAt": None} if payload in path else known(path)
    page = visit("/dev/deliveries/acme/evt_T").page
    page.locator("summary", has_text="Erase the payload of acme").click()
    form = page.get_by_role("form", name="Erase the payload of acme")
    form.get_by_label("Reason").fill("request 17")

    form.get_by_role("button", name="Try").click()
    page.get_by_label("Type evt_T").fill("evt_T")
    page.get_by_role("button", name="Erase the payload of acme now").click()

    expect(page.get_by_text("Erase the payload of acme: done.")).to_be_visible()
    assert stack.done == [
        (f"{payload}?dryRun=true&reason=request%2017", None),
        (f"{payload}?reason=request%2017", None),
    ]


@pytest.mark.parametrize(
    ("where", "half"),
    [
        (("/dev/events/stripe:evt_1", "Erase the payload", "/internal/erase"), "inbound"),
        (("/dev/deliveries/acme/evt_T", "Erase the payload of acme", "/payload"), "delivery"),
    ],
)
@pytest.mark.usefixtures("delivered")
def test_whoever_may_not_erase_is_told_which_policy_gives_it(visit, stack, where, half):
    path, action, api = where
    known = stack.answer
    stack.answer = lambda path: (403, {"message": "not authorized"}) if api in path else known(path)
    page = visit(path).page
    page.get_by_text(action, exact=True).click()

    page.get_by_role("form", name=action, exact=True).get_by_role("button", name="Try").click()

    expect(page.get_by_role("alert")).to_have_text(
        f"You may not do this. The output erase_policy_json of the {half} stack is the policy that allows it. "
        "AWS says: not authorized"
    )


def test_dead_letters_are_sent_back_and_watched_until_none_is_left(visit, stack):
    left = {"messages": 5, "underWay": False}
    stack.answers["/operator/redrive"] = left
    page = visit("/dev/dead-letters").page
    # This stack has no ingest queue.
    assert page.locator("summary", has_text="Redrive").all_text_contents() == ["Redrive delivery's dead letters"]
    page.locator("summary", has_text="Redrive").click()
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("definition").filter(has_text="5")).to_be_visible()
    assert stack.done == [("/operator/redrive?dryRun=true", None)]

    stack.answers["/operator/redrive"] = {"messages": 5, "underWay": True}
    stack.answers["/operator/redrive?dryRun=true"] = {"messages": 3, "underWay": True}
    page.get_by_role("button", name="Redrive delivery's dead letters now").click()

    expect(page.get_by_text("3 of 5 are left, about.")).to_be_visible()
    assert page.locator("progress").evaluate("bar => [bar.value, bar.max]") == [2, 5]
    stack.answers["/operator/redrive?dryRun=true"] = {"messages": 0, "underWay": False}
    # It looks again every two seconds.
    expect(page.get_by_text("SQS has ended. None is left.")).to_be_visible(timeout=30_000)
    assert [path for path, _ in stack.done if "dryRun" not in path] == ["/operator/redrive"]


def test_a_redrive_that_is_under_way_is_watched_and_not_started_again(visit, stack, browser):
    stack.answers["/internal/redrive"] = {"dryRun": True, "messages": 4, "underWay": True}
    with running(stack, inbox_dead_letter_queue_url="https://sqs/1/webhook-inbox-dlq-dev") as console:
        page = ConsoleVisit(browser, console).page
        page.locator("summary", has_text="Redrive the ingest queue's").click()

        page.get_by_role("form", name="Redrive the ingest queue's").get_by_role("button", name="Try").click()

        expect(page.get_by_text("4 of 4 are left, about.")).to_be_visible()
        expect(page.get_by_text("It would send back")).to_have_count(0)
        expect(page.get_by_role("button", name="dead letters now")).to_have_count(0)
        assert stack.done[0] == ("/internal/redrive", {"dryRun": True})
        page.close()


def test_a_replay_of_deliveries_is_tried_started_and_cancelled(visit, stack, delivered):
    path = "/operator/tenants/acme/replays"
    endpoint_id = ENDPOINT["endpointId"]
    page = visit(f"/dev/endpoints/acme/{endpoint_id}").page
    page.get_by_role("link", name="replays").click()
    expect(page.get_by_label("Endpoint, all")).to_have_value(endpoint_id)
    page.get_by_label("From, UTC").fill("2026-01-01T00:00:00")
    page.get_by_label("What").select_option("MISSED,DLQ")
    page.get_by_label("Types").fill("charge.* invoice.paid")
    page.get_by_label("Deliveries a second").fill("5")
    page.get_by_role("form", name="Start a replay").get_by_label("Reason").fill("it is up")
    known = stack.answer
    tried = {"dryRun": True, "count": COUNT, "replay": None}
    started = {"dryRun": False, "count": None, "replay": REPLAY}

    def answer(path):
        body = stack.done[-1][1] if stack.done else None
        return known(path) if "reason" not in path else tried if body["dryRun"] else started

    stack.answer = answer

    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("definition").filter(has_text="9")).to_be_visible()
    # The address has what was tried, and not why.
    query = {name: value[0] for name, value in parse_qs(urlsplit(page.url).query).items()}
    assert query == {
        "endpointId": endpoint_id,
        "from": "2026-01-01T00:00:00Z",
        "include": "MISSED,DLQ",
        "types": "charge.* invoice.paid",
        "rate": "5",
    }
    page.get_by_role("button", name="Start a replay now").click()

    expect(page.get_by_text("The replay is started")).to_be_focused()
    wanted = {"endpointId": endpoint_id, "from": "2026-01-01T00:00:00Z", "include": ["MISSED", "DLQ"], "rate": 5}
    wanted["eventTypes"] = ["charge.*", "invoice.paid"]
    assert stack.done == [(f"{path}?reason=it%20is%20up", {**wanted, "dryRun": dry}) for dry in (True, False)]
    stack.answer = known
    row = page.get_by_role("row", name=re.compile(REPLAY["replayId"]))
    expect(row).to_contain_text("attempt_under_way 2")
    stack.answers[f"{path}/{REPLAY['replayId']}/cancel"] = REPLAY
    row.locator("summary").click()
    stack.answers[path] = {"replays": [{**REPLAY, "state": "CANCELLED"}]}
    row.get_by_role("button", name="Cancel now").click()
    expect(page.get_by_text("Cancel: done.")).to_be_focused()
    expect(row).to_contain_text("CANCELLED")
    expect(page.locator("summary", has_text="Cancel")).to_have_count(0)
    assert stack.done[2:] == [(f"{path}/{REPLAY['replayId']}/cancel", None)]


def test_replays_are_watched_until_none_runs_but_not_while_somebody_types(browser, console, stack, delivered):
    path = "/operator/tenants/acme/replays"
    opened = Visit(browser)
    page = opened.page
    page.clock.install()
    opened.open(f"{console.origin}/dev/tenants/acme/replays#token={console.token}")
    row = page.get_by_role("row").filter(has_text=REPLAY["replayId"])
    row.locator("summary").click()
    stack.answers[path] = {"replays": [{**REPLAY, "sent": 8}]}

    page.clock.run_for(5_000)

    expect(row).to_contain_text("7 sent")
    row.locator("summary").click()
    with page.expect_response("**/replays"):
        page.clock.run_for(5_000)
    expect(row).to_contain_text("8 sent")
    stack.answers[path] = {"replays": [{**REPLAY, "state": "DONE"}]}
    with page.expect_response("**/replays"):
        page.clock.run_for(5_000)
    expect(page.get_by_role("status")).to_have_text("1 replays, 0 of them running")
    page.clock.run_for(20_000)
    page.get_by_role("link", name="Tenant acme").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("acme")
    assert len(asked(stack, path)) == 3
    page.close()


def test_a_replay_of_nothing_is_not_offered(visit, stack, delivered):
    page = visit("/dev/tenants/acme/replays").page
    known = stack.answer
    stack.answer = lambda path: {"dryRun": True, "count": {**COUNT, "matched": 0}, "replay": None}
    page.get_by_role("button", name="Try").click()

    expect(page.get_by_text("It would send:")).to_be_visible()
    stack.answer = known
    expect(page.get_by_role("button", name="Start a replay now")).to_have_count(0)
    assert stack.done == [("/operator/tenants/acme/replays", {"dryRun": True})]


def test_a_token_is_shown_once_copied_and_revoked(visit, stack, delivered):
    path = "/operator/tenants/acme/tokens"
    opened = visit("/dev/tenants/acme")
    page = opened.page
    expect(page.get_by_role("row", name=re.compile("tok_000"))).to_contain_text(HOSTILE)
    page.locator("summary", has_text="Make a token").click()
    form = page.get_by_role("form", name="Make a token")
    form.get_by_label("Label").fill("billing")
    form.get_by_label("Access").select_option("publish")
    form.get_by_label("Days").fill("30")
    secret = f"whk_{'a' * 43}"
    stack.answers[path] = {"token": secret, "tokens": [TOKEN, {**TOKEN, "label": "billing", "access": "publish"}]}
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=page.url)

    form.get_by_role("button", name="Make a token now").click()

    expect(page.get_by_text(secret)).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    expect(page.get_by_role("row", name=re.compile("billing"))).to_contain_text("publish")
    assert stack.done == [(path, {"label": "billing", "access": "publish", "expiresInDays": 30})]
    # It is in no address and in nothing that stays.
    assert secret not in page.url + page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state])")
    page.reload()
    expect(page.get_by_role("row", name=re.compile("billing"))).to_be_visible()
    assert page.get_by_text(secret).count() == 0

    stack.answers[f"{path}/{TOKEN['tokenId']}"] = TOKEN
    page.locator("summary", has_text="Revoke billing").click()
    page.get_by_role("form", name="Revoke billing").get_by_label("Reason").fill("it leaked")
    page.get_by_role("button", name="Revoke billing now").click()
    expect(page.get_by_text("Revoke billing: done.")).to_be_focused()
    assert stack.done[1:] == [(f"{path}/{TOKEN['tokenId']}?reason=it%20leaked", None)]


def test_a_new_token_stays_shown_where_the_list_cannot_be_read(visit, stack, delivered):
    path, secret = "/operator/tenants/acme/tokens", f"whk_{'a' * 43}"
    page = visit("/dev/tenants/acme").page
    page.locator("summary", has_text="Make a token").click()
    stack.answers[path] = {"token": secret}
    page.route("**/tenants/acme/tokens", lambda one: one.fallback() if one.request.method == "POST" else one.abort())
    page.get_by_role("button", name="Make a token now").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text(secret)).to_be_visible()


def test_a_portal_link_is_made_for_a_while_shown_once_and_revoked_with_all_others(visit, stack, delivered):
    path, link = "/operator/tenants/acme/portal-links", LINK["url"]
    stack.answers[path] = (201, LINK)
    page = visit("/dev/tenants/acme").page
    page.locator("summary", has_text="Make a portal link").click()
    form = page.get_by_role("form", name="Make a portal link")
    form.get_by_label("Access").select_option("portal-read")
    form.get_by_label("Minutes").fill("30")

    form.get_by_role("button", name="Make a portal link now").click()

    opening = page.get_by_role("link", name="Open")
    expect(opening).to_have_attribute("href", link)
    expect(opening).to_have_attribute("rel", "noreferrer")
    expect(page.get_by_text(link, exact=True)).to_be_visible()
    asked = {"label": "", "access": "portal-read", "expiresInMinutes": 30}
    assert link not in page.url
    page.locator("summary", has_text="Revoke all portal links").click()
    page.get_by_role("button", name="Revoke all portal links now").click()
    expect(page.get_by_text("Revoke all portal links: done.")).to_be_focused()
    assert page.get_by_text(link).count() == 0
    assert stack.done == [(path, asked), (path, None)]


def test_the_audit_logs_of_both_halves_are_one(visit, stack, delivered):
    def entry(minute, **more):
        return {**ENTRY, "at": f"2026-01-01T00:{minute:02}:00.000Z", "requestId": f"r-{minute}", **more}

    stack.answers["/internal/audit"] = {"entries": [entry(9), entry(3)], "next": "3"}
    stack.answers["/internal/audit?next=3"] = {"entries": [entry(2)], "next": None}
    stack.answers["/operator/audit"] = {
        "entries": [entry(7, outcome="incomplete", counts={"failed": 1}), entry(1, reason=HOSTILE, outcome=None)],
        "next": None,
    }
    opened = visit("/dev/audit")
    page = opened.page

    expect(page.get_by_role("status")).to_have_text("5 actions")
    ids = page.locator("tbody td:last-child").all_text_contents()
    assert ids == ["r-9", "r-7", "r-3", "r-2", "r-1"]
    expect(page.locator("tbody tr").last).to_contain_text("not known")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("incomplete failed 1")
    # One that may not be read leaves the other, and a filter of delivery's asks it alone.
    stack.answers["/operator/audit"] = (403, {"message": "not authorized"})
    page.reload()
    expect(page.get_by_role("alert")).to_have_text("not authorized")
    expect(page.locator("tbody tr")).to_have_count(3)
    stack.asked.clear()
    page.get_by_label("Tenant").fill("acme")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_have_text("0 actions")
    assert asked(stack, "/operator/audit") == [{"tenantId": "acme"}]
    assert asked(stack, "/internal/audit") == []
    # Both halves have actions.
    page.get_by_label("Tenant").fill("")
    page.get_by_label("Action", exact=True).fill("POST /internal/erase")
    with page.expect_response("**/api/audit?**"):
        page.get_by_role("button", name="Show").click()
    assert asked(stack, "/internal/audit")[0] == {"action": "POST /internal/erase"}


def test_deliveries_are_listed_by_what_the_address_says(visit, stack, delivered):
    page = visit("/dev/deliveries?tenantId=acme&state=DLQ").page

    page.get_by_role("link", name="evt_T").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("evt_T")
    assert asked(stack, "/operator/deliveries") == [{"tenantId": "acme", "state": "DLQ"}]


# --- overview and providers -------------------------------------------------------------------------------------


def test_the_overview_shows_alarms_backlog_and_counts_and_links_to_their_events(visit, stack):
    stack.aws["DescribeAlarms"]["MetricAlarms"].append(alarm("dead-lettered", "alarms", "ALARM"))
    page = visit().page

    expect(page.get_by_text("1 of 3 alarms are on")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("webhook-dead-lettered-dev"))).to_contain_text(
        "an event was given up"
    )
    expect(page.get_by_role("row", name=re.compile("webhook-queue-dev"))).to_contain_text("7")
    expect(page.get_by_text("Events of the last hour by provider and state, estimated")).to_be_visible()
    page.get_by_role("link", name="12,345").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    assert parse_qs(urlsplit(page.url).query)["state"] == ["ROUTED"]


def test_where_no_alarm_is_found_the_overview_does_not_say_that_all_is_well(visit, stack):
    page = visit().page
    alarms = page.locator("section", has_text="Alarms").first
    expect(alarms).to_contain_text("OK None of 2 alarms is on.")
    stack.aws["DescribeAlarms"] = {"MetricAlarms": []}
    stack.aws["GetCallerIdentity"] = {"Account": "2"}

    page.reload()

    expect(alarms.get_by_role("alert")).to_contain_text("credentials are of account 2")
    expect(alarms).not_to_contain_text("OK")


def test_the_overview_shows_what_waits_in_delivery_and_which_endpoints_fail(visit, stack, delivered):
    one = {"tenantId": "acme", **BECAME["deliveries"][0], "endpointId": ENDPOINT["endpointId"], "state": "FAILED"}
    stack.answers |= {
        "/operator/deliveries?state=PENDING&limit=100": {"deliveries": [], "next": None},
        "/operator/deliveries?state=FAILED&limit=100": {
            "deliveries": [one, {**one, "nextAttemptAt": "2026-01-01T00:08:00.000Z"}],
            "next": None,
        },
        "/operator/deliveries?state=DLQ&limit=100": {"deliveries": [one] * 100, "next": "more"},
    }
    page = visit().page

    expect(page.get_by_role("definition").filter(has_text="at least 100")).to_be_visible()
    row = page.get_by_role("row").filter(has_text=f"acme/{ENDPOINT['endpointId']}")
    expect(row.get_by_role("cell").nth(1)).to_have_text("2")
    expect(row).to_contain_text("2026-01-01 00:08:00")
    # What a refresh reads.
    assert sorted(one["state"] + one["limit"] for one in asked(stack, "/operator/deliveries")) == [
        "DLQ100",
        "FAILED100",
        "PENDING100",
    ]
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ENDPOINT["endpointId"])


def test_a_list_that_was_not_read_to_its_end_does_not_say_that_all_is_well(visit, stack, delivered):
    stack.answers["/operator/deliveries?state=FAILED&limit=100"] = {"deliveries": [], "next": "more"}
    page = visit().page

    expect(page.get_by_role("definition").filter(has_text="at least 0")).to_be_visible()
    expect(page.get_by_text("No endpoint has deliveries that failed")).to_have_count(0)
    expect(page.get_by_text("Not all tenants were looked at")).to_be_visible()


def test_a_queue_that_may_not_be_seen_leaves_the_others(visit, stack):
    counted = stack.aws["GetQueueAttributes"]
    stack.aws["GetQueueAttributes"] = lambda asked: (
        refusal("AccessDenied", "GetQueueAttributes") if "delivery" in asked["QueueUrl"] else counted
    )
    page = visit().page

    expect(page.get_by_role("row").filter(has_text="webhook-queue-dev")).to_contain_text("7")
    refused = page.get_by_role("row").filter(has_text="webhook-delivery-queue-dev")
    expect(refused).to_contain_text("AWS refused GetQueueAttributes: AccessDenied")


def test_a_part_that_may_not_be_read_leaves_the_others(visit, stack):
    del stack.aws["DescribeAlarms"]

    page = visit().page

    expect(page.get_by_role("alert")).to_have_text("AWS refused DescribeAlarms: AccessDenied")
    expect(page.get_by_role("link", name="12,345")).to_have_count(3)


def test_what_is_cheap_is_looked_at_again_unless_it_is_switched_off(browser, console, stack):
    opened = Visit(browser)
    opened.page.clock.install()
    opened.open(console.start_url)
    page = opened.page
    # It is said when everything was looked at.
    expect(page.get_by_role("status")).to_have_text(re.compile("^As of "))
    stack.aws["GetQueueAttributes"] = {
        "Attributes": {"ApproximateNumberOfMessages": "8", "ApproximateNumberOfMessagesNotVisible": "0"}
    }

    with page.expect_response("**/api/counts?**"):
        page.clock.run_for(30_000)

    expect(page.get_by_role("row", name=re.compile("webhook-queue-dev"))).to_contain_text("8")
    expect(page.get_by_role("link", name="12,345")).to_have_count(3)
    assert len(asked(stack, "/internal/counts")) == 4
    page.get_by_label("Look again").uncheck()
    page.clock.run_for(60_000)
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("3 events")
    assert len(asked(stack, "/internal/counts")) == 4
    page.close()


def test_an_overview_that_was_left_before_its_answers_says_nothing_more(visit, stack):
    page = visit("/dev/replay").page
    held = []
    page.route("**/api/alarms", lambda route: held.append(route))  # noqa: PLW0108 - it sets an attribute of it
    with page.expect_request("**/api/alarms"):
        page.get_by_role("link", name="Overview").click()

    page.get_by_role("link", name="Replay", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Replay")
    for route in held:
        route.abort()
    expect(page.get_by_role("button", name="Try")).to_be_visible()
    assert page.get_by_role("status").text_content() == ""


def test_providers_show_their_last_event_and_their_secret(visit, stack):
    stack.answers["/internal/events?provider=github&limit=1"] = {"events": [], "next": None}
    page = visit("/dev/providers").page

    expect(page.get_by_role("row", name=re.compile("^stripe"))).to_contain_text("one is valid")
    expect(page.get_by_role("row", name=re.compile("^stripe"))).to_contain_text("2026-01-01 00:03:00")
    expect(page.get_by_role("row", name=re.compile("^github"))).to_contain_text("none")


# --- statements ---------------------------------------------------------------------------------------------------


def test_statements_are_listed_and_one_shows_its_numbers(visit, statements):
    page = visit("/dev/statements").page

    row = page.get_by_role("row", name=re.compile("^2026-01-31"))
    expect(row).to_contain_text("! incomplete 1")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Statement of 2026-01-31")
    expect(page.get_by_text("1 events are neither routed, nor held, nor given up")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^acct_1"))).to_contain_text("live")
    expect(page.get_by_role("link", name="acme:evt_2")).to_have_attribute("href", "/dev/events/acme%3Aevt_2")
    expect(page.get_by_text(statements.chain()[0].sha256).first).to_be_visible()
    expect(page.get_by_text("it is the first one")).to_be_visible()


# --- for everybody ----------------------------------------------------------------------------------------------

EVERY_PAGE = [
    "/dev/",
    "/dev/events?provider=stripe",
    "/dev/events/stripe:evt_1",
    "/dev/dead-letters",
    "/dev/replay?eventIds=stripe:evt_1",
    "/dev/providers",
    "/dev/tenants",
    "/dev/tenants/acme",
    "/dev/tenants/acme/replays",
    "/dev/endpoints",
    f"/dev/endpoints/acme/{ENDPOINT['endpointId']}",
    "/dev/deliveries",
    "/dev/audit",
    "/dev/statements",
    "/dev/statements/2026-01-31",
]


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_is_for_everybody(visit, delivered, statements, path):
    """On a phone, in light and dark, with a screen reader."""
    opened = visit(path, viewport={"width": 360, "height": 740})
    page = opened.page

    assert wrong_for_some(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # What it does not check
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for role in ("banner", "main", "contentinfo", "search", "status"):
        expect(page.get_by_role(role)).to_have_count(1)
    # A table is one on a phone too, as the browser tells a screen reader.
    told = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in told if not node["ignored"]}
    assert {"table", "row", "cell", "columnheader"} <= roles or path.startswith("/dev/replay?")
    opened.assert_clean()


def test_a_page_that_opens_tells_a_screen_reader_where_it_is(visit):
    page = visit("/dev/events").page

    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_the_keyboard_goes_from_row_to_row_and_back_in_history(visit):
    opened = visit("/dev/events")
    page = opened.page
    page.locator("tbody tr").first.get_by_role("link").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("j")

    expect(page.locator("tbody tr").nth(2).get_by_role("link").first).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("stripe:evt_1")
    assert page.title() == "stripe:evt_1 · dev"
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    expect(page.locator("tbody tr")).to_have_count(3)


def test_what_was_asked_for_and_left_is_not_shown(visit, stack):
    """An answer that comes late is none of the page that is open now."""
    opened = visit("/dev/events")
    page = opened.page
    held = []
    page.route("**/api/events?state=HELD", lambda route: held.append(route))  # noqa: PLW0108 - it sets an attribute of it
    with page.expect_request("**/api/events?state=HELD"):
        page.evaluate("history.pushState(null, '', '/dev/events?state=HELD'); dispatchEvent(new Event('moved'))")
    page.get_by_role("link", name="Dead letters").click()
    expect(page.locator("tbody tr")).to_have_count(3)

    assert held
    for route in held:
        route.abort()

    expect(page.get_by_role("heading", level=1)).to_have_text("Dead letters")
    expect(page.locator("tbody tr")).to_have_count(3)
    assert page.get_by_role("alert").count() == 0
