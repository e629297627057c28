"""PayPal's certificates: which ones count, how seldom they are fetched, and what the fetch itself bears."""

import http.server
import itertools
import ssl
import threading
from contextlib import contextmanager

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lambdas.inbound.signatures import paypal_certificates
from lambdas.inbound.signatures.paypal_certificates import (
    FETCH_SECONDS,
    KEEP_FAILURE_SECONDS,
    KEEP_SECONDS,
    MAX_BYTES,
    MAX_KEPT,
    MAX_NEW_ADDRESSES,
    Authorities,
    fetch,
    prove,
)
from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from tests.unit.providers import paypal_world as world
from tests.unit.providers.paypal_world import NAME, NOW, TRUSTED, URL, CertificateHost, issued

UNTRUSTED = "certificate_untrusted"
UNAVAILABLE = "certificate_unavailable"
UNREADABLE = "certificate_unreadable"
UNKNOWN_AUTHORITY = "certificate_authority_unknown"


def refused(call, kind=SignatureRefusedError):
    with pytest.raises(kind) as refusal:
        call()
    assert type(refusal.value) is kind
    return refusal.value.reason


# --- which ones count -----------------------------------------------------------------------------------------------


def below_an_intermediate():
    return issued(by="Issuing CA")


def test_a_certificate_of_a_trusted_authority_counts():
    proven = prove(issued().pem, NAME, NOW, world.authorities())

    assert proven.pem == issued().pem.decode()
    assert proven.key.public_numbers() == issued().key.public_key().public_numbers()


def test_what_stands_between_may_be_served_or_be_known():
    leaf, between = below_an_intermediate().pem, world.intermediate().pem
    known = Authorities(roots=world.authorities().roots, intermediates=between.decode())

    for content, authorities in ((leaf + between, world.authorities()), (leaf, known)):
        assert prove(content, NAME, NOW, authorities).pem == (leaf + between).decode()
    assert refused(lambda: prove(leaf, NAME, NOW, world.authorities()), UnavailableError) == UNKNOWN_AUTHORITY


def test_an_intermediate_is_no_root():
    only = Authorities(
        roots=world.authority("somebody else").pem.decode(), intermediates=world.intermediate().pem.decode()
    )

    assert refused(lambda: prove(below_an_intermediate().pem, NAME, NOW, only), UnavailableError) == UNKNOWN_AUTHORITY


FOR_SOMETHING_ELSE = {
    "not yet valid": lambda: issued(days=(1, 30)).pem,
    "expired": lambda: issued(days=(-30, -1)).pem,
    "expired, and of another authority": lambda: issued(by="somebody else", days=(-30, -1)).pem,
    "for www.paypal.com": lambda: issued("www.paypal.com").pem,
    "for the sandbox": lambda: issued("messageverificationcerts.sandbox.paypal.com").pem,
    "for another name that ends alike": lambda: issued("evil-messageverificationcerts.paypal.com").pem,
    "for a name that goes on": lambda: issued("messageverificationcerts.paypal.com.evil.example").pem,
    "for paypal.com": lambda: issued("paypal.com").pem,
    "for whatever is below paypal.com": lambda: issued("*.paypal.com").pem,
    "of an elliptic curve": lambda: issued(elliptic=True).pem,
    "the authority itself": lambda: world.authority(TRUSTED).pem,
    "the right one, behind a wrong one": lambda: issued("www.paypal.com").pem + issued().pem,
}

OF_ANOTHER_AUTHORITY = {
    "of another authority": lambda: issued(by="somebody else").pem,
    "of another authority, with its root": lambda: (
        issued(by="somebody else").pem + world.authority("somebody else").pem
    ),
    "of an authority of the same name": lambda: (
        world.certify(NAME, issued().key, TRUSTED, world.authority("somebody else").key, (-1, 1)).pem
    ),
    "signed by itself": lambda: world.certify(NAME, issued().key, NAME, issued().key, (-1, 1)).pem,
    "signed by PayPal's, which is no authority": lambda: (
        world.certify(NAME, issued("www.paypal.com").key, NAME, issued().key, (-1, 1)).pem + issued().pem
    ),
    "for code": lambda: issued(server=False).pem,
}

