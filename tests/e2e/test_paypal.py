"""PayPal, from a signature to the proof of it in the archive, on a copy of the stack that takes the tests for PayPal.

Nobody but PayPal can sign for it, and its certificates come from its own hosts, below DigiCert's roots. So the deployed
ingestion function is the real bundle with two things replaced, and nothing else:

- whom it trusts: ``paypal_authorities.py`` holds an authority of the tests;
- where PayPal's host name leads: ``signatures/__init__.py``, else nothing but a docstring, has every name but the
  local ones lead to an HTTPS server of the tests, so that a host that must not be asked would be heard there too; and
  it has TLS trust the tests' authority, which vouches for that server as a public one does for PayPal's.

The fetch, the store of certificates, the scheme and all that follows are as they are built for every local stack. The
proof is made in the tests' own process, with the same replaced authorities; under the real ones it must fail.
"""

import http.server
import json
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lambdas.inbound.archive import CERTIFICATE_PREFIX, read_payload
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.signatures import paypal_authorities
from modules.constructs.naming import Names
from modules.settings.environments import load_settings
from tests.copies import a_copy
from tests.e2e.leading import leads_to, replaced
from tests.e2e.observe import await_routed, await_state, log_lines, objects, payloads, records, waiting
from tests.unit.providers import paypal_world as world
from tests.unit.providers.paypal_deliveries import LIVE
from tools.build.bundle import bundles_for_this_machine
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.commands.target_stack import Target
from tools.commands.verify_archive import all_keys, archived, archived_certificate
from tools.local.calls import wait_for
from tools.local.downstream import Downstream
from tools.local.stack import ENVIRONMENTS, LocalStack
from tools.senders import SentWebhook
from tools.senders.sender import with_another_byte

SETTLE_SECONDS = 60
URL = world.URL
URL_OF_ANOTHER = f"{world.URL}-another"
URL_ELSEWHERE = "https://certs.paypal.example/v1/notifications/certs/CERT-1"
SIGNATURES = "lambdas/inbound/signatures"


