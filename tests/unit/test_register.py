"""``make register`` and ``make redeliver``: what they change at the provider, and that no secret is seen or lost."""

import http.client
import io
import json

import pytest
import stripe

from modules.settings.environments import build_settings
from tests.lambdas.events_apis import (
    GitHubApi,
    LithicApi,
    PaddleApi,
    PayPalApi,
    SquareApi,
    StripeApi,
    github_hook,
    lithic_subscription,
    paddle_notification,
    paddle_setting,
    paypal_webhook,
    square_subscription,
    stripe_endpoint,
)
from tools import ROOT
from tools.commands import provider_api, redeliver, register
from tools.commands.provider_api import WritingApi
from tools.commands.target_stack import NoTargetError, Target

BASE = "https://a1b2.execute-api.eu-central-1.amazonaws.com/v1"
SQUARE_URL = "https://hooks.example.com/webhook/square"
HOOK = "repos/acme/shop/hooks/7"
RECONCILED = {
    "stripe": {"every": "1h", "types": ["charge.succeeded", "payout.paid"]},
    "github": {"every": "1h", "hook": HOOK, "types": ["push", "pull_request.opened"]},
    "square": {"every": "1h", "types": ["payment.updated"]},
    "paypal": {"every": "1h", "types": ["A.B"]},
    "lithic": {"every": "1h", "types": ["card.created"]},
    "paddle": {"every": "1h", "types": ["transaction.paid"]},
}
KINDS = {
    "stripe": StripeApi,
    "github": GitHubApi,
    "square": SquareApi,
    "paypal": PayPalApi,
    "lithic": LithicApi,
    "paddle": PaddleApi,
}
KEYS = {
    "stripe": "rk_live_writes",
    "github": "github_pat_writes",
    "square": "EAAAwrites",
    "paypal": "client00:secret00",
    "lithic": "of-the-program",
    "paddle": f"pdl_live_apikey_{'0' * 26}_{'a' * 22}_abc",
}
URLS = {"square": SQUARE_URL}
NOW = 1_800_000_000.0


class KilledError(BaseException):
    """The process has ended: nothing more of it is done."""


class Steps:
    """Counts what is done outside of the process, before and after each call, and ends it at one of these."""

    def __init__(self):
        self.left = 10_000

    def __call__(self):
        self.left -= 1
        if self.left <= 0:
            raise KilledError


class Manager:
    """A Secrets Manager client with one secret."""

    def __init__(self, step):
        self.step, self.value, self.refuses = step, "", False

    @property
    def kept(self):
        return json.loads(self.value)["secrets"] if self.value else []

    def get_secret_value(self, **_):
        return {"SecretString": self.value}

    def put_secret_value(self, *, SecretId, SecretString):  # noqa: N803 (names of boto3)
        assert SecretId == "arn"
        self.step()
        if self.refuses:
            raise NoTargetError("AWS refused")
        self.value = SecretString
        self.step()


@pytest.fixture(params=["stripe"])
def name(request):
    return request.param


@pytest.fixture
def api(name):
    with KINDS[name](lambda: NOW, KEYS[name]).serve() as api:
        yield api


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def manager(steps):
    return Manager(steps)


