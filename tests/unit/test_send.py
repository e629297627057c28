"""What ``make send`` forges is refused, whoever it is forged for; and what it says where nothing can be sent."""

import argparse
from types import SimpleNamespace

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import SignatureRefusedError
from lambdas.shared.request import WebhookRequest
from modules.settings.environments import build_settings
from tools.commands import send
from tools.commands.target_stack import Target, run
from tools.senders import SENDERS, Signing

NOW = 1_790_000_000
WITH_A_WINDOW = ("stripe", "standard-webhooks", "standard-webhooks-ed25519", "generic-timestamped")
FORGED = [(entry, forgery) for entry in SENDERS for forgery in send.FORGERIES if forgery != "time"]


def verify(entry, forgery):
    sender = SENDERS[entry]
    secret = sender.new_secret()
    signing = Signing(secret=secret, now=NOW, number=1, options=sender.options)
    forge = send.FORGERIES[forgery] if forgery else lambda *arguments: sender.webhook(signing)
    sent = forge(sender, signing, None, entry)
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    request = WebhookRequest(body=sent.body, headers=headers, received_at=NOW)
    return REGISTRY[entry].configured(sender.options).scheme.verify(request, [sender.kept(secret)])


@pytest.mark.parametrize("entry", SENDERS)
def test_what_is_not_forged_is_accepted(entry):
    assert verify(entry, None).scheme == REGISTRY[entry].scheme.name


@pytest.mark.parametrize(("entry", "forgery"), FORGED)
def test_what_is_forged_is_refused(entry, forgery):
    with pytest.raises(SignatureRefusedError):
        verify(entry, forgery)


@pytest.mark.parametrize("entry", WITH_A_WINDOW)
def test_what_is_an_hour_old_is_refused_where_a_time_is_signed(entry):
    with pytest.raises(SignatureRefusedError, match="timestamp_outside_window"):
        verify(entry, "time")


def test_what_is_sent_is_signed_by_the_options_that_are_deployed():
    options = {"clerk": {"header_prefix": "svix"}}
    secret = SENDERS["standard-webhooks"].new_secret()
    target = Target(
        settings=build_settings("dev", {"providers": {"clerk": "standard-webhooks"}, "provider_options": options}),
        base_url="",
        outputs={"secret_arns": {"clerk": "arn"}},
        client=lambda _: SimpleNamespace(get_secret_value=lambda **_: {"SecretString": secret}),
        verify=True,
        signing_secrets={},
    )

    (sent,) = send.planned(target, argparse.Namespace(provider="clerk", event=None, forge=None, count=1, number=1))

    assert sent.path == "/webhook/clerk"
    assert {"svix-id", "svix-timestamp", "svix-signature"} < set(sent.headers)


@pytest.mark.parametrize("count", ["0", "-3", "many", "1.5", "٣"])
def test_a_count_of_nothing_is_refused(count):
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{count}' is not a whole number"):
        send._count(count)


def test_an_environment_that_cannot_be_is_told_without_a_traceback(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "BAD NAME")

    with pytest.raises(
        SystemExit, match=r"error: environment 'BAD NAME' in cdktf\.json: environment: 'BAD NAME' is not"
    ):
        run(Target.chosen)


def test_an_environment_that_is_misspelt_is_not_taken_for_one_that_is_not_deployed(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "prdo")

    with pytest.raises(SystemExit, match=r"error: environment 'prdo': cdktf\.json does not name it; named: dev"):
        run(Target.chosen)
