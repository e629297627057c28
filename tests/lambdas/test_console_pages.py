"""The console's pages in a real browser, in front of an operators' API that answers as its document says."""

import hashlib
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import pytest
from playwright.sync_api import expect

from tests.browsing import SHOWN, ConsoleVisit, Visit, launched
from tests.console_stack import SECRET, Stack, archived, running
from tools import ROOT
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
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WRONG = """async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run({ runOnly: rules });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}"""
# Digits that a number of JavaScript loses, and a name that comes twice.
PAYLOAD = b'{"id":"evt_1","a":{},"n":12345678901234567890,"n":[1,"' + HOSTILE.encode() + b'"]}'


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
    }
    stack.aws = {
        "DescribeAlarms": {"MetricAlarms": []},
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
        ("AuditEntryResponse", ENTRY),
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
    stranger.open(f"{console.origin}/dev/events")

    expect(stranger.page.get_by_role("alert")).to_contain_text("make console")
    assert stack.asked == []
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

    shown = page.get_by_label("Payload")
    expect(shown).to_contain_text(HOSTILE)
    assert shown.inner_text() == (
        '{\n  "id": "evt_1",\n  "a": {},\n  "n": 12345678901234567890,\n  "n": [\n    1,\n    "' + HOSTILE + '"\n  ]\n}'
    )
    page.get_by_role("button", name="As received").click()
    assert shown.inner_text() == PAYLOAD.decode()
    assert asked(stack, "/internal/payloads/" + path_id("stripe:evt_1")) == [{"record": "-"}]


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
    expect(page.get_by_role("status")).to_have_text("1 of 1 were routed, or given up again")
    # Only the inbound half is watched: delivery would be a call for each tenant and replay.
    assert not [path for path, _ in stack.asked if path.startswith("/operator/")]


def test_a_range_is_replayed_page_by_page_and_says_what_was_not_sent(visit, stack):
    replayed(stack, matched=2, replayed=["stripe:evt_3"], failed={"stripe:evt_2": HOSTILE}, next="more")
    opened = visit("/dev/dead-letters?provider=stripe&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")
    page = opened.page
    page.get_by_role("link", name="Replay a range").click()
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
    expect(form.get_by_text("It would be done.")).to_be_visible()
    # What is changed must be tried again.
    form.get_by_label("Reason").fill("it is down for long")
    expect(form.get_by_role("button", name="Pause now")).to_have_count(0)
    form.get_by_role("button", name="Try").click()
    stack.answers[f"{path}/pause"] = stack.answers[path] = {**DETAIL, "state": "PAUSED"}
    form.get_by_role("button", name="Pause now").click()

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
    page.get_by_label("Reason").fill("unpaid")
    page.get_by_role("button", name="Try").click()
    page.get_by_role("button", name="Suspend now").click()

    expect(page.get_by_text("Suspend: done.")).to_be_visible()
    assert stack.done == [
        ("/operator/tenants/acme/suspend?dryRun=true&reason=unpaid", None),
        ("/operator/tenants/acme/suspend?reason=unpaid", None),
    ]


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
    stack.aws["DescribeAlarms"] = {
        "MetricAlarms": [
            {
                "AlarmName": name,
                "StateValue": state,
                "AlarmDescription": "an event was given up",
                "StateUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
                "AlarmActions": ["arn:aws:sns:eu-central-1:1:webhook-alarms-dev"],
            }
            for name, state in {"webhook-dead-lettered-dev": "ALARM", "webhook-fine-dev": "OK"}.items()
        ]
    }
    page = visit().page

    expect(page.get_by_text("1 of 2 alarms are on")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("webhook-dead-lettered-dev"))).to_contain_text(
        "an event was given up"
    )
    expect(page.get_by_role("row", name=re.compile("webhook-queue-dev"))).to_contain_text("7")
    expect(page.get_by_text("Events of the last hour by provider and state, estimated")).to_be_visible()
    page.get_by_role("link", name="12,345").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    assert parse_qs(urlsplit(page.url).query)["state"] == ["ROUTED"]


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
    "/dev/endpoints",
    f"/dev/endpoints/acme/{ENDPOINT['endpointId']}",
    "/dev/deliveries",
    "/dev/audit",
]


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_is_for_everybody(visit, delivered, path):
    """On a phone, in light and dark, with a screen reader."""
    opened = visit(path, viewport={"width": 360, "height": 740})
    page = opened.page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    # Rules of WCAG 2.2 that a program can check: names, roles, labels, contrast and more.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(WRONG) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # What it does not check
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for role in ("banner", "main", "contentinfo", "search", "status"):
        expect(page.get_by_role(role)).to_have_count(1)
    # A table is one on a phone too, as the browser tells a screen reader.
    told = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in told if not node["ignored"]}
    assert {"table", "row", "cell", "columnheader"} <= roles or "/replay" in path
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
