"""GitHub's own package for npm, in both directions."""

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from tests.unit.providers.bodies import BODIES
from tests.unit.providers.outcome import events_of, outcome
from tests.unit.providers.sdk import call
from tests.unit.webhooks import OTHER_SECRET, SECRETS, request
from tools.senders import SENDERS, Signing

SECRET = SECRETS["github"]
HEADER = "X-Hub-Signature-256"


def sent(body, secret=SECRET):
    return SENDERS["github"].sign(body.encode(), Signing(secret=secret, now=0, number=1))


def test_what_github_s_package_signs_is_accepted():
    signatures = call(*(["github.sign", SECRET, body] for body in BODIES.values()))

    for body, signature in zip(BODIES.values(), signatures, strict=True):
        verdict = REGISTRY["github"].scheme.verify(request(body.encode(), {HEADER: signature}), [SECRET])
        assert verdict.headers == {HEADER.lower(): signature}
        assert verdict.scheme == "github-sha256"


def test_github_s_package_accepts_what_we_send_and_nothing_else():
    ours = {body: sent(body)[HEADER] for body in BODIES.values()}

    right = call(*(["github.verify", SECRET, body, signature] for body, signature in ours.items()))
    other_key = call(*(["github.verify", OTHER_SECRET, body, signature] for body, signature in ours.items()))
    other_body = call(*(["github.verify", SECRET, body + " ", signature] for body, signature in ours.items()))

    assert right == [True] * len(ours)
    assert other_key == other_body == [False] * len(ours)


@pytest.mark.parametrize("name", ["x-github-event", "x-github-delivery"])
def test_what_github_does_not_sign_is_no_part_of_the_evidence(name):
    headers = sent("{}")

    verdict = REGISTRY["github"].scheme.verify(request(b"{}", headers), [SECRET])

    assert name in {header.lower() for header in headers}
    assert name not in verdict.headers


# --- forms, which GitHub's settings page chooses by itself ----------------------------------------------------------

EVENT = {"action": "created", "sponsorship": {"node_id": "S_1", "note": "50 % & more = ü+"}}
JSON = json.dumps(EVENT)
FORM = urlencode({"payload": JSON})


def received(body):
    return request(body.encode(), sent(body) | {"Content-Type": "application/x-www-form-urlencoded"})


def test_a_form_has_the_same_event_as_json():
    (form,), (plain,) = (events_of("github", received(body), [SECRET]) for body in (FORM, JSON))

    assert replace(form, event_id="") == replace(plain, event_id="")
    assert (form.event_type, form.transaction_id) == ("sponsorship.created", "S_1")


NOT_ACCEPTED = {
    "a second field": (FORM + "&payload=%7B%7D", "400 not_one_field"),
    "another field first": ("a=1&" + FORM, "400 body_not_json"),
    "an empty field": ("payload=", "400 body_not_json"),
    "a field that is not JSON": ("payload=%7B", "400 body_not_json"),
    "a field with a key twice": ("payload=%7B%22a%22%3A1%2C%22a%22%3A2%7D", "400 body_not_json"),
}


@pytest.mark.parametrize(("body", "answer"), NOT_ACCEPTED.values(), ids=NOT_ACCEPTED.keys())
def test_another_form_is_signed_and_not_an_event(body, answer):
    assert outcome("github", received(body), [SECRET]) == answer


def test_the_signature_of_a_form_is_over_its_bytes():
    forged = replace(received(FORM), body=FORM.replace("created", "deleted").encode())

    assert outcome("github", forged, [SECRET]) == "401 signature_mismatch"
