"""How a provider is told to send webhooks: what is wrong with it is told, whatever becomes of the list of events."""

import http.client
import json
import time

import pytest
from square import Square

from lambdas.reconcile.lists.github import GitHubDeliveries
from lambdas.reconcile.lists.gocardless import GoCardlessEvents
from lambdas.reconcile.lists.lithic import LithicEvents
from lambdas.reconcile.lists.paddle import PaddleEvents
from lambdas.reconcile.lists.paypal import PayPalEvents
from lambdas.reconcile.lists.square import SquareEvents
from lambdas.reconcile.lists.stripe import StripeEvents
from lambdas.reconcile.watch import look, url_of
from lambdas.shared import times
from tests.lambdas.events_apis import (
    GitHubApi,
    GoCardlessApi,
    LithicApi,
    PaddleApi,
    PayPalApi,
    SquareApi,
    StripeApi,
    github_hook,
    lithic_attempt,
    lithic_subscription,
    paddle_notification,
    paddle_setting,
    paypal_webhook,
    square_subscription,
    stripe_endpoint,
)
from tests.lambdas.support import NOW, Clock, lambda_context, new_secret

BASE = "https://a1b2.execute-api.eu-central-1.amazonaws.com/v1"
URL = f"{BASE}/webhook/shop"
OTHER = "https://others.example.com/hooks?token=of-others"
HOUR = 3_600.0


def endpoint(url, types, *, off=False):
    return stripe_endpoint(url, enabled_events=types, status="disabled" if off else "enabled")


# The API, the list, how a registration looks, a key, the hook, two types, and how types are subscribed to.
KINDS = {
    "stripe": (StripeApi, StripeEvents, endpoint, "rk_live_1", "", ("charge.succeeded", "payout.paid"), None),
    "paypal": (PayPalApi, PayPalEvents, paypal_webhook, "client:secret", "5GP1", ("A.B", "C.D"), None),
    "square": (SquareApi, SquareEvents, square_subscription, "EAAAtoken", "", ("payment.updated", "x.y"), None),
    "github": (GitHubApi, GitHubDeliveries, github_hook, "pat_1", "repos/acme/shop/hooks/7", ("a.b", "c"), ("a", "c")),
    "lithic": (LithicApi, LithicEvents, lithic_subscription, "of-the-program", "", ("card.created", "d.updated"), None),
    "paddle": (PaddleApi, PaddleEvents, paddle_setting, "pdl_1", "", ("transaction.paid", "a.b"), None),
}


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def api(name):
    kind, _, _, key, *_ = KINDS[name]
    with kind(Clock(NOW), key).serve() as api:
        yield api


def registered(name, url=URL, types=None, **changes):
    *_, both, subscribed = KINDS[name]
    return KINDS[name][2](url, types or list(subscribed or both), **changes)


def looked(name, api, types=None, url=URL):
    _, kind, _, key, hook, both, _ = KINDS[name]
    events = kind(api.client(kind, Clock(0.0)), key, hook)
    return look(events, url=url, types=types or both, every=HOUR, now=NOW)


def test_a_registration_that_is_right_is_no_problem(name, api):
    api.registrations = [registered(name)]
    found = looked(name, api)
    assert (found["url"], found["problems"]) == (URL, [])
    assert "signing-key" not in json.dumps(found)
    # PayPal's with one for a token, Lithic's with one for each subscription
    assert len(api.calls) <= (3 if name == "lithic" else 2)


def test_where_no_registration_is_shown_nobody_asks():
    with GoCardlessApi(Clock(NOW), "token").serve() as api:
        events = GoCardlessEvents(api.client(GoCardlessEvents, Clock(0.0)), "token")
        assert look(events, url=URL, types=["*"], every=HOUR, now=NOW) is None
        assert not api.calls


def test_no_registration_is_a_problem(name, api):
    assert looked(name, api)["problems"] == [f"none of 0 registrations sends to {URL}"]


def test_a_registration_that_sends_elsewhere_is_a_problem_and_no_word_of_it_is_told(name, api):
    api.registrations = [registered(name, OTHER)]
    found = looked(name, api)
    assert found["problems"] == [f"none of 1 registrations sends to {URL}"]
    assert "others.example.com" not in json.dumps(found)


def test_a_disabled_registration_is_a_problem(name, api):
    api.registrations = [registered(name, off=True)]
    (problem,) = looked(name, api)["problems"]
    assert "disabled, nothing is sent" in problem


def test_a_type_that_is_not_subscribed_is_a_problem(name, api):
    *_, both, subscribed = KINDS[name]
    has, lacks = subscribed or both
    api.registrations = [registered(name, types=[has])]
    (problem,) = looked(name, api)["problems"]
    assert problem.endswith(f"not subscribed to {lacks}")