@pytest.fixture
def run(name, api, manager, monkeypatch, capsys):
    """Return a function that runs a command, and returns all that it said."""
    now = [0.0]

    class Here(WritingApi):
        def __init__(self, host, per_second, *, connect):
            del connect
            super().__init__(
                host,
                per_second,
                connect=lambda _: http.client.HTTPConnection("127.0.0.1", api.port, timeout=10),
                clock=lambda: now[0],
                sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
            )

        def _call(self, method, *given):
            if method == "GET":
                return super()._call(method, *given)
            manager.step()
            answer = super()._call(method, *given)
            manager.step()
            return answer

    monkeypatch.setattr(provider_api, "WritingApi", Here)

    def call(*arguments, command=register, reconciled=RECONCILED, provider=name, key=KEYS[name], is_local=False):
        values = {
            "providers": {each: each for each in (*KINDS, "adyen")},
            "provider_options": {"square": {"url": SQUARE_URL}, "paypal": {"webhook_id": "5GP1"}},
            "reconciliation": reconciled,
        }
        target = Target(
            settings=build_settings("dev", values),
            base_url="",
            outputs={
                "endpoint_url": BASE,
                "secret_arns": {each: "arn" for each in KINDS if each != "paypal"},
            },
            client=lambda _: manager,
            verify=True,
            signing_secrets={},
            is_local=is_local,
        )
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["command", provider, *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{key}\n"))
        try:
            assert command.main() == 0
        finally:
            said = capsys.readouterr()
        return said.out + said.err

    return call


def url_of(name):
    return URLS.get(name, f"{BASE}/webhook/{name}")


def test_the_api_of_these_tests_is_one_that_stripes_own_client_writes_to(api):
    client = stripe.StripeClient(api.key, base_addresses={"api": f"http://127.0.0.1:{api.port}"})
    made = client.v1.webhook_endpoints.create(
        {
            "url": "https://a.example.com/",
            "enabled_events": ["charge.failed", "charge.succeeded"],
            "metadata": {"a": "b"},
        }
    )
    assert made.secret == api.secrets[made.id]
    client.v1.webhook_endpoints.update(made.id, {"disabled": True, "metadata": {"a": ""}, "enabled_events": ["*"]})
    (shown,) = client.v1.webhook_endpoints.list().data
    assert (shown.status, shown.metadata.to_dict(), shown.enabled_events) == ("disabled", {}, ["*"])
    assert "secret" not in shown
    client.v1.webhook_endpoints.delete(made.id)
    assert client.v1.webhook_endpoints.list().data == []


# --- Stripe -----------------------------------------------------------------------------------------------------------


def test_an_endpoint_is_created_and_its_secret_is_stored_and_seen_nowhere(api, manager, run, caplog):
    said = run()
    (made,) = api.registrations
    assert (made["url"], made["enabled_events"], made["status"], made["metadata"]) == (
        url_of("stripe"),
        ["charge.succeeded", "payout.paid"],
        "enabled",
        {},
    )
    assert manager.kept == [api.secrets[made["id"]]]
    assert "create a registration that sends charge.succeeded, payout.paid" in said
    assert api.secrets[made["id"]] not in said + caplog.text
    assert KEYS["stripe"] not in said + caplog.text
    # And a second time nothing
    writes = len(api.calls)
    assert "registered as it should be; nothing was changed" in run()
    assert {call.split()[0] for _, call in api.calls[writes:]} == {"GET"}


def test_a_dry_run_only_says_it(api, manager, run):
    api.registrations = [stripe_endpoint(url_of("stripe"), metadata={register.MARK: "not stored yet"})]
    said = run("--dry-run")
    assert "we_1: delete it, its secret was never stored" in said
    assert "create a registration" in said
    assert "Nothing was changed" in said
    assert {call.split()[0] for _, call in api.calls} == {"GET"}
    assert manager.kept == []


STEPS = 6
"""Before and after: creating, storing, removing the mark."""


def test_a_registration_has_so_many_steps(run, steps):
    steps.left = STEPS + 1
    run()
    assert steps.left == 1


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_killed_at_any_step_no_endpoint_is_left_with_a_secret_that_nobody_has(api, manager, run, steps, at):
    steps.left = at
    with pytest.raises(KilledError):
        run()
    steps.left = 10_000
    run()
    (left,) = api.registrations
    assert (left["url"], left["metadata"], left["status"]) == (url_of("stripe"), {}, "enabled")
    assert manager.kept[0] == api.secrets[left["id"]]
    assert "nothing was changed" in run()


def test_killed_again_and_again_the_next_run_goes_on_as_well(api, manager, run, steps):
    # Each time when the secret is stored, before which a later run deletes what the one before has left
    for at in (5, 7, 7):
        steps.left = at
        with pytest.raises(KilledError):
            run()
    steps.left = 10_000
    run()
    (left,) = api.registrations
    assert (len(manager.kept), manager.kept[0]) == (4, api.secrets[left["id"]])


def test_when_the_secret_cannot_be_stored_the_endpoint_is_deleted(api, manager, run):
    manager.refuses = True
    with pytest.raises(NoTargetError, match="AWS refused"):
        run()
    assert api.registrations == []


def test_an_answer_that_is_lost_makes_no_second_endpoint(api, manager, run):
    # Of the list, and of what creates
    api.faults = ["fine", "fine", None]
    run()
    (made,) = api.registrations
    assert manager.kept == [api.secrets[made["id"]]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "disabled"}, "enable it"),
        ({"enabled_events": ["payout.paid", "x.y"]}, "subscribe to charge.succeeded"),
    ],
)
def test_an_endpoint_is_corrected_and_keeps_its_secret_and_its_other_types(api, manager, run, changes, told):
    right = stripe_endpoint(url_of("stripe"), enabled_events=["payout.paid", "x.y", "charge.succeeded"])
    other = stripe_endpoint("https://others.example.com/", id="we_other", status="disabled")
    api.registrations = [{**right, **changes}, dict(other)]
    assert f"we_1: {told}" in run()
    assert api.registrations == [right, other]
    assert manager.kept == []
    assert "nothing was changed" in run()