NO_CERTIFICATE = {
    "truncated": lambda: issued().pem[:-100],
    "one byte changed": lambda: issued().pem.replace(b"M", b"N", 3),
    "empty": lambda: b"",
    "HTML": lambda: b"<html>504</html>",
    "not ASCII": lambda: b"\xc3\xa9",
    "a public key": lambda: issued().key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
    "PEM around nothing": lambda: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "PEM around garbage": lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}


@pytest.mark.parametrize("content", FOR_SOMETHING_ELSE.values(), ids=FOR_SOMETHING_ELSE.keys())
def test_a_certificate_for_something_else_is_refused(content):
    host = CertificateHost({URL: content()})

    assert refused(lambda: host.scheme().verify(world.delivery(), ())) == UNTRUSTED


@pytest.mark.parametrize(
    ("content", "reason"),
    [(content, UNKNOWN_AUTHORITY) for content in OF_ANOTHER_AUTHORITY.values()]
    + [(content, UNREADABLE) for content in NO_CERTIFICATE.values()],
    ids=[*OF_ANOTHER_AUTHORITY, *NO_CERTIFICATE],
)
def test_what_may_be_an_error_page_or_a_new_authority_is_not_accepted_and_comes_back(content, reason):
    host = CertificateHost({URL: content()})

    assert refused(lambda: host.scheme().verify(world.delivery(), ()), UnavailableError) == reason


# --- how seldom they are fetched ------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def get(store, url=URL, at=NOW):
    return store.get(url, NAME, at)


def test_a_certificate_is_fetched_once_an_hour(clock):
    host = CertificateHost()
    store = host.store(clock)

    for clock.now in (0, 1, KEEP_SECONDS - 1):
        get(store)
    assert len(host.asked) == 1
    clock.now = KEEP_SECONDS
    get(store)
    assert len(host.asked) == 2


def test_a_certificate_that_expires_in_the_meantime_does_not_count():
    host = CertificateHost({URL: issued(days=(-30, 1)).pem})
    store = host.store()

    get(store, at=NOW + 86_399)

    assert refused(lambda: get(store, at=NOW + 86_401)) == UNTRUSTED


@pytest.mark.parametrize(
    ("failure", "kind", "reason"),
    [
        (UnavailableError(UNAVAILABLE), UnavailableError, UNAVAILABLE),
        (SignatureRefusedError("certificate_unknown"), SignatureRefusedError, "certificate_unknown"),
        (b"garbage", UnavailableError, UNREADABLE),
    ],
    ids=["down", "not there", "garbage"],
)
def test_a_failure_is_remembered_for_a_minute_and_then_forgotten(clock, failure, kind, reason):
    host = CertificateHost({URL: failure})
    store = host.store(clock)

    for clock.now in (0, 1, KEEP_FAILURE_SECONDS - 1):
        assert refused(lambda: get(store), kind) == reason
    assert len(host.asked) == 1
    host.served[URL] = issued().pem
    clock.now = KEEP_FAILURE_SECONDS

    assert get(store).pem == issued().pem.decode()


def test_while_paypal_is_down_a_certificate_older_than_an_hour_proves_nothing(clock):
    host = CertificateHost()
    store = host.store(clock)
    get(store)
    host.served[URL] = UnavailableError(UNAVAILABLE)
    clock.now = KEEP_SECONDS

    assert refused(lambda: get(store), UnavailableError) == UNAVAILABLE


def forged(number):
    return URL + f"-{number}"


def test_forged_addresses_cannot_have_it_fetch_without_end(clock):
    host = CertificateHost({forged(number): SignatureRefusedError("certificate_unknown") for number in range(100)})
    store = host.store(clock)

    reasons = []
    for number in range(100):
        with pytest.raises((SignatureRefusedError, UnavailableError)) as refusal:
            get(store, forged(number))
        reasons.append(refusal.value.reason)

    assert len(host.asked) == MAX_NEW_ADDRESSES
    assert reasons == ["certificate_unknown"] * MAX_NEW_ADDRESSES + ["certificate_fetches_exhausted"] * (
        100 - MAX_NEW_ADDRESSES
    )
    # A minute later, as many again.
    clock.now = KEEP_FAILURE_SECONDS
    for number in range(50, 100):
        with pytest.raises((SignatureRefusedError, UnavailableError)):
            get(store, forged(number))
    assert len(host.asked) == 2 * MAX_NEW_ADDRESSES


