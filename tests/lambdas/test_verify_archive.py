"""``make verify-archive`` over an archive in which payloads lie alone and together."""

import hashlib
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdas.inbound.event import read_events
from lambdas.inbound.evidence import Evidence
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.request import WebhookRequest
from modules.settings.environments import build_settings
from tests.lambdas.support import NOW, envelope, event, message
from tools.commands import verify_archive
from tools.commands.target_stack import NoTargetError, Target
from tools.senders import SENDERS, Signing

SENDER = SENDERS["generic"]
SECRET = SENDER.new_secret()


def signed(number):
    """Return the message of a webhook that its provider signed."""
    sent = SENDER.webhook(Signing(secret=SECRET, now=int(NOW), number=number, options=SENDER.options))
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    provider = REGISTRY[SENDER.entry].configured(SENDER.options)
    verdict = provider.scheme.verify(
        WebhookRequest(body=sent.body, headers=headers, received_at=NOW), [SENDER.kept(SECRET)]
    )
    evidence = Evidence(
        entry=SENDER.entry,
        options=provider.configuration,
        scheme=verdict.scheme,
        key_id=verdict.key_id,
        headers=verdict.headers,
        received_at=NOW,
    )
    (read,) = read_events("shop", provider, WebhookRequest(body=sent.body, headers={}, received_at=NOW))
    return message(envelope(event(read.event_id, provider="shop"), body=sent.body, evidence=evidence))


def event_id(number):
    """Return the id of the event with a number."""
    return str(json.loads(signed(number).body)["event"]["event_id"])


@pytest.fixture
def verify(world, monkeypatch, tmp_path, capsys):
    """Return a function that runs the command over the world's archive, and returns its exit code and what it said."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"shop": [SENDER.kept(SECRET)]}))
    target = SimpleNamespace(
        settings=build_settings("dev", {}),
        client=lambda service: getattr(world.clients, service),
        outputs={"bucket_name": world.name, "secret_arns": {}},
    )
    monkeypatch.setattr(Target, "chosen", lambda: target)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["verify-archive", "--retired", str(keys), *arguments])
        return verify_archive.main(), capsys.readouterr().out

    return run


def test_payloads_are_proven_alone_and_together(world, verify):
    # Given a batch, and an event that was alone in its own
    world.process([signed(1), signed(2), signed(3)])
    world.process([signed(4)])

    code, said = verify()

    assert code == 0
    assert said.split("shop")[1].split()[1] == "4"
    assert "copies" not in said
    # and of one provider alone, in whatever objects they lie
    assert verify("--provider", "shop") == (code, said)
    with pytest.raises(NoTargetError, match="nothing is archived under 'another'"):
        verify("--provider", "another")


def test_what_lies_there_twice_is_told_and_is_no_finding(world, verify):
    # Given an event that came again in a batch with others
    world.process([signed(1), signed(2)])
    world.process([signed(1), signed(3)])

    code, said = verify()

    assert code == 0
    assert "1 of them are copies" in said


def test_a_payload_whose_key_is_unknown_is_named_with_its_event(world, verify):
    one, other = signed(1), signed(2)
    stranger = replace(json_evidence := Evidence.from_document(json.loads(one.body)["evidence"]), key_id="f" * 16)
    fields = json.loads(one.body) | {"evidence": stranger.to_document()}
    assert json_evidence != stranger
    world.process([replace(one, body=json.dumps(fields)), other])

    code, said = verify()

    assert code == 1
    assert "key unknown: raw/_batch/" in said
    assert f"shop:{event_id(1)}" in said
    assert f"shop:{event_id(2)}" not in said


def test_an_object_that_was_changed_is_named(world, verify):
    # Given somebody who may write into the archive, and changes one byte of one payload
    world.process([signed(1), signed(2)])
    [(key, content)] = world.objects("raw/")
    changed = bytes([content[0] ^ 1]) + content[1:]
    world.clients.s3.put_object(Bucket=world.name, Key=key, Body=changed)

    code, said = verify()

    assert code == 1
    assert f"changed, its digest is not the one in its key: {key}" in said

    # and when the key is made to fit as well, the payload has another digest than the index says
    world.clients.s3.put_object(Bucket=world.name, Key=key, Body=content)
    digest = hashlib.sha256(changed).hexdigest()
    world.clients.s3.put_object(Bucket=world.name, Key=f"raw/_batch/2026-09-21/{digest}", Body=changed)
    code, said = verify()
    assert code == 1
    assert f"changed: raw/_batch/2026-09-21/{digest} at 0, shop:{event_id(1)}" in said


def copy(world, key, to):
    """Copy an object with its metadata, as somebody who may write into the archive can."""
    world.clients.s3.copy_object(Bucket=world.name, CopySource={"Bucket": world.name, "Key": key}, Key=to)


def test_a_genuine_payload_under_another_event_or_another_provider_is_named(world, verify):
    # Given an event that was alone in its batch, and copies of it where others would lie
    world.process([signed(1)])
    [(key, _)] = world.objects("raw/")
    _, _, event, digest = key.split("/")
    assert event == event_id(1)
    copy(world, key, f"raw/shop/evt_2/{digest}")
    copy(world, key, f"raw/another/{event}/{digest}")

    code, said = verify()

    assert code == 1
    assert f"misplaced: raw/shop/evt_2/{digest}" in said
    assert f"key unknown: raw/another/{event}/{digest}" in said
    # and so is what lies where nothing is ever put
    copy(world, key, f"raw/shop/{digest}")
    assert f"misplaced: raw/shop/{digest}" in verify()[1]
    # and what is in its place is proven as before
    assert f"{key}\n" not in said


def test_a_webhook_of_paypals_that_was_set_up_anew_is_handed_in_as_a_retired_key(tmp_path):
    settings = build_settings("dev", {"providers": ["paypal"], "provider_options": {"paypal": {"webhook_id": "2NEW"}}})
    target = SimpleNamespace(settings=settings, client=lambda _: None, outputs={"secret_arns": {}})
    retired = tmp_path / "keys.json"
    retired.write_text(json.dumps({"paypal": ["1OLD"]}))

    assert verify_archive.all_keys(target, retired) == {"paypal": ["2NEW", "1OLD"]}
