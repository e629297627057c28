"""The console's pages in a real browser, in front of an operators' API that answers as its document says."""

import hashlib
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import pytest
from playwright.sync_api import expect

from tests.browsing import Visit, launched
from tests.console_stack import SECRET, Stack, archived, running
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


# The heading of a page that has all that it asked for.
SHOWN = "main:not([aria-busy]) h1"


class Opened(Visit):
    """The console, opened with its token at an address."""

    def __init__(self, browser, console, path="/dev/", **options):
        super().__init__(browser, **options)
        self.alerts = []
        self.page.on("dialog", lambda dialog: (self.alerts.append(dialog.message), dialog.dismiss()))
        self.open(f"{console.origin}{path}#token={console.token}")
        self.wait()

    def wait(self):
        expect(self.page.locator(SHOWN)).to_be_visible()

    @property
    def path(self):
        return self.page.evaluate("location.pathname + location.search")


@pytest.fixture
def visit(browser, console):
    opened = []

    def visit(path="/dev/", **options):
        opened.append(Opened(browser, console, path, **options))
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
    [("Event", event(1, **FAILED)), ("OneEvent", ONE), ("Counts", COUNTS), ("Events", {"events": [], "next": "n"})],
)
def test_the_made_up_answers_are_as_the_document_says(schema, example):
    document = {**operator_openapi.document(), "$ref": f"#/components/schemas/{schema}"}

    jsonschema_rs.validator_for(document).validate(example)


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
    """The event, delivered to a tenant, under whatever id the tenant has of it."""
    known = stack.answer

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

    expect(page.get_by_label("Answer")).to_contain_text(HOSTILE)


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
    expect(page.get_by_role("row", name=re.compile("webhook-main-dev"))).to_contain_text("7")
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

    expect(page.get_by_role("row", name=re.compile("webhook-main-dev"))).to_contain_text("8")
    expect(page.get_by_role("link", name="12,345")).to_have_count(3)
    assert len(asked(stack, "/internal/counts")) == 4
    page.get_by_label("Look again").uncheck()
    page.clock.run_for(60_000)
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("3 events")
    assert len(asked(stack, "/internal/counts")) == 4
    page.close()


def test_providers_show_their_last_event_and_their_secret(visit, stack):
    stack.answers["/internal/events?provider=github&limit=1"] = {"events": [], "next": None}
    page = visit("/dev/providers").page

    expect(page.get_by_role("row", name=re.compile("^stripe"))).to_contain_text("one is valid")
    expect(page.get_by_role("row", name=re.compile("^stripe"))).to_contain_text("2026-01-01 00:03:00")
    expect(page.get_by_role("row", name=re.compile("^github"))).to_contain_text("none")


# --- for everybody ----------------------------------------------------------------------------------------------

EVERY_PAGE = ["/dev/", "/dev/events", "/dev/events/stripe:evt_1", "/dev/dead-letters", "/dev/providers"]


@pytest.mark.parametrize("path", EVERY_PAGE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_can_be_read(visit, delivered, path, scheme, tmp_path):
    opened = visit(path, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = opened.page

    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert contrast_of(page) == []
    opened.assert_clean()


def contrast_of(page):
    """Return the texts with less contrast than WCAG 2.2 asks for: 4.5."""
    return page.evaluate(
        """() => {
          const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
          const light = (color) => {
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
            const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => {
              const share = part / 255;
              return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
          };
          const behind = (element) => {
            for (let each = element; each; each = each.parentElement) {
              const color = getComputedStyle(each).backgroundColor;
              if (color !== "rgba(0, 0, 0, 0)") return light(color);
            }
            return 1;
          };
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const low = [];
          while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
            if (element.closest("noscript, :disabled")) continue;
            const [less, more] = [light(getComputedStyle(element).color), behind(element)].sort((a, b) => a - b);
            if ((more + 0.05) / (less + 0.05) < 4.5) low.push(texts.currentNode.data);
          }
          return low;
        }"""
    )


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_a_screen_reader_finds_its_way(visit, delivered, path):
    opened = visit(path)
    page = opened.page

    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    for role in ("banner", "main", "contentinfo", "search", "status"):
        expect(page.get_by_role(role)).to_have_count(1)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, button, a, table")]
             .filter((element) => !(element.labels?.length || element.textContent.trim() || element.ariaLabel))
             .map((element) => element.outerHTML)"""
    )
    assert unnamed == []
    # A table is one on a phone too, as the browser tells a screen reader.
    page.set_viewport_size({"width": 360, "height": 740})
    told = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in told if not node["ignored"]}
    assert {"table", "row", "cell", "columnheader"} <= roles


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