def test_of_types_with_a_star_one_that_matches_is_enough(name, api):
    first = KINDS[name][5][0].partition(".")[0]
    api.registrations = [registered(name)]
    assert looked(name, api, types=[f"{first}.*", "*"])["problems"] == []
    (problem,) = looked(name, api, types=[f"{first}.*", "zzz*"])["problems"]
    assert problem.endswith("not subscribed to zzz*")


@pytest.mark.parametrize("name", ["stripe", "paypal", "github", "lithic"])
def test_a_registration_of_all_types_lacks_none(name, api):
    api.registrations = [lithic_subscription(URL) if name == "lithic" else registered(name, types=["*"])]
    assert looked(name, api)["problems"] == []


def test_a_key_that_may_not_read_registrations_is_one_problem_with_what_to_do(name, api):
    api.registrations = [registered(name)]
    api.forbidden = {
        "github": "/hooks/7",
        "square": "/subscriptions",
        "lithic": "/event_sub",
        "paddle": "/notification",
    }.get(name, "/webhook")
    (problem,) = looked(name, api)["problems"]
    kind = KINDS[name][1]
    told = f"the API key may not read registrations, {kind.hosts[0]}: status 403: {kind.registration_doc}"
    assert problem == told


@pytest.mark.parametrize(("name", "path"), [("stripe", "/v1/events"), ("github", "/deliveries")])
def test_a_key_that_may_not_read_deliveries_is_not_said_to_lack_another_right(name, path, api):
    api.registrations = [registered(name)]
    api.forbidden = path
    (problem,) = looked(name, api)["problems"]
    assert problem == f"failed deliveries cannot be read: {KINDS[name][1].hosts[0]}: status 403"


@pytest.mark.parametrize("name", ["github"])
def test_a_rate_limit_is_no_missing_right(name, api):
    api.faults = [(403, {}, {"X-RateLimit-Remaining": "0"})]
    assert looked(name, api)["problems"] == ["registrations cannot be read: api.github.com: rate limit, status 403"]


@pytest.mark.parametrize("answer", [[], [1], {"data": 1, "subscriptions": 1, "event_types": 1, "config": 1}])
def test_an_answer_that_is_something_else_is_a_problem(name, api, answer):
    api.faults = [*(["fine"] if name == "paypal" else []), (200, answer, {})]
    (problem,) = looked(name, api)["problems"]
    assert problem.startswith("registrations cannot be read: ")


@pytest.mark.parametrize("name", ["stripe", "square", "lithic", "paddle"])
def test_registrations_of_other_systems_do_not_count(name, api):
    api.registrations = [registered(name, OTHER, off=True), registered(name)]
    assert looked(name, api)["problems"] == []
    api.registrations = [registered(name, OTHER), registered(name, off=True)]
    assert "disabled" in looked(name, api)["problems"][0]


@pytest.mark.parametrize("name", ["square", "lithic", "paddle"])
def test_a_registration_on_a_later_page_is_found(name, api):
    api.most = 2
    others = [f"ep_{number}" for number in range(2, 6)]
    api.registrations = [
        {**registered(name, OTHER), "token": one, **({"id": one} if name == "paddle" else {})} for one in others
    ]
    api.registrations.append(registered(name))
    assert looked(name, api)["problems"] == []


@pytest.mark.parametrize("name", ["paddle"])
def test_a_registration_for_simulated_events_alone_is_a_problem(name, api):
    api.registrations = [registered(name, traffic_source="simulation")]
    assert "disabled" in looked(name, api)["problems"][0]
    api.registrations = [registered(name, traffic_source="all")]
    assert looked(name, api)["problems"] == []


@pytest.mark.parametrize("name", ["stripe"])
def test_a_url_without_a_path_leads_to_the_root(name, api):
    api.registrations = [registered(name, "https://hooks.example.com/")]
    assert looked(name, api, url="https://hooks.example.com")["problems"] == []


@pytest.mark.parametrize("name", ["stripe"])
@pytest.mark.parametrize(
    ("url", "same"),
    [
        (URL.replace("a1b2.execute", "A1B2.Execute"), True),
        (URL.replace(".com/", ".com:443/"), True),
        (f"{URL}?v=1", True),
        (f"{URL}/", False),
        (URL.replace("https", "http"), False),
        (URL.replace("shop", "SHOP"), False),
    ],
)
def test_a_url_is_ours_if_it_leads_to_the_same_place(name, api, url, same):
    api.registrations = [registered(name, url)]
    assert (looked(name, api)["problems"] == []) is same