def test_an_endpoint_that_is_named_is_moved_to_our_url(api, run):
    api.registrations = [stripe_endpoint("https://old.example.com/")]
    assert f"we_1: send to {url_of('stripe')}" in run("--id", "we_1")
    assert [one["url"] for one in api.registrations] == [url_of("stripe")]
    with pytest.raises(NoTargetError, match="ID: 'we_2' is no registration of stripe"):
        run("--id", "we_2")


def test_types_are_those_that_are_given_and_none_with_a_star(api, run):
    run("--types", "a.b c.d", reconciled={})
    assert api.registrations[0]["enabled_events"] == ["a.b", "c.d"]
    with pytest.raises(NoTargetError, match=r"TYPES: 'charge\.\*' is not a type"):
        run("--types", "charge.*")
    with pytest.raises(NoTargetError, match="TYPES is missing"):
        run(reconciled={})


def test_a_key_of_another_form_is_refused_before_any_call(api, run):
    with pytest.raises(NoTargetError, match="this is not an API key of stripe"):
        run(key="sk_live_everything")
    assert api.calls == []


@pytest.mark.parametrize("command", [register, redeliver])
def test_no_provider_is_told_to_send_to_the_local_stack(api, run, command):
    """Its URL looks like one of AWS, and may be that of somebody else's API."""
    with pytest.raises(NoTargetError, match="no provider reaches what 'make up' started"):
        run(*(["--id", "evt_1"] if command is redeliver else []), command=command, is_local=True)
    assert api.calls == []


def test_a_registration_without_a_secret_here_is_not_said_to_be_right(api, manager, run):
    api.registrations = [stripe_endpoint(url_of("stripe"))]
    told = "no signing secret is stored here: make secret PROVIDER=stripe"
    assert told in run()
    manager.value = json.dumps({"secrets": ["whsec_1"]})
    assert told not in run()


def test_a_refusal_is_told(api, run):
    api.forbidden = "/v1/webhook_endpoints"
    with pytest.raises(NoTargetError, match=r"stripe: api\.stripe\.com: status 403"):
        run()


def test_other_providers_are_refused_plainly(run):
    with pytest.raises(NoTargetError, match="PROVIDER: 'adyen' is registered by hand"):
        run(provider="adyen")
    with pytest.raises(NoTargetError, match="PROVIDER: 'adyen' cannot be asked to send again from here"):
        run("--id", "x", provider="adyen", command=redeliver)
    with pytest.raises(NoTargetError, match="PROVIDER: 'square' cannot be asked to send again from here"):
        run("--id", "x", provider="square", command=redeliver)


# --- the others -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["github"])
@pytest.mark.parametrize("at", [1, 2, 3, 4, None])
def test_a_hook_is_created_with_a_secret_that_is_stored_before(api, manager, run, steps, at):
    """Whatever is done last: storing, or creating."""
    given = {"reconciled": {}}
    arguments = ("--id", "repos/acme/shop", "--types", "push pull_request.opened pull_request.closed")
    if at:
        steps.left = at
        with pytest.raises(KilledError):
            run(*arguments, **given)
        steps.left = 10_000
    said = run(*arguments, **given)
    (hook,) = api.registrations
    assert (hook["events"], hook["config"]["url"]) == (["push", "pull_request"], url_of("github"))
    assert manager.kept == [api.secret]
    assert api.secret not in said
    assert at == 4 or f'"hook": "{HOOK}"' in said
    assert f"{HOOK}: registered as it should be; nothing was changed" in run(*arguments, **given)


@pytest.mark.parametrize("name", ["github"])
def test_a_hook_is_corrected_and_keeps_the_secret_that_is_stored(api, manager, run):
    manager.value = json.dumps({"secrets": ["newest", "older"]})
    api.registrations = [github_hook("https://old.example.com/", ["push"], off=True)]
    said = run()
    assert f"{HOOK}: send to {url_of('github')}, enable it, subscribe to pull_request" in said
    hook = api.registrations[0]
    assert (hook["active"], hook["events"], hook["config"]["url"]) == (True, ["push", "pull_request"], url_of("github"))
    assert (api.secret, manager.kept) == ("newest", ["newest", "older"])
    assert "nothing was changed" in run()