class Certificates(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        address = f"https://{self.headers['Host']}{self.path}"
        self.server.asked.append(address)
        content = self.server.served.get(address, b"")
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


class PayPal(http.server.ThreadingHTTPServer):
    """Where every name leads: serves certificates, and writes down who connects and what is asked for."""

    def __init__(self, served: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Certificates)
        self.served = served
        self.asked: list[str] = []
        self.connections = 0

    def process_request(self, request, client_address):
        # Before the handshake, which fails for any name but that of PayPal's API.
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up."""


@contextmanager
def serving(server: PayPal, folder: Path, now: float):
    """Serve as ``api.paypal.com``, with a certificate of the tests' authority."""
    own = world.issued("api.paypal.com", days=world.days_around(now))
    chain = folder / "paypal.pem"
    chain.write_bytes(own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + own.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    # Each connection shakes hands in a thread of its own.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def trusting_the_tests(folder: Path, port: int) -> bytes:
    """Return a bundle of ingestion that takes the tests for PayPal."""
    trusted = folder / "trusted.pem"
    trusted.write_text(world.authorities().roots, encoding="utf-8")
    bundle = Path(copy(bundles_for_this_machine() / "ingestion_native.zip", folder))
    replaced(
        bundle,
        {
            f"{SIGNATURES}/paypal_authorities.py": f'ROOTS = """{world.authorities().roots}"""\nINTERMEDIATES = ""\n',
            f"{SIGNATURES}/__init__.py": leads_to(port, trusted),
        },
    )
    return bundle.read_bytes()


@dataclass
class World:
    """The deployed stack, and the PayPal that it knows."""

    stack: LocalStack
    paypal: PayPal
    signing: world.Issued
    of_another: world.Issued
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        self.target = Target(
            settings=load_settings(ENVIRONMENTS, self.stack.environment),
            base_url=self.stack.base_url,
            outputs=self.stack.outputs,
            client=self.stack.aws.client,
            verify=str(self.stack.aws.certificate_authority),
            signing_secrets={},
        )

    def make(self, number: int, **changes: Any) -> SentWebhook:
        """Return a capture as PayPal reports it, under ids of its own, signed now."""
        capture, event = f"{number}BC123456S", f"WH-{number}-8HN650336L201105X"
        body = LIVE.body.replace(b"12A34567BC123456S", capture.encode())
        body = body.replace(b"WH-58D329510W468432D-8HN650336L201105X", event.encode())
        said = {
            "key": self.signing.key,
            "now": int(time.time()),
            "transmission_id": f"69cd13f0-d67a-11e5-baa3-{number:012}",
            "webhook_id": self.target.settings.provider_options["paypal"]["webhook_id"],
        }
        headers = {**world.headers_for(body, **(said | changes)), "Content-Type": "application/json"}
        return SentWebhook(
            provider="paypal", path="/webhook/paypal", body=body, headers=headers, transaction_id=capture
        )

    def proofs(self, body: bytes) -> list[Proof]:
        """Return what ``make verify-archive`` would say of a body, once for each time that it lies in the archive."""
        return [
            prove(payload, all_keys(self.target, None)["paypal"], lambda key: archived_certificate(self.target, key))
            for payload in self.archived(body)
        ]

    def archived(self, body: bytes) -> list[ArchivedPayload]:
        unreadable: list[tuple[str, str]] = []
        found = [payload for payload in archived(self.target, "paypal", unreadable) if payload.body == body]
        assert unreadable == []
        return found


@pytest.fixture(scope="module")
def deployed(bundles, tmp_path_factory):
    del bundles
    now = time.time()
    signing = world.issued(days=world.days_around(now))
    of_another = world.issued(by="somebody else", days=world.days_around(now))
    paypal = PayPal({URL: signing.pem, URL_OF_ANOTHER: of_another.pem})
    folder = tmp_path_factory.mktemp("paypal")
    with serving(paypal, folder, now), a_copy() as stack:
        stack.aws.client("lambda").update_function_code(
            FunctionName=Names(stack.environment)("ingestion"), ZipFile=trusting_the_tests(folder, paypal.server_port)
        )
        yield World(stack, paypal, signing, of_another)


@pytest.fixture(scope="module")
def subscriber(deployed):
    return Downstream.subscribe(deployed.stack, ["paypal"])


@pytest.fixture
def tests_as_authority(monkeypatch):
    """Have this process trust what the deployed function trusts, for the proof."""
    monkeypatch.setattr(paypal_authorities, "ROOTS", world.authorities().roots)
    monkeypatch.setattr(paypal_authorities, "INTERMEDIATES", "")


def environments(stack: LocalStack) -> int:
    """Return how many environments ingestion has run in, each of which says once that it is new."""
    lines = [json.loads(line) for line in log_lines(stack, "ingestion") if line.startswith("{")]
    return len({line["function_request_id"] for line in lines if line.get("cold_start") is True})


def records_of(stack: LocalStack, transaction: str) -> list[dict[str, Any]]:
    return [record for record in records(stack) if record.get("transaction", {}).get("S") == transaction]


def test_an_event_is_routed_and_archived(deployed, subscriber, number):
    stack, sent = deployed.stack, deployed.make(number)

    answer = stack.post(sent)

    assert answer.status_code == REGISTRY["paypal"].response.status, answer.text
    assert answer.json()["transactionId"] == sent.transaction_id
    # It is routed by PayPal's rule, and found by its transaction,
    (routed,) = [
        one
        for one in await_routed(subscriber, [sent.transaction_id])
        if one["detail"]["transactionId"] == sent.transaction_id
    ]
    assert routed["source"] == "webhooks.paypal"
    (found,) = await_state(stack, sent.transaction_id, "ROUTED")["events"]
    assert found["eventId"] == routed["detail"]["eventId"]
    # and the exact bytes are archived.
    place = routed["detail"]["archive"]
    assert read_payload(stack.aws.client("s3"), place["bucket"], place) == sent.body


@pytest.mark.usefixtures("tests_as_authority")
def test_the_archive_proves_it_with_the_certificate_that_lies_there(deployed, number, monkeypatch):
    sent = deployed.make(number)
    assert deployed.stack.post(sent).status_code == 202
    await_state(deployed.stack, sent.transaction_id, "ROUTED")

    assert deployed.proofs(sent.body) == [Proof.PROVEN]
    # The certificate is the one that was served, and nobody was asked for it again.
    (payload,) = deployed.archived(sent.body)
    certificates = objects(deployed.stack, CERTIFICATE_PREFIX)
    assert certificates == {f"{CERTIFICATE_PREFIX}{payload.evidence.key_id}.pem": deployed.signing.pem}
    # Whoever trusts another authority is shown no proof.
    monkeypatch.setattr(paypal_authorities, "ROOTS", world.authority("somebody else").pem.decode())
    assert deployed.proofs(sent.body) == [Proof.REFUTED]


def test_under_the_real_authorities_it_proves_nothing(deployed, number):
    sent = deployed.make(number)
    assert deployed.stack.post(sent).status_code == 202
    await_state(deployed.stack, sent.transaction_id, "ROUTED")

    assert deployed.proofs(sent.body) == [Proof.REFUTED]


def with_a_byte_changed(deployed, number):
    sent = deployed.make(number)
    changed = with_another_byte(sent.body)
    return SentWebhook(**{**vars(sent), "body": changed})


FORGED = {
    "a byte changed": (with_a_byte_changed, "signature_mismatch"),
    "for another webhook": (
        lambda deployed, number: deployed.make(number, webhook_id="1AB23456CD789012E"),
        "signature_mismatch",
    ),
    "a certificate of another authority": (
        lambda deployed, number: deployed.make(number, key=deployed.of_another.key, url=URL_OF_ANOTHER),
        "certificate_authority_unknown",
    ),
    "a certificate of another host": (
        lambda deployed, number: deployed.make(number, url=URL_ELSEWHERE),
        "certificate_url_refused",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_one_is_refused_and_leaves_nothing(deployed, number, case):
    forge, reason = FORGED[case]
    stack, paypal = deployed.stack, deployed.paypal
    genuine = deployed.make(10_000 + number)
    assert stack.post(genuine).status_code == 202
    connections = paypal.connections
    forged = forge(deployed, number)

    answer = stack.post(forged)

    authority_unknown = reason == "certificate_authority_unknown"
    assert (answer.status_code, answer.json()["error"]) == (503 if authority_unknown else 401, reason)
    if authority_unknown:
        # It was looked at, and not only its address.
        assert URL_OF_ANOTHER in paypal.asked
    if reason == "certificate_url_refused":
        # Its name leads to the tests as well, where nobody so much as connected.
        assert paypal.connections == connections
    # The one before it has been processed, and nothing waits: were there anything of this one, it would be there too.
    await_state(stack, genuine.transaction_id, "ROUTED")
    wait_for("the queue to be empty", lambda: None if waiting(stack, "queue_url") else True, SETTLE_SECONDS)
    assert stack.status(forged.transaction_id) is None
    assert records_of(stack, forged.transaction_id) == []
    assert forged.body not in payloads(stack)
    # Nor is a certificate kept that only a forged one named.
    assert set(objects(stack, CERTIFICATE_PREFIX).values()) == {deployed.signing.pem}


def test_the_certificate_is_fetched_once_for_many_deliveries(deployed, number, report):
    sent = [deployed.make(20_000 + number * 10 + offset) for offset in range(8)]

    for one in sent:
        assert deployed.stack.post(one).status_code == 202

    # An environment has a memory of its own, so that each may fetch it; how many there are is the platform's affair.
    fetched, ran_in = deployed.paypal.asked.count(URL), environments(deployed.stack)
    assert 1 <= fetched <= ran_in < len(sent)
    report(f"PayPal: {fetched} fetches of the certificate by {ran_in} environments")


def test_the_same_transmission_is_recorded_and_routed_once(deployed, subscriber, number):
    stack, sent = deployed.stack, deployed.make(number)

    answers = [stack.post(sent), stack.post(sent)]

    assert [answer.status_code for answer in answers] == [202, 202]
    events = await_routed(subscriber, [sent.transaction_id])
    await_state(stack, sent.transaction_id, "ROUTED")
    wait_for("the queue to be empty", lambda: None if waiting(stack, "queue_url") else True, SETTLE_SECONDS)
    # Whatever is sent after it is routed after it: a second one would have come by then.
    later = deployed.make(30_000 + number)
    assert stack.post(later).status_code == 202
    events += await_routed(subscriber, [later.transaction_id])
    assert [one["detail"]["transactionId"] for one in events].count(sent.transaction_id) == 1
    assert len(records_of(stack, sent.transaction_id)) == 1