@pytest.mark.parametrize("name", ["stripe"])
def test_what_stripe_could_not_deliver_is_told_if_it_sends_to_nobody_else(name, api):
    def event(number, age, pending):
        return {"id": f"evt_{number}", "created": int(NOW - age), "livemode": True, "pending_webhooks": pending}

    # The first may be on its way, the fourth was when the last run looked, and the last is from before that
    ages = {1: 60, 2: 600, 4: HOUR + 60, 5: HOUR + 400}
    api.events = [event(3, 700, 0), *(event(number, age, 1) for number, age in ages.items())]
    api.registrations = [registered(name)]
    found = looked(name, api)
    told = f"2 events since {times.iso(NOW - HOUR - 300)} could not be delivered, says api.stripe.com"
    assert (found["undelivered"], found["problems"]) == (2, [told])
    # A disabled one gets nothing, and of another nobody knows whose they are.
    api.registrations = [registered(name), registered(name, OTHER, off=True)]
    assert looked(name, api)["undelivered"] == 2
    api.registrations = [registered(name), registered(name, OTHER)]
    assert (looked(name, api)["undelivered"], looked(name, api)["problems"]) == (None, [])


@pytest.mark.parametrize("name", ["lithic"])
def test_what_lithic_could_not_deliver_is_told_unless_a_later_attempt_was_in_time(name, api):
    given = [
        ("old", 2 * HOUR, "FAILED"),
        ("a", 700, "FAILED"),
        ("b", 650, "FAILED"),
        ("b", 600, "FAILED"),
        ("c", 500, "FAILED"),
        ("d", 400, "SUCCESS"),
        ("c", 60, "SUCCESS"),
        ("young", 60, "FAILED"),
    ]
    api.attempts = [lithic_attempt(event, times.iso(NOW - age), status) for event, age, status in given]
    api.registrations = [registered(name)]
    assert looked(name, api)["undelivered"] == 2
    api.registrations = [registered(name), {**registered(name, OTHER), "token": "ep_2"}]
    assert (looked(name, api)["undelivered"], looked(name, api)["problems"]) == (None, [])


@pytest.mark.parametrize("name", ["paddle"])
def test_what_paddle_could_not_deliver_is_told_unless_it_was_replayed(name, api):
    given = [
        ("old", 2 * HOUR, "failed"),
        ("a", 700, "failed"),
        ("b", 600, "needs_retry"),
        ("c", 500, "delivered"),
        ("d", 400, "failed", times.iso(NOW - 350)),
        ("e", 60, "failed"),
    ]
    api.notifications = [
        paddle_notification(number, event, times.iso(NOW - age), status, replayed_at=replayed[0] if replayed else None)
        for number, (event, age, status, *replayed) in enumerate(given)
    ]
    api.registrations = [registered(name)]
    assert looked(name, api)["undelivered"] == 2
    api.registrations = [registered(name), registered(name, OTHER, id="ntfset_2")]
    assert (looked(name, api)["undelivered"], looked(name, api)["problems"]) == (None, [])


@pytest.mark.parametrize("name", ["github"])
def test_what_github_could_not_deliver_is_told_unless_it_was_delivered_again(name, api):
    def delivery(number, guid, age, status):
        return {"id": number, "guid": guid, "delivered_at": times.iso(NOW - age), "status_code": status}

    api.events = [
        delivery(1, "old", 2 * HOUR, 502),
        delivery(2, "a", 700, 502),
        delivery(3, "b", 600, 0),
        delivery(4, "c", 500, 200),
        # again
        delivery(5, "a", 400, 202),
        # without an answer, as some are shown
        delivery(6, "d", 300, None),
    ]
    api.registrations = [registered(name)]
    found = looked(name, api)
    assert (found["undelivered"], len(found["problems"])) == (2, 1)
    assert found["problems"][0].startswith("2 events since ")


@pytest.mark.parametrize("name", ["square"])
def test_the_api_of_these_tests_is_one_that_squares_own_client_reads(name, api):
    api.registrations = [registered(name, off=True)]
    client = Square(token=api.key, base_url=f"http://127.0.0.1:{api.port}")
    (shown,) = client.webhooks.subscriptions.list(include_disabled=True)
    assert (shown.id, shown.enabled, shown.notification_url) == ("wbhk_1", False, URL)
    assert list(client.webhooks.subscriptions.list()) == []


# --- the function -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stripe(world):
    with StripeApi(world.clock).serve() as api:
        yield api


@pytest.fixture
def function(world, stripe, clients, cold_start):
    """Return the function with Stripe deployed as ``shop``; its connections lead to the API of the test."""
    deployed = {"entry": "stripe", "apiSecretArn": new_secret(clients, stripe.key), "every": 3_600, "overlap": 7_200}
    module = cold_start(
        "reconcile",
        PROVIDERS=json.dumps({"shop": {**deployed, "types": ["charge.*"], "routed": ["payout.paid"]}}),
        BASE_URL=BASE,
        QUEUE_URL=world.queue_url,
        MESSAGE_GROUP_BY="provider",
        TABLE_NAME=world.name,
        BUCKET_NAME=world.name,
    )
    module.connect = lambda host: http.client.HTTPConnection("127.0.0.1", stripe.port, timeout=10)
    return module