def test_a_flood_of_forged_addresses_does_not_keep_the_genuine_one_from_being_renewed(clock):
    host = CertificateHost(
        {URL: issued().pem} | {forged(n): SignatureRefusedError("certificate_unknown") for n in range(100)}
    )
    store = host.store(clock)
    get(store)
    clock.now = KEEP_SECONDS
    for number in range(100):
        with pytest.raises((SignatureRefusedError, UnavailableError)):
            get(store, forged(number))

    assert get(store).pem == issued().pem.decode()


def test_no_more_certificates_are_kept_than_there_could_be(clock):
    host = CertificateHost({forged(number): issued().pem for number in range(3 * MAX_KEPT)})
    store = host.store(clock)
    for number in range(3 * MAX_KEPT):
        clock.now += KEEP_FAILURE_SECONDS
        get(store, forged(number))
    asked = len(host.asked)

    get(store, forged(3 * MAX_KEPT - 1))
    assert len(host.asked) == asked
    get(store, forged(0))
    assert len(host.asked) == asked + 1


# --- the fetch itself -----------------------------------------------------------------------------------------------


class Answers(http.server.BaseHTTPRequestHandler):
    """A server that says what its path tells it to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, body, headers = self.server.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in body:
            self.wfile.write(chunk)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up: they are what is tested."""


@contextmanager
def https_server(answers, certificate):
    server = Server(("127.0.0.1", 0), Answers)
    server.answers = answers
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sized(body, **headers):
    return [body], {"Content-Length": str(len(body)), **headers}


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Start a server whose own certificate the process trusts, as it trusts PayPal's on the internet."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with_stack = []

    def start(answers, name="localhost"):
        server = https_server(answers, authority.issue_cert(name))
        with_stack.append(server)
        return server.__enter__()

    yield start
    for server in with_stack:
        server.__exit__(None, None, None)


def test_what_is_served_is_returned(serve):
    body, headers = sized(issued().pem)

    assert fetch(serve({"/v1/x": (200, body, headers)}) + "/v1/x") == issued().pem


@pytest.mark.parametrize("status", [404, 410])
def test_a_certificate_that_is_not_there_is_no_outage(serve, status):
    base = serve({"/x": (status, *sized(b"no"))})

    assert refused(lambda: fetch(base + "/x")) == "certificate_unknown"


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 403, 429, 500, 502, 503])
def test_any_other_answer_is_an_outage(serve, status):
    base = serve({"/x": (status, *sized(b""))})

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(serve, status):
    body, headers = sized(issued().pem)
    base = serve({"/y": (200, body, headers), "/x": (status, [], {"Location": "/y", "Content-Length": "0"})})

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


def test_an_answer_without_an_end_is_cut_off(serve):
    base = serve({"/x": (200, [b"x" * (MAX_BYTES + 1)], {"Connection": "close"})})

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


def test_an_answer_that_drips_is_cut_off(serve, monkeypatch):
    # The clock moves on by a second with each look at it, so that nothing needs to be waited for.
    seconds = itertools.count()
    monkeypatch.setattr(paypal_certificates.time, "monotonic", lambda: float(next(seconds)))
    drops = [b"x"] * int(10 * FETCH_SECONDS)
    base = serve({"/x": (200, drops, {"Content-Length": str(len(drops))})})

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


def test_an_answer_that_ends_early_is_an_outage(serve):
    base = serve({"/x": (200, [issued().pem[:100]], {"Content-Length": "5000", "Connection": "close"})})

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


def test_a_server_that_is_not_who_it_says_is_not_asked(serve):
    base = serve({"/x": (200, *sized(issued().pem))}, name="evil.example")

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


def test_a_server_that_nobody_vouches_for_is_not_asked(serve, monkeypatch):
    base = serve({"/x": (200, *sized(issued().pem))})
    monkeypatch.delenv("SSL_CERT_FILE")

    assert refused(lambda: fetch(base + "/x"), UnavailableError) == UNAVAILABLE


def test_a_server_that_is_not_there_is_an_outage():
    assert refused(lambda: fetch("https://localhost:1/x"), UnavailableError) == UNAVAILABLE
