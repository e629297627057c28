"""What ``make secret`` refuses before it changes anything."""

import io
import json

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.lists.registry import LISTS
from modules.settings.environments import build_settings
from tools.commands import secret
from tools.commands.target_stack import NoTargetError, Target
from tools.senders import SENDERS

OPTIONS = {
    "square": {"url": "https://webhooks.example.com/webhook/square"},
    "shopify": {"topics": "orders/paid"},
    "paypal": {"webhook_id": "1AB"},
    "wise": {"subscriptions": "any"},
    "standard-webhooks": {"header_prefix": "svix"},
    "generic": {"header": "X-Acme", "encoding": "base64"},
}


class Manager:
    """A Secrets Manager client with one secret."""

    def __init__(self):
        self.value = json.dumps({"secrets": ["older"]})

    def get_secret_value(self, **_):
        return {"SecretString": self.value}

    def put_secret_value(self, **asked):
        self.value = asked["SecretString"]


@pytest.fixture
def enter(monkeypatch):
    manager = Manager()

    def run(provider, text, *wishes, api=None):
        values = {"providers": list(REGISTRY), "provider_options": OPTIONS, "api": api or {}}
        target = Target(
            settings=build_settings("dev", values),
            base_url="",
            outputs={"secret_arns": {name: "arn" for name in REGISTRY if name != "paypal"}},
            client=lambda _: manager,
            verify=True,
            signing_secrets={},
        )
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["secret", provider, *wishes])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
        try:
            secret.main()
        finally:
            run.kept = json.loads(manager.value)["secrets"]

    return run


@pytest.fixture
def enter_key(monkeypatch):
    manager = Manager()

    def run(provider, text, **options):
        given = {**OPTIONS, provider: {**OPTIONS.get(provider, {}), **options}}
        target = Target(
            settings=build_settings("dev", {"providers": list(REGISTRY), "provider_options": given}),
            base_url="",
            outputs={"api_secret_arns": dict.fromkeys(LISTS, "arn")},
            client=lambda _: manager,
            verify=True,
            signing_secrets={},
        )
        before = manager.value
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["secret", provider, "api"])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
        try:
            secret.main()
        except NoTargetError:
            assert manager.value == before
            raise
        return manager.value

    return run


@pytest.mark.parametrize("entry", SENDERS)
def test_a_secret_of_the_providers_form_becomes_the_newest(enter, entry):
    secret = SENDERS[entry].kept(SENDERS[entry].new_secret())

    enter(entry, secret)

    assert enter.kept == [secret, "older"]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("adyen", "no hexadecimal digits"),
        ("adyen-platform", "abc"),
        ("braintree", "only-the-private-key"),
        ("standard-webhooks", "whsec_not base64!"),
        ("standard-webhooks", "whpk_AAAA"),
        ("standard-webhooks-ed25519", "whsec_c2VjcmV0"),
        ("wise", "whsec_c2VjcmV0"),
        ("lithic", "whsec_not base64!"),
    ],
)
def test_what_could_not_verify_anything_is_refused_and_the_older_secret_stays_as_it_was(enter, entry, text):
    with pytest.raises(NoTargetError, match="this is not a secret of") as refused:
        enter(entry, text)

    assert text not in str(refused.value)
    assert enter.kept == ["older"]


_PADDLE = "apikey_01j0000000000000000000000a_0123456789abcdefABCDEF_123"


@pytest.mark.parametrize(
    ("entry", "live", "test"),
    [("stripe", "rk_live_abc", "rk_test_abc"), ("paddle", f"pdl_live_{_PADDLE}", f"pdl_sdbx_{_PADDLE}")],
)
def test_an_api_key_of_another_mode_than_the_deployments_is_refused(enter_key, entry, live, test):
    for mode, key, other in (("live", live, test), ("test", test, live)):
        assert enter_key(entry, key, mode=mode) == key
        assert enter_key(entry, other) == other
        with pytest.raises(NoTargetError, match=rf"API key is of .* mode, and .* {mode} mode; nothing was changed"):
            enter_key(entry, other, mode=mode)


def test_a_provider_without_a_secret_is_told(enter):
    with pytest.raises(NoTargetError, match="PROVIDER: 'paypal' has no secret"):
        enter("paypal", "anything")


def test_what_contradicts_itself_is_refused(enter):
    with pytest.raises(NoTargetError, match="only one of these is allowed: FINISH=1, KEEP=1"):
        enter("generic", "newest", "finish", "keep")

    assert enter.kept == ["older"]


def test_a_rotation_within_an_overlap_is_refused_until_it_is_said_what_becomes_of_the_others(enter):
    enter("generic", "second")

    with pytest.raises(NoTargetError, match="2 secrets are valid"):
        enter("generic", "third")
    assert enter.kept == ["second", "older"]

    enter("generic", "third", "keep")
    assert enter.kept == ["third", "second", "older"]


DIRECT = {"ingest": "direct", "max_body_bytes": 180_000}


@pytest.mark.parametrize(
    ("api", "says"),
    [
        ({}, "accepted from 30 s from now on; earlier ones may be answered 401"),
        (DIRECT, "accepted from 5 s from now on; earlier ones may be dropped"),
    ],
    ids=["a function", "an ingest queue"],
)
def test_it_says_from_when_on_the_new_secret_is_good(enter, capsys, api, says):
    enter("generic", "second", api=api)

    assert says in capsys.readouterr().out


def test_of_an_only_secret_it_says_nothing_of_a_wait(enter, capsys):
    # No function keeps a look-up that found nothing.
    enter("generic", "older")

    assert "from now on" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("provider", "key"),
    [
        ("stripe", "rk_live_51Abc"),
        ("paypal", "AZDxjDScFp:EGnHDxD_qRPdaLdZz8"),
        ("square", "EAAAEOuLQObrVwJvCv"),
        ("github", "github_pat_11ABCDEFG"),
        ("gocardless", "sandbox_Abc-d_1"),
        ("lithic", "6a8f5f28-54a1-4eb0-a98a-3111513fd401"),
        ("paddle", f"pdl_sdbx_apikey_{'01gtgztp8f' * 2}4kek3y_{'q6TGTJyvoIz' * 2}_AQO"),
    ],
)
def test_an_api_key_is_kept_as_it_is(enter_key, provider, key):
    assert enter_key(provider, key) == key


@pytest.mark.parametrize(
    ("provider", "key", "told"),
    [
        ("stripe", "sk_live_51Abc", r"not an API key of stripe; expected: a restricted key"),
        ("stripe", "whsec_51Abc", r"not an API key of stripe"),
        ("paypal", "AZDxjDScFpQtjWTOUtWKbyN", r"joined with a colon"),
        ("github", "two words", r"fine-grained token"),
        ("gocardless", "two words", r"a read-only access token"),
        (
            "paddle",
            "pdl_ntfset_01gkpjp8bkm3tm53kdgkx6sms7_6h3qd3uFSi9YCD3OLYAShQI90XTI5vEI",
            r"read notifications and notification settings",
        ),
        ("paddle", "0123456789abcdef" * 3 + "01", r"may do everything"),
        ("stripe", "", r"nothing was entered"),
        ("adyen", "rk_live_51Abc", r"PROVIDER: 'adyen' has no API key here"),
    ],
)
def test_what_is_no_api_key_changes_nothing_and_is_not_repeated(enter_key, provider, key, told):
    with pytest.raises(NoTargetError, match=told) as refused:
        enter_key(provider, key)
    assert not key or key not in str(refused.value)
