"""The tenants' portal in a real browser, in front of the functions that serve it and the API."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from lambdas.delivery.domain.access import LINKED, Access
from lambdas.delivery.domain.attempt_result import Answer
from lambdas.delivery.domain.model import Attempt, DeliveryState
from lambdas.delivery.http.routes import AUTHORIZER, DOCS, TENANT_API
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.delivery.store.identities import Identities
from lambdas.delivery.store.replays import ReplayStore
from lambdas.delivery_docs.site import Site
from lambdas.shared import times
from tests.browsing import SHOWN, Visit, launched, wrong_for_some
from tests.lambdas.delivery_api_support import Place
from tests.lambdas.http_adapter import Gateway, serving
from tests.lambdas.support import Clients
from tests.lambdas.test_delivery_api_lists import FAR, delivery
from tools.build.docs_assets import copy_assets

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
URL = "https://hooks.shop.example/webhooks"
# Digits that a number of JavaScript loses.
PAYLOAD = b'{"type":"invoice.paid","n":12345678901234567890,"note":"' + HOSTILE.encode() + b'"}'
NAME = f"Shop {HOSTILE}"
ENDED = "Ask for a new link where you got it."


@dataclass(frozen=True, kw_only=True)
class Portal:
    """The functions behind one address, and the tables."""

    base: str
    place: Place
    site: Callable[[str], Site]

    @property
    def identities(self) -> Identities:
        return Identities(self.place.dynamodb, self.place.tenants_table)


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A tenant with a link, and the token of its application."""

    portal: Portal
    tenant_id: str
    token: str
    application: str

    @property
    def link(self) -> str:
        return f"{self.portal.base}/portal#token={self.token}"

    def address(self, page: str, **query: str) -> str:
        asked = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self.portal.base}/portal?page={page}{asked}#token={self.token}"

    def ask(self, method: str, path: str, body: object = None, raw: bytes | None = None):
        answer = requests.request(
            method,
            self.portal.base + path,
            headers={"Authorization": f"Bearer {self.application}", "Content-Type": "application/json"},
            json=None if raw else body,
            data=raw,
            timeout=20,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def endpoint(self, url: str = URL, **values: object) -> dict:
        return self.ask("POST", "/v1/endpoints", {"url": url, **values})

    def send(self) -> str:
        return self.ask("POST", "/v1/events", raw=PAYLOAD)["eventId"]

    def attempt(self, event_id: str, endpoint_id: str, status: int, body: str = "") -> None:
        """Do what the worker does: one more attempt."""
        deliveries = Deliveries(self.portal.place.dynamodb, self.portal.place.events_table)
        deliveries.create(delivery(event_id, endpoint_id, time.time(), self.tenant_id))
        seen = deliveries.read(self.tenant_id, event_id, endpoint_id)
        assert seen is not None
        is_good = status < 300
        number, at = seen.attempts + 1, times.iso(time.time())
        attempt = Attempt(
            tenant_id=self.tenant_id,
            event_id=event_id,
            endpoint_id=endpoint_id,
            number=number,
            at=at,
            duration_ms=5,
            status=status,
            outcome="delivered" if is_good else f"status {status}",
            expires_at=FAR,
        )
        new = replace(
            seen,
            version=seen.version + 1,
            attempts=number,
            state=DeliveryState.DELIVERED if is_good else DeliveryState.DLQ,
            reason=None if is_good else f"status {status}",
            updated_at=at,
        )
        answer = Answer(headers=(("X-Trace", HOSTILE),), body=body.encode(), complete=True)
        assert deliveries.change(seen, new, attempt, answer)

    def failed(self) -> tuple[str, str]:
        """Return an event that an endpoint refused, and the endpoint."""
        endpoint_id, event_id = self.endpoint()["endpointId"], self.send()
        self.attempt(event_id, endpoint_id, 500, HOSTILE)
        return event_id, endpoint_id


@pytest.fixture(scope="module")
def portal(
    clients: Clients, warm_start: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    place = Place.build(clients)
    functions = {
        name: warm_start(name, **place.variables, POWERTOOLS_LOG_LEVEL="CRITICAL")
        for name in (TENANT_API, AUTHORIZER, DOCS)
    }
    assets = copy_assets(tmp_path_factory.mktemp("assets"))

    def site(frames: str) -> Site:
        functions[DOCS]._site = functions[DOCS].Site(assets, frames)
        return functions[DOCS]._site

    site("")
    gateway = Gateway({name: module.handler for name, module in functions.items()}, functions[AUTHORIZER].handler)
    with pytest.MonkeyPatch.context() as patch, serving(gateway) as base:
        # No name is looked up outside of this machine.
        patch.setattr(functions[TENANT_API], "system_resolver", lambda host, port: ["93.184.215.14"])
        yield Portal(base=base, place=place, site=site)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


_numbers = itertools.count(1)


@pytest.fixture
def customer_with(portal: Portal) -> Callable[[str], Customer]:
    """Return a function that makes a tenant and a link of some access to it."""

    def make(access: str = "portal", tenant_id: str = "") -> Customer:
        known = portal.identities
        if not tenant_id:
            tenant_id = f"shop-{next(_numbers)}"
            known.create_tenant(tenant_id, NAME, time.time())
        now = time.time()
        create = known.create_portal_token if access in LINKED else known.create_token
        token, _ = create(tenant_id, "", int(now) + 3_600, now, Access(access))
        application, _ = known.create_token(tenant_id, "", None, now)
        return Customer(portal=portal, tenant_id=tenant_id, token=token, application=application)

    return make


@pytest.fixture
def customer(customer_with) -> Customer:
    return customer_with("portal")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address and waits until it is shown."""
    opened: list[tuple[Visit, list[str]]] = []

    def visit(address: str, **options) -> Page:
        one, alerts = Visit(browser, **options), []
        one.page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
        opened.append((one, alerts))
        one.open(address)
        expect(one.page.locator(SHOWN)).to_be_visible()
        return one.page

    yield visit
    for one, alerts in opened:
        # Whatever a payload or an endpoint's answer held was text, and nothing came from elsewhere.
        assert alerts == []
        assert {urlsplit(url).hostname for url in one.requested if not url.startswith("data:")} == {"127.0.0.1"}
        assert [each for each in one.complaints if "failed" not in each and "status of 4" not in each] == []
        one.page.close()


def form(page: Page, name: str) -> Locator:
    """Open an action."""
    page.locator("summary", has_text=re.compile(f"^{name}$")).click()
    return page.locator(".action").filter(has=page.get_by_role("form", name=name))


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


# --- getting in -------------------------------------------------------------------------------------------------


def test_a_link_opens_the_portal_leaves_no_token_in_the_address_and_lasts_in_this_tab(visit, customer, customer_with):
    page = visit(customer.link)

    expect(page.get_by_role("heading", level=1)).to_have_text("Endpoints")
    expect(page.locator("#tenant")).to_contain_text("Shop")
    assert page.evaluate("location.href") == f"{customer.portal.base}/portal"
    page.reload()
    expect(page.locator("#tenant")).to_contain_text("Shop")
    # and nowhere else
    kept = "[Object.keys(localStorage), document.cookie, JSON.stringify(history.state), document.referrer].join()"
    assert page.evaluate(kept) == ",,null,"
    # Another link in the same tab changes the fragment alone.
    other = customer_with("portal")
    other.endpoint("https://other.example/hooks")
    page.goto(other.link)
    expect(page.get_by_role("link", name="https://other.example/hooks")).to_be_visible()
    assert page.evaluate("location.href") == f"{customer.portal.base}/portal"


def test_without_a_link_nothing_is_asked_and_it_is_said_what_to_do(visit, portal):
    page = visit(f"{portal.base}/portal")

    expect(page.get_by_role("alert")).to_contain_text(ENDED)
    assert page.evaluate("performance.getEntriesByType('resource').filter((one) => one.name.includes('/v1/'))") == []


def test_a_browser_that_keeps_nothing_for_a_frame_shows_the_portal_all_the_same(browser, customer, customer_with):
    # What a browser does that blocks what other sites keep.
    refusal = (
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('', 'SecurityError'); }})"
    )
    page = Visit(browser).page
    page.add_init_script(refusal)
    page.goto(customer.address("events"))
    expect(page.locator("#tenant")).to_contain_text("Shop")
    page.get_by_role("link", name="Deliveries").click()
    expect(page.get_by_role("status")).to_have_text("0 deliveries")
    assert customer.token not in page.url
    # Another link changes the fragment alone.
    other = customer_with("portal")
    other.endpoint("https://other.example/hooks")
    page.goto(f"{page.url.partition('#')[0]}#token={other.token}")
    page.get_by_role("link", name="Endpoints").click()
    expect(page.get_by_role("link", name="https://other.example/hooks")).to_be_visible()
    assert other.token not in page.url
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text(ENDED)
    page.close()


def test_portals_of_two_customers_in_one_page_stay_apart(browser, customer, customer_with):
    other = customer_with("portal")
    for number, one in enumerate((customer, other)):
        one.endpoint(f"https://{number}.example/hooks")
    page = Visit(browser).page
    origin = customer.portal.base.removesuffix("/live")
    customer.portal.site(origin)
    page.goto(f"{origin}/live/none")
    for one in (customer, other):
        page.evaluate("src => document.body.append(Object.assign(document.createElement('iframe'), {src}))", one.link)
        expect(page.frame_locator("iframe").last.get_by_role("heading", level=1)).to_have_text("Endpoints")
    customer.portal.site("")

    for number in range(2):
        frame = page.frame_locator("iframe").nth(number)
        frame.get_by_role("link", name="Deliveries").click()
        expect(frame.get_by_role("status")).to_have_text("0 deliveries")
        frame.get_by_role("link", name="Endpoints").click()
        expect(frame.get_by_role("link", name=f"https://{number}.example/hooks")).to_be_visible()
    page.close()


def test_a_link_that_a_program_cut_is_not_whole(visit, customer):
    page = visit(f"{customer.link[:-10]}…")

    expect(page.get_by_role("alert")).to_contain_text(ENDED)


def test_a_link_that_has_ended_says_what_to_do_once_and_when_it_ends_meanwhile(visit, customer):
    page = visit(customer.address("events"))
    customer.portal.identities.revoke_portal_links(customer.tenant_id, time.time())

    page.get_by_role("link", name="Deliveries").click()
    expect(page.get_by_role("alert")).to_contain_text(ENDED)
    page.reload()

    expect(page.get_by_role("alert")).to_contain_text(ENDED)
    calls = page.evaluate("performance.getEntriesByType('resource').filter((one) => one.name.includes('/v1/')).length")
    assert calls == 1
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(0)


def test_the_policy_lets_in_no_script_and_no_markup_from_text(browser, customer):
    page = Visit(browser).page
    page.goto(customer.link)

    page.evaluate("document.body.append(Object.assign(document.createElement('a'), {id: 'made'}))")
    with page.expect_console_message(lambda message: "Trusted" in message.text):
        refused = page.evaluate(
            "() => { try { document.getElementById('made').innerHTML = '<b>'; } catch (error) { return error.name; } }"
        )
    assert refused == "TypeError"
    page.close()


@pytest.mark.parametrize(
    ("frames", "ancestors"),
    [("", "'none'"), ("https://a.example https://b.example", "https://a.example https://b.example")],
)
def test_who_may_embed_it_is_what_the_setting_names(portal, frames, ancestors):
    portal.site(frames)
    answers = {path: requests.get(portal.base + path, timeout=10) for path in ("/portal", "/docs")}
    portal.site("")

    policies = {
        path: dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        for path, answer in answers.items()
    }
    assert policies["/portal"]["frame-ancestors"] == ancestors
    assert policies["/docs"]["frame-ancestors"] == "'none'"
    own = [
        policies["/portal"][name] for name in ("default-src", "script-src", "style-src", "require-trusted-types-for")
    ]
    assert own == ["'none'", "'self'", "'self'", "'script'"]
    assert answers["/portal"].headers["Cache-Control"] == "no-cache"
    assert answers["/portal"].headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answers["/portal"].headers


# --- endpoints --------------------------------------------------------------------------------------------------


def test_an_endpoint_is_created_and_its_secret_shown_once(visit, customer):
    page = visit(customer.link)
    create = form(page, "Create an endpoint")
    create.get_by_label("URL").fill(URL)
    create.get_by_label("Event types").fill("invoice.* nonsense!")
    create.get_by_label("Retry schedule").select_option("minutes")
    create.get_by_label("Signature").select_option("stripe")
    create.get_by_label("Description").fill(HOSTILE)
    create.get_by_role("button", name="Create").click()

    # What is wrong is named, and marked.
    expect(create.get_by_role("alert")).to_contain_text("eventTypes.1: ")
    expect(create.get_by_label("Event types")).to_have_attribute("aria-invalid", "true")
    create.get_by_label("Event types").fill("invoice.*, charge.failed")
    create.get_by_role("button", name="Create").click()
    secret = create.get_by_label("The secret", exact=True).text_content()
    assert secret.startswith("whsec_")
    # Pressed again, it is no second endpoint.
    create.get_by_role("button", name="Create").click()
    expect(create.get_by_label("The secret", exact=True)).to_have_text(secret)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(HOSTILE)
    expect(page.locator("tbody tr")).to_contain_text("none")
    (made,) = customer.ask("GET", "/v1/endpoints")["endpoints"]
    assert (made["eventTypes"], made["schedule"], made["style"]) == (
        ["invoice.*", "charge.failed"],
        "minutes",
        "stripe",
    )

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    create.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret

    page.get_by_role("link", name=URL).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(URL)
    assert secret not in page.content()


def test_an_endpoint_is_changed_paused_and_deleted(visit, customer):
    made = customer.endpoint(eventTypes=["invoice.*"], style="stripe", schedule="minutes", description="x")
    page = visit(customer.address(f"endpoints/{made['endpointId']}"))
    change = form(page, "Change")
    change.get_by_label("seconds to wait").fill("60, 3600")
    change.get_by_label("Retry schedule").select_option("")
    change.get_by_label("Signature").select_option("asymmetric")
    change.get_by_role("button", name="Change").click()
    expect(change.get_by_role("alert")).to_contain_text("no key pair")
    change.get_by_label("Signature").select_option("")
    change.get_by_label("Description").fill("")
    change.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Changed.")).to_be_focused()
    changed = customer.ask("GET", f"/v1/endpoints/{made['endpointId']}")
    assert (changed["retryWaits"], changed["style"], changed["description"]) == ([60, 3600], "standard", "")
    assert changed["eventTypes"] == made["eventTypes"]
    change = form(page, "Change")
    change.get_by_label("seconds to wait").fill("")
    change.get_by_role("button", name="Change").click()
    expect(page.get_by_role("definition").filter(has_text="the service's own")).to_be_visible()
    # One attempt, which the portal has no word for, stays when something else is changed.
    customer.ask("PATCH", f"/v1/endpoints/{made['endpointId']}", {"retryWaits": []})
    page.reload()
    expect(page.get_by_role("definition").filter(has_text="one attempt")).to_be_visible()
    change = form(page, "Change")
    change.get_by_label("Description").fill("y")
    change.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Changed.")).to_be_focused()
    changed = customer.ask("GET", f"/v1/endpoints/{made['endpointId']}")
    assert (changed["retryWaits"], changed["description"]) == ([], "y")

    form(page, "Pause").get_by_role("button").click()
    expect(page.get_by_text("Paused: deliveries wait.")).to_be_focused()
    expect(page.get_by_role("definition").filter(has_text="PAUSED")).to_be_visible()
    form(page, "Activate").get_by_role("button").click()
    expect(page.get_by_role("definition").filter(has_text="ACTIVE")).to_be_visible()

    delete = form(page, "Delete")
    delete.get_by_role("button", name="Delete").click()
    expect(delete.get_by_text("gets nothing more")).to_be_visible()
    assert len(customer.ask("GET", "/v1/endpoints")["endpoints"]) == 1
    delete.get_by_role("button", name="Delete now").click()
    expect(page.get_by_role("status")).to_have_text("0 endpoints")
    assert customer.ask("GET", "/v1/endpoints")["endpoints"] == []


def test_a_secret_is_rotated_and_a_test_event_shows_its_attempt(visit, customer):
    endpoint = customer.endpoint()
    page = visit(customer.address(f"endpoints/{endpoint['endpointId']}"))
    rotate = form(page, "Rotate the secret")
    rotate.get_by_label("Hours").fill("2")
    rotate.get_by_role("button", name="Rotate").click()

    expect(rotate.get_by_label("The secret", exact=True)).to_contain_text("whsec_")
    assert rotate.get_by_label("The secret", exact=True).text_content() != endpoint["secret"]
    assert customer.ask("GET", f"/v1/endpoints/{endpoint['endpointId']}")["secretsValid"] == 2
    # Whoever does it again on the same page wants another one.
    first = rotate.get_by_label("The secret", exact=True).text_content()
    rotate.get_by_role("button", name="Rotate").click()
    expect(rotate.get_by_label("The secret", exact=True)).not_to_have_text(first)

    form(page, "Send a test event").get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("The attempt is on its way")
    (sent,) = customer.ask("GET", "/v1/events")["events"]
    customer.attempt(sent["eventId"], endpoint["endpointId"], 204)
    expect(page.get_by_role("heading", level=1)).to_have_text(sent["eventId"])
    expect(page.get_by_role("table", name="Attempts")).to_contain_text("delivered")
    page.get_by_role("button", name="Show the payload").click()
    expect(page.get_by_label("Payload")).to_contain_text('"type": "webhook.test"')


def test_after_a_lost_answer_the_same_is_asked_for_again(visit, customer):
    endpoint = customer.endpoint()
    page = visit(customer.address(f"endpoints/{endpoint['endpointId']}"))
    keys = []

    def lose(route):
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.fulfill(status=408)

    page.route("**/rotate-secret", lose, times=1)
    rotate = form(page, "Rotate the secret")
    rotate.get_by_role("button", name="Rotate").click()
    expect(rotate.get_by_role("alert")).to_have_text("status 408")
    with page.expect_request("**/rotate-secret") as again:
        rotate.get_by_role("button", name="Rotate").click()

    expect(rotate.get_by_label("The secret", exact=True)).to_contain_text("whsec_")
    assert keys == [again.value.headers["idempotency-key"]]


# --- deliveries, attempts, events -------------------------------------------------------------------------------


def test_a_failed_attempt_shows_its_answer_as_text_and_is_sent_again(visit, customer):
    event_id, endpoint_id = customer.failed()
    page = visit(customer.link)
    expect(page.get_by_role("row").filter(has_text=URL)).to_contain_text("status 500")
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_label("State").select_option("DLQ")
    page.get_by_label("Endpoint").select_option(URL)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_have_text("1 deliveries")
    assert asked(page) == {"page": "deliveries", "endpointId": endpoint_id, "state": "DLQ"}
    page.get_by_role("link", name=event_id).click()

    page.get_by_role("button", name="Show", exact=True).click()
    answer = page.get_by_label("Answer", exact=True)
    assert answer.text_content() == f"X-Trace: {HOSTILE}\n\n{HOSTILE}"
    page.get_by_role("button", name="Show the payload").click()
    payload = page.get_by_label("Payload")
    expect(payload).to_contain_text(f'"n": 12345678901234567890,\n  "note": "{HOSTILE}"')
    page.get_by_role("button", name="As received").click()
    assert payload.text_content() == PAYLOAD.decode()
    assert page.locator("main img, main script").count() == 0

    again = form(page, "Send again")
    again.get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("The attempt is on its way")
    customer.attempt(event_id, endpoint_id, 200)
    expect(page.get_by_text("Sent again.")).to_be_focused()
    expect(page.get_by_role("table", name="Deliveries")).to_contain_text("DELIVERED")
    # What cannot be sent says why.
    customer.ask("DELETE", f"/v1/endpoints/{endpoint_id}")
    form(page, "Send again").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_filters_are_in_the_address_and_lists_go_on(visit, customer):
    endpoint_id = customer.endpoint()["endpointId"]
    events = [customer.send() for _ in range(52)]
    for event_id, status in zip(events, (500, 200, 500), strict=False):
        customer.attempt(event_id, endpoint_id, status)
    page = visit(customer.address("events"))
    expect(page.get_by_role("status")).to_have_text("50 events, and there may be more")
    page.get_by_role("button", name="More events").click()
    expect(page.get_by_role("status")).to_have_text("52 events")
    expect(page.locator("tbody tr")).to_have_count(52)
    expect(page.locator("tbody tr").first.get_by_role("link")).to_have_text(events[-1])

    page.get_by_label("From, UTC").fill("2100-01-01T00:00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_have_text("0 events")
    assert asked(page) == {"page": "events", "from": "2100-01-01T00:00:00Z"}
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)

    page.goto(customer.address(f"endpoints/{endpoint_id}", status="5xx"))
    expect(page.get_by_role("status")).to_have_text("2 attempts")
    expect(page.get_by_label("Answered")).to_have_value("5xx")
    page.goto(customer.address("deliveries", state="X"))
    expect(page.get_by_role("alert")).to_contain_text("state: ")


def test_a_replay_is_counted_started_watched_and_cancelled(visit, customer):
    event_id, endpoint_id = customer.failed()
    page = visit(customer.address(f"endpoints/{endpoint_id}"))
    replay = form(page, "Replay a range")
    replay.get_by_label("never had").uncheck()
    replay.get_by_role("button", name="Count").click()
    expect(replay.get_by_text("Events that a replay would send: 1. Nothing was sent.")).to_be_visible()
    # What was counted and changed since is not sent.
    replay.get_by_label("never had").check()
    expect(replay.get_by_role("button", name="Replay a range now")).to_have_count(0)
    assert customer.ask("GET", f"/v1/endpoints/{endpoint_id}/replays")["replays"] == []
    replay.get_by_role("button", name="Count").click()
    replay.get_by_role("button", name="Replay a range now").click()

    shown = page.locator(".replay")
    expect(shown).to_contain_text("RUNNING")
    (found,) = customer.ask("GET", f"/v1/endpoints/{endpoint_id}/replays")["replays"]
    assert found["include"] == ["DLQ", "MISSED"]
    store = ReplayStore(customer.portal.place.dynamodb, customer.portal.place.events_table)
    seen = store.read(customer.tenant_id, found["replayId"])
    assert store.record(seen, replace(seen, sent=7, examined=9, position=f"{seen.end}#x"))
    expect(shown).to_contain_text("Sent7")
    assert page.locator("progress").evaluate("bar => bar.value") == 1
    # What fails can be tried again.
    page.route("**/cancel", lambda route: route.fulfill(status=429, json={"message": "try again"}))
    shown.get_by_role("button", name="Cancel").click()
    expect(shown.get_by_role("button", name="Cancel")).to_be_enabled()
    page.unroute("**/cancel")
    shown.get_by_role("button", name="Cancel").click()

    expect(shown).to_contain_text("CANCELLED")
    expect(shown.get_by_role("button")).to_have_count(0)
    # The same again is another replay.
    replay.get_by_role("button", name="Count").click()
    replay.get_by_role("button", name="Replay a range now").click()
    expect(shown).to_have_count(2)
    expect(shown.first).to_contain_text("RUNNING")
    assert len(customer.ask("GET", f"/v1/endpoints/{endpoint_id}/replays")["replays"]) == 2
    assert event_id


# --- for everybody ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("access", ["portal-read", "read"])
def test_a_link_that_only_reads_shows_everything_and_no_action(visit, customer, customer_with, access):
    event_id, endpoint_id = customer.failed()
    customer.ask("POST", f"/v1/endpoints/{endpoint_id}/replays", {"dryRun": False})
    page = visit(customer_with(access, customer.tenant_id).link)

    def assert_nothing_to_do(heading):
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.locator(SHOWN)).to_be_visible()
        expect(page.locator("tbody tr").first).to_be_visible()
        # A button that is hidden has no role.
        assert set(page.get_by_role("button").all_text_contents()) <= {"Show", "Show the payload"}
        assert page.locator(".action").count() == 0

    assert_nothing_to_do("Endpoints")
    page.get_by_role("link", name=URL).click()
    assert_nothing_to_do(URL)
    for name in ("Deliveries", "Events"):
        page.get_by_role("link", name=name, exact=True).click()
        assert_nothing_to_do(name)
    page.get_by_role("link", name=event_id).click()
    assert_nothing_to_do(event_id)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_label("Answer", exact=True)).to_contain_text(HOSTILE)


@pytest.mark.parametrize(
    "name", ["endpoints", "endpoints/{endpoint}", "deliveries", "events", "events/{event}", "none"]
)
def test_every_page_is_for_everybody(visit, customer, name):
    """On a phone, in light and dark, with a screen reader."""
    event_id, endpoint_id = customer.failed()
    customer.ask("POST", f"/v1/endpoints/{endpoint_id}/replays", {"dryRun": False})
    page = visit(
        customer.address(name.format(endpoint=endpoint_id, event=event_id)), viewport={"width": 360, "height": 740}
    )

    assert wrong_for_some(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    for role in ("banner", "main", "contentinfo", "status"):
        expect(page.get_by_role(role)).to_have_count(1)


def test_the_keyboard_opens_an_event_and_goes_back(visit, customer):
    event_id, _ = customer.failed()
    page = visit(customer.address("events"))
    page.keyboard.press("Tab")
    page.locator("tbody tr").first.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(event_id)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert page.title().startswith(f"{event_id} · Shop")

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    expect(page.locator("tbody tr")).to_have_count(1)