@pytest.mark.parametrize("name", ["github"])
def test_a_hook_of_which_no_secret_is_stored_is_not_changed(api, run):
    api.registrations = [github_hook(url_of("github"), ["*"], off=True)]
    with pytest.raises(NoTargetError, match="no signing secret of the hook here"):
        run()
    assert api.registrations[0]["active"] is False


@pytest.mark.parametrize("name", ["square"])
@pytest.mark.parametrize("at", [1, 2, 3, 4, None])
def test_a_subscription_is_created_and_its_key_is_stored_in_the_end(api, manager, run, steps, at):
    if at:
        steps.left = at
        with pytest.raises(KilledError):
            run()
        steps.left = 10_000
    said = run()
    (made,) = api.registrations
    assert (made["notification_url"], made["event_types"], made["enabled"]) == (SQUARE_URL, ["payment.updated"], True)
    assert manager.kept == ["signing-key-of-square"]
    assert "signing-key-of-square" not in said
    assert "nothing was changed" in run()


@pytest.mark.parametrize("name", ["square"])
def test_a_subscription_is_corrected(api, manager, run):
    manager.value = json.dumps({"secrets": ["signing-key-of-square"]})
    api.registrations = [square_subscription(SQUARE_URL, ["x.y"], off=True)]
    assert "wbhk_1: enable it, subscribe to payment.updated" in run()
    assert api.registrations == [square_subscription(SQUARE_URL, ["x.y", "payment.updated"])]
    api.registrations = []
    with pytest.raises(NoTargetError, match=r"TYPES: '\*' is not a type"):
        run("--types", "*")


@pytest.mark.parametrize("name", ["paypal"])
def test_a_webhook_of_paypal_is_corrected_and_never_created(api, manager, run):
    api.registrations = [paypal_webhook("https://old.example.com/", ["C.D"])]
    assert f"5GP1: send to {url_of('paypal')}, subscribe to A.B" in run()
    assert (api.registrations[0]["url"], api.registrations[0]["event_types"]) == (
        url_of("paypal"),
        [{"name": "C.D"}, {"name": "A.B"}],
    )
    assert "nothing was changed" in run()
    api.registrations = []
    with pytest.raises(NoTargetError, match="ID: '5GP1' is no registration of paypal"):
        run()


# --- sending again ----------------------------------------------------------------------------------------------------


def missing(monkeypatch, ids, **changes):
    report = {"complete": True, "recovered": len(ids), "recoveredIds": ids, "problems": [], **changes}
    asked = []
    monkeypatch.setattr(redeliver, "invoke", lambda target, event: asked.append(event) or report)
    return asked


@pytest.mark.parametrize("name", ["stripe", "paypal"])
def test_an_event_is_sent_again_to_our_registration(name, api, run, monkeypatch):
    api.registrations = [stripe_endpoint("https://others.example.com/", id="we_other"), stripe_endpoint(url_of(name))]
    ours = {"stripe": "we_1", "paypal": "5GP1"}[name]
    said = run("--id", "evt_1", command=redeliver)
    assert f"{name}: 1 are sent again" in said
    assert api.resent == [("evt_1", ours)]
    # And all that a dry run of reconciliation names
    asked = missing(monkeypatch, ["evt_2", "evt_3"])
    run("--since", "2026-01-31T12:00:00Z", command=redeliver)
    assert api.resent[1:] == [("evt_2", ours), ("evt_3", ours)]
    assert asked == [{"provider": name, "since": "2026-01-31T12:00:00Z", "dryRun": True}]


@pytest.mark.parametrize("name", ["stripe"])
def test_what_is_wrong_with_the_list_is_told_before_nothing_is_sent_again(api, run, monkeypatch):
    api.registrations = [stripe_endpoint(url_of("stripe"))]
    missing(monkeypatch, [], problems=["the list is empty, but there are records of this time"])
    assert "stripe: the list is empty, but there are records" in run(
        "--since", "2026-01-31T12:00:00Z", command=redeliver
    )


@pytest.mark.parametrize("name", ["stripe", "paypal"])
def test_a_dry_run_of_sending_again_only_names_them(name, api, run, monkeypatch):
    missing(monkeypatch, ["evt_2"], complete=False)
    said = run("--since", "2026-01-31T12:00:00Z", "--dry-run", command=redeliver)
    assert f"{name}: evt_2" in said
    assert "1 would be sent again" in said
    assert "not all that is missing is known" in said
    assert (api.resent, api.calls) == ([], [])