def run(function, capfd, **event):
    report = function.handler({"provider": "shop", **event}, lambda_context(900))
    said = capfd.readouterr().out
    counted = [json.loads(line) for line in said.splitlines() if '"RegistrationProblems"' in line]
    return report, said, [(one["RegistrationProblems"], one["provider"]) for one in counted]


def test_the_function_says_and_counts_what_is_wrong_and_goes_on(world, stripe, function, capfd):
    stripe.events = [
        {"id": "evt_1", "type": "charge.succeeded", "created": int(time.time() - 600), "livemode": True, "data": {}}
    ]
    stripe.registrations = [stripe_endpoint(URL, enabled_events=["charge.succeeded"])]
    report, said, counted = run(function, capfd)
    told = "we_1: not subscribed to payout.paid"
    assert report["registration"] == {"url": URL, "undelivered": 0, "problems": [told]}
    assert (report["recoveredIds"], report["problems"]) == (["evt_1"], [])
    assert counted == [([1.0], "shop")]
    assert told in said
    assert '"WindowsClosed":[1.0]' in said.replace(" ", "")
    assert [json.loads(text) for _, text in world.objects("reconciliation/")] == [report]
    # And nothing, once it is right
    stripe.registrations = [stripe_endpoint(URL)]
    report, _, counted = run(function, capfd)
    assert (report["registration"]["problems"], counted) == ([], [])


def test_what_rules_match_on_is_reconciled_too(stripe, function, capfd):
    stripe.events = [
        {"id": f"evt_{kind}", "type": kind, "created": int(time.time() - 600), "livemode": True, "data": {}}
        for kind in ("charge.succeeded", "payout.paid", "invoice.paid")
    ]
    report, _, _ = run(function, capfd)
    assert set(report["recoveredIds"]) == {"evt_charge.succeeded", "evt_payout.paid"}
    assert report["unwanted"] == 1


def test_where_no_registration_is_shown_the_function_says_nothing_of_it(world, clients, cold_start, capfd):
    with GoCardlessApi(world.clock, "token").serve() as api:
        deployed = {"entry": "gocardless", "apiSecretArn": new_secret(clients, "token"), "every": 3_600}
        function = cold_start(
            "reconcile",
            PROVIDERS=json.dumps({"shop": {**deployed, "overlap": 7_200, "options": {"mode": "test"}}}),
            BASE_URL=BASE,
            QUEUE_URL=world.queue_url,
            MESSAGE_GROUP_BY="provider",
            TABLE_NAME=world.name,
            BUCKET_NAME=world.name,
        )
        function.connect = lambda host: http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
        report, said, counted = run(function, capfd)
    assert (report["host"], report["complete"], report["problems"]) == ("api-sandbox.gocardless.com", True, [])
    assert (report["registration"], counted) == (None, [])
    assert "registration is not right" not in said


def test_a_key_that_may_not_read_registrations_reconciles_nevertheless(stripe, function, capfd):
    stripe.forbidden = "/v1/webhook_endpoints"
    report, said, counted = run(function, capfd)
    assert (report["complete"], report["problems"]) == (True, [])
    assert counted == [([1.0], "shop")]
    assert "ReconciliationFailures" not in said
    assert "Webhook Endpoints: Read" in report["registration"]["problems"][0]


def test_a_list_that_cannot_be_read_hides_no_registration(stripe, function, capfd):
    stripe.registrations = [stripe_endpoint(URL, status="disabled")]
    stripe.forbidden = "/v1/events"
    report, said, counted = run(function, capfd)
    assert report == {
        "provider": "shop",
        "error": "api.stripe.com: status 403",
        "registration": {"url": URL, "undelivered": None, "problems": ["we_1: disabled, nothing is sent"]},
    }
    assert counted == [([1.0], "shop")]
    assert '"ReconciliationFailures":[1.0]' in said.replace(" ", "")


def test_a_dry_run_counts_nothing(function, capfd):
    report, _, counted = run(function, capfd, dryRun=True)
    assert (len(report["registration"]["problems"]), counted) == (1, [])


def test_the_url_is_the_one_that_is_set_or_the_one_that_the_provider_signs():

    signed = {"url": "https://signed.example.com/square"}
    assert url_of("shop", "https://set.example.com/x", {}, BASE) == "https://set.example.com/x"
    assert url_of("shop", "https://set.example.com/x", signed, BASE) == signed["url"]
    assert url_of("shop", None, signed, BASE) == signed["url"]
    assert url_of("shop", None, {"webhook_id": "1"}, BASE) == URL
