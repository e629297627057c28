"""``make receiver``, by the command itself: it verifies, and does wrong what its URL asks for, down to the bytes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from standardwebhooks.webhooks import Webhook

from lambdas.delivery.sending.signing import stripe_signature
from lambdas.delivery_receiver.faults import read_fault
from tools import ROOT

ACME, GLOBEX, OLD = ("whsec_" + letter * 32 for letter in "AGO")
BODY = b'{"type":"invoice.paid"}'
START_SECONDS = 60


@contextmanager
def receiver(*arguments, **environment):
    """Run ``make receiver``; yield its URL, and a way to read on in what it prints."""
    process = subprocess.Popen(
        ["make", "--silent", "receiver", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        # make and what it runs end together.
        start_new_session=True,
    )
    try:
        yield process.stdout.readline().strip(), process.stdout
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


@pytest.fixture(scope="module")
def verifying(tmp_path_factory):
    """A receiver of two tenants, one of which is in the middle of a rotation."""
    file = tmp_path_factory.mktemp("secrets") / "secrets.json"
    file.write_text(json.dumps({"acme": [ACME, OLD], "globex": GLOBEX}))
    with receiver(f"SECRETS={file}") as (url, lines):
        yield url.removesuffix("/acme"), lines


@pytest.fixture(scope="module")
def plain():
    """A receiver that was given no secret."""
    with receiver() as (url, lines):
        yield url, lines


def signed(secret, event_id="evt_1"):
    now = datetime.now(UTC)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, BODY.decode()),
    }


def opened(url, headers=()):
    """Send a request, and return its answer, of which the body is still to be read."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
    connection.request("POST", f"{at.path}?{at.query}", BODY, dict(headers))
    return closing(connection.getresponse())


def answer(url, headers=()):
    with opened(url, headers) as response:
        return response.status, response.read()


def until(lines, text):
    """Return what is printed, up to the line with a text."""
    read = []
    while not read or text not in read[-1]:
        read.append(lines.readline())
        assert read[-1], f"it ended without {text!r}"
    return read


@pytest.mark.parametrize("secret", [ACME, OLD])
def test_a_tenants_own_signature_is_accepted_with_either_secret_of_a_rotation(verifying, secret):
    url, _ = verifying

    assert answer(url + "/acme/orders", signed(secret))[0] == 200


def test_headers_with_another_prefix_are_known_by_their_names(verifying):
    url, lines = verifying
    headers = {name.replace("webhook-", "svix-"): value for name, value in signed(ACME, "evt_svix").items()}

    assert answer(url + "/acme/svix", headers)[0] == 200
    assert " evt_svix " in until(lines, "/acme/svix ")[-1]
    assert answer(url + "/globex/svix", headers)[0] == 401


def test_the_style_of_stripe_is_known_by_its_header(verifying):
    url, _ = verifying
    header = stripe_signature([GLOBEX], str(int(time.time())), BODY)

    assert answer(url + "/globex", {"stripe-signature": header})[0] == 200
    assert answer(url + "/acme", {"stripe-signature": header})[0] == 401


@pytest.mark.parametrize(
    ("path", "secret", "changed", "reason"),
    [
        ("/globex/of-another", ACME, {}, "signature_mismatch"),
        ("/acme/unsigned", None, {}, "missing_signature_header"),
        ("/initech", ACME, {}, "unknown_tenant"),
        ("/acme/another-id", ACME, {"webhook-id": "evt_2"}, "signature_mismatch"),
    ],
)
def test_anything_else_is_refused_with_the_reason_whatever_its_query_asks_for(verifying, path, secret, changed, reason):
    url, lines = verifying

    status, body = answer(f"{url}{path}?status=204", {**(signed(secret) if secret else {}), **changed})

    assert (status, json.loads(body)) == (401, {"received": False, "reason": reason})
    assert f"refused: {reason}" in until(lines, f"{path} ")[-1]


def test_a_slow_body_comes_byte_by_byte(plain):
    # Given an answer of 18 bytes over twenty seconds
    url, _ = plain
    with opened(url + "?drip=20") as response:
        assert response.read(1) == b"{"

        # Then more of them follow, and not all at once
        assert 0 < len(response.fp.peek()) < response.length == 17


def test_a_truncated_body_ends_in_the_middle_of_what_it_promised(plain):
    url, _ = plain

    with pytest.raises(http.client.IncompleteRead) as cut:
        answer(url + "?truncate")

    assert len(cut.value.partial) == cut.value.expected == 9


def test_the_other_faults_are_those_of_the_receiver_that_a_stack_deploys(plain):
    url, _ = plain

    assert answer(url + "?status=503")[0] == 503
    assert [answer(url + "?duplicate", {"webhook-id": "evt_9"})[0] for _ in range(2)] == [500, 200]
    with pytest.raises(http.client.RemoteDisconnected):
        answer(url + "?close")
    assert len(answer(url + "?size=100000")[1]) == 100_000


def test_what_is_no_fault_is_named(plain):
    url, lines = plain

    status, body = answer(url + "?explode=1")

    assert status == 400
    assert "explode" in json.loads(body)["reason"]
    assert "explode" in until(lines, "answered 400")[-1]


def test_it_prints_a_url_for_each_fault_and_that_it_verifies_nothing_and_each_of_its_urls_is_a_fault():
    with receiver() as (url, lines):
        printed = until(lines, "Requests:")

        assert "not verified" in printed[-1]
        urls = [line.split()[0] for line in printed[:-1]]
        assert {"drip", "truncate"} <= {urlsplit(each).query.partition("=")[0] for each in urls}
        for each in urls:
            read_fault(dict(parse_qsl(urlsplit(each).query, keep_blank_values=True)))
        answer(url)
        assert "no SECRET" in lines.readline()


def test_a_secret_of_every_path_comes_by_the_environment():
    with receiver(SECRET=ACME) as (url, _):
        assert answer(url, signed(ACME))[0] == 200
        assert answer(url, signed(GLOBEX))[0] == 401


def refused(*command, **environment):
    """Return how a command ended that does not start a receiver."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("secret", ["x", "whsec_", "whpk_" + "A" * 32])
def test_what_is_no_secret_is_refused_and_not_repeated(secret):
    run = refused(sys.executable, "-m", "tools.commands.receiver", SECRET=secret)

    assert run.returncode != 0
    assert "SECRET: expected whsec_" in run.stderr
    assert secret == "x" or secret + "\n" not in run.stdout + run.stderr


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = refused("make", "--silent", "receiver", f"PORT={port}")

    assert run.returncode != 0
    assert f"PORT: {port}" in run.stderr


def test_a_port_that_is_none_is_named():
    run = refused(sys.executable, "-m", "tools.commands.receiver", "--port", "99999")

    assert (run.returncode, run.stderr) == (1, "error: PORT: 99999 is not allowed; allowed: 0 to 65535\n")