@pytest.mark.parametrize("name", ["lithic"])
def test_lithic_is_asked_to_send_to_our_subscription(api, run):
    api.registrations = [lithic_subscription(url_of("lithic"))]
    assert "1 are sent again" in run("--id", "evt/1", command=redeliver)
    assert api.resent == [("evt%2F1", "ep_1")]
    api.registrations = [lithic_subscription("https://others.example.com/")]
    with pytest.raises(NoTargetError, match="no enabled endpoint of lithic sends to"):
        run("--id", "evt_1", command=redeliver)


@pytest.mark.parametrize("name", ["paddle"])
def test_paddle_is_asked_for_the_notification_of_an_event_to_us(api, run, monkeypatch):
    api.registrations = [paddle_setting(url_of("paddle"))]
    at = "2026-01-31T12:00:00.000Z"
    api.most = 2
    api.notifications = [
        paddle_notification(1, "evt_1", at, "failed"),
        paddle_notification(2, "evt_1", at, "failed", notification_setting_id="ntfset_2"),
        paddle_notification(3, "evt_2", at, "delivered"),
        paddle_notification(4, "evt_2", at, "failed", origin="replay"),
        paddle_notification(5, "evt_3", at, "needs_retry"),
        *(paddle_notification(number, f"evt_{number}", at, "delivered") for number in range(6, 9)),
    ]
    missing(monkeypatch, ["evt_1", "evt_2"])
    assert "2 are sent again" in run("--since", "2026-01-31T00:00:00Z", command=redeliver)
    assert api.resent == ["ntf_003", "ntf_001"]
    with pytest.raises(NoTargetError, match="ID: 'evt_3' has no notification that can be replayed"):
        run("--id", "evt_3", command=redeliver)


def delivery(number, guid, status):
    return {"id": number, "guid": guid, "delivered_at": "2026-01-31T12:00:00Z", "status_code": status}


@pytest.mark.parametrize("name", ["github"])
def test_what_github_could_not_deliver_is_sent_again_at_its_rate(api, run):
    # The last 120 of 150 are in vain at first; the first ten of these come with a second attempt.
    api.events = [delivery(number, f"guid-{number}", 202 if number < 30 else 502) for number in range(150)]
    api.events += [delivery(1_000 + number, f"guid-{number}", 202) for number in range(30, 40)]
    said = run("--since", "2026-01-31T00:00:00Z", command=redeliver)
    assert api.resent == list(range(149, 39, -1))
    assert "110 are sent again" in said


@pytest.mark.parametrize("name", ["github"])
def test_a_delivery_that_github_does_not_have_is_told(api, run):
    api.events = [delivery(1, "guid-1", 502)]
    assert "guid-1" in run("--id", "guid-1", command=redeliver)
    assert api.resent == [1]
    with pytest.raises(NoTargetError, match="ID: 'guid-2' is no delivery of the last three days"):
        run("--id", "guid-2", command=redeliver)


def test_without_a_registration_of_ours_nothing_is_sent_again(api, run):
    with pytest.raises(NoTargetError, match="no enabled endpoint of stripe sends to"):
        run("--id", "evt_1", command=redeliver)
    assert api.resent == []


def test_what_is_asked_for_is_checked(run, monkeypatch):
    for arguments in ((), ("--id", "a", "--since", "2026-01-31T12:00:00Z")):
        with pytest.raises(NoTargetError, match="one of ID and SINCE is needed"):
            run(*arguments, command=redeliver)
    for none in ("yesterday", "20261201"):
        with pytest.raises(NoTargetError, match=f"SINCE: '{none}' is not an RFC 3339 time"):
            run("--since", none, command=redeliver)
    with pytest.raises(NoTargetError, match="PROVIDER: 'stripe' is not in the setting reconciliation; give ID"):
        run("--since", "2026-01-31T12:00:00Z", command=redeliver, reconciled={})
    missing(monkeypatch, [], error="api.stripe.com: status 401")
    with pytest.raises(NoTargetError, match=r"stripe: api\.stripe\.com: status 401"):
        run("--since", "2026-01-31T12:00:00Z", command=redeliver)


def test_the_page_says_what_can_be_registered_and_sent_again():
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    section = page.partition("\n## Which providers can be registered with\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert {row[0].strip("`") for row in rows if row[1] != "no"} == set(register.REGISTRARS)
    assert {row[0].strip("`") for row in rows if not row[2].startswith("no;")} == set(redeliver.REDELIVERIES)
