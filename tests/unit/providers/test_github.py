"""GitHub's own package for npm, in both directions."""

import pytest

from lambdas.inbound.providers.registry import REGISTRY
from tests.unit.providers.bodies import BODIES
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
