"""The client against servers that do wrong what a server can, and DNS that changes its mind; all on the loopback.

Where a test needs an address that passes for public, connecting is what is replaced, and it leads to the local server.
"""

import contextlib
import io
import ipaddress
import socket
import ssl
import threading
import time

import pytest
import trustme

from lambdas.delivery.domain.attempt_result import HttpResult
from lambdas.delivery.sending.http_answer import MAX_ANSWER_BYTES, read_answer
from lambdas.delivery.sending.http_client import HttpClient, connect_to
from lambdas.delivery.sending.urls import EndpointRules
from lambdas.delivery_receiver.faults import Fault
from tools.local.faulty_receiver import FaultyReceiver

BODY = b'{"type":"a","n":1.10}'
LOCAL = EndpointRules(local=True)
HEADERS = {"content-type": "application/json", "webhook-id": "evt_1"}


@pytest.fixture
def receiver():
    with FaultyReceiver() as running:
        yield running


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls_receiver(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example.com").configure_cert(context)
    with FaultyReceiver(tls=context) as running:
        yield running


def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def client(**changes):
    return HttpClient(**({"rules": LOCAL, "seconds": 5.0} | changes))


def test_the_bytes_arrive_as_they_are_in_one_well_framed_request(receiver):
    answer = client().post(receiver.url("/a/b?status=202"), HEADERS, BODY)

    assert answer == HttpResult(status=202)
    [received] = receiver.received
    assert received.body == BODY
    assert received.head.decode().split("\r\n") == [
        "POST /a/b?status=202 HTTP/1.1",
        f"Host: 127.0.0.1:{receiver.port}",
        "content-type: application/json",
        "webhook-id: evt_1",
        f"Content-Length: {len(BODY)}",
        "Connection: close",
    ]


STATUSES = [
    ("?status=200", HttpResult(status=200)),
    ("?status=204", HttpResult(status=204)),
    ("?status=410", HttpResult(status=410)),
    ("?status=429&retry-after=17", HttpResult(status=429, retry_after="17")),
    (
        "?status=503&retry-after=Mon%2C%2021%20Sep%202026%2014%3A14%3A20%20GMT",
        HttpResult(status=503, retry_after="Mon, 21 Sep 2026 14:14:20 GMT"),
    ),
    (f"?size={MAX_ANSWER_BYTES * 20}", HttpResult(status=200)),
    ("?truncate", HttpResult(status=200)),
    ("?truncate&size=40000", HttpResult(status=200)),
    ("?close", HttpResult(status=None, problem="connection closed")),
]


@pytest.mark.parametrize(("query", "answer"), STATUSES)
def test_what_comes_back_is_told_as_it_is(receiver, query, answer):
    assert client().post(receiver.url("/" + query), HEADERS, BODY) == answer


def test_redirects_are_not_followed(receiver):
    with FaultyReceiver() as inside:
        target = inside.url("/latest/meta-data/")
        receiver.decide = lambda received: Fault(status=307, location=target)
        assert client().post(receiver.url(), HEADERS, BODY) == HttpResult(status=307)
        assert inside.connections == 0


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    with FaultyReceiver() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        assert client().post(receiver.url(), HEADERS, BODY) == HttpResult(status=200)
        assert proxy.connections == 0


def raw_server(*pieces, pause=0.0, after=0.0):
    """Answer one connection with these bytes, whatever it says."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(65_536)
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
                time.sleep(after)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


OK = b"HTTP/1.1 200 OK\r\n"

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"

NO_ANSWER = {
    "HTTP/0.9": ((b"thank you\n",), "answer malformed"),
    "another protocol": ((b"\x00\x01\x02\r\n\r\n",), "answer malformed"),
    "a version that this is not": ((b"HTTP/2 200\r\n\r\n",), "answer malformed"),
    "a status that is no number": ((b"HTTP/1.1 abc OK\r\n\r\n",), "answer malformed"),
    "a status of four digits": ((b"HTTP/1.1 2000 OK\r\n\r\n",), "answer malformed"),
    "a status line that breaks off": ((b"HTTP/1.1 200 " + b"x" * 100_000,), "answer incomplete"),
    "headers that break off": ((OK + b"a: b\r\n",), "answer incomplete"),
    "a header that breaks off": ((OK + b"a: b\r\nc",), "answer incomplete"),
    "interim answers alone": ((b"HTTP/1.1 100 Continue\r\n\r\n" * 3, b""), "connection closed"),
}


@pytest.mark.parametrize("case", NO_ANSWER)
def test_without_a_status_and_the_end_of_the_headers_there_is_no_answer(case):
    pieces, problem = NO_ANSWER[case]
    assert client().post(raw_server(*pieces), HEADERS, BODY) == HttpResult(status=None, problem=problem)


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
# The answer as it comes, the body that is kept, and whether that is all of it.
ANSWERS = {
    "a body of a length": ((OK + b"Content-Length: 3\r\n\r\nabc",), b"abc", True),
    "a body up to the end of the connection": ((OK + b"\r\nabc",), b"abc", True),
    "chunks": ((CHUNKED, b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), b"abcde", True),
    "interim answers": ((INTERIM * 30, OK + EMPTY), b"", True),
    "no reason phrase": ((b"HTTP/1.1 200\r\n" + EMPTY,), b"", True),
    "a reason phrase of 100 KB": ((b"HTTP/1.1 200 " + b"\xff" * 100_000 + b"\r\n" + EMPTY,), b"", True),
    "HTTP/1.0": ((b"HTTP/1.0 200 OK\r\n\r\nabc",), b"abc", True),
    "line feeds alone": ((b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",), b"abc", True),
    "120 headers": ((OK + b"a: b\r\n" * 120 + EMPTY,), b"", False),
    "20,000 headers": ((OK + b"a: b\r\n" * 20_000 + EMPTY,), b"", False),
    "a header of 70 KB": ((OK + b"a: " + b"x" * 70_000 + b"\r\n" + EMPTY,), b"", False),
    "a name of 70 KB": ((OK + b"x" * 70_000 + b": b\r\n" + EMPTY,), b"", False),
    "a line without a colon": ((OK + b"what is this\r\n" + EMPTY,), b"", True),
    "a folded line": ((OK + b"a: b\r\n c\r\n" + EMPTY,), b"", True),
    "a folded line before any other": ((OK + b" a\r\n" + EMPTY,), b"", True),
    "a blank before the colon": ((OK + b"Content-Length : 3\r\n\r\nabc",), b"abc", True),
    "bytes that are no text": ((OK + b"a: \xff\x00\x01\r\n\xfe: b\r\n" + EMPTY,), b"", True),
    "a length that is too long": ((OK + b"Content-Length: 10\r\n\r\nabc",), b"abc", False),
    "a length beyond all numbers": ((OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\nabc",), b"abc", False),
    "a length twice": ((OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",), b"abc", True),
    "two lengths": ((OK + b"Content-Length: 3, 4\r\n\r\nabc",), b"", False),
    "a length below zero": ((OK + b"Content-Length: -1\r\n\r\nabc",), b"", False),
    "a length in words": ((OK + b"Content-Length: three\r\n\r\nabc",), b"", False),
    "a length and chunks": ((OK + b"Content-Length: 1\r\n", CHUNKED[len(OK) :], b"1\r\nx\r\n0\r\n\r\n"), b"x", True),
    "another transfer coding": ((OK + b"Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc",), b"abc", True),
    "a chunk that breaks off": ((CHUNKED, b"5\r\nab"), b"ab", False),
    "a chunk of no size": ((CHUNKED, b"1\r\na\r\nzz\r\n"), b"a", False),
    "a chunk that is longer than its size": ((CHUNKED, b"1\r\nabc\r\n"), b"a", False),
    "no last chunk": ((CHUNKED, b"1\r\na\r\n"), b"a", False),
    "trailers": ((CHUNKED, b"0\r\n", b"a: b\r\n" * 200), b"", True),
    "a content coding that it has not": ((OK + b"Content-Encoding: gzip\r\n\r\nabc",), b"abc", True),
    "no body where one was announced": ((b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",), b"", True),
    "a body of a few bytes too many": ((OK + b"\r\n" + b"x" * 16_385,), b"x" * 16_384, False),
    "each byte a chunk": ((CHUNKED, b"1\r\nz\r\n" * MAX_ANSWER_BYTES, b"0\r\n\r\n"), b"z" * 16_384, False),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_2xx_is_a_2xx_whatever_is_wrong_with_the_rest(case):
    pieces, body, complete = ANSWERS[case]

    answer = client().post(raw_server(*pieces), HEADERS, BODY)

    assert answer == HttpResult(status=204 if b" 204 " in pieces[0] else 200)
    assert (answer.answer.body, answer.answer.complete) == (body, complete)


def test_what_comes_in_headers_is_kept_to_limits_and_shows_no_session_of_the_endpoint():
    lines = [b"a: b", b" c", b"A:\t\xe9\x00 ", b"Set-Cookie: id=secret", b"no colon", b"b: " + b"x" * 5_000]

    kept = client().post(raw_server(OK + b"\r\n".join([*lines, EMPTY])), HEADERS, BODY).answer

    expected = (("a", "b c"), ("A", "\xe9 "), ("Set-Cookie", "***"), ("b", "x" * 4_096), ("Content-Length", "0"))
    assert (kept.headers, kept.complete) == (expected, False)
    assert "secret" not in repr(kept)
    for fields in (b"a: b\r\n" * 20_000, b"a: " + b"x" * 1_000 + b"\r\n", (b"a: " + b"x" * 1_000 + b"\r\n") * 50):
        headers = client().post(raw_server(OK + fields + EMPTY), HEADERS, BODY).answer.headers
        assert 1 <= len(headers) <= 100
        assert sum(len(name) + len(value) for name, value in headers) <= 16_384


def test_of_a_body_hardly_more_is_read_than_the_limit():
    connection = io.BytesIO(OK + b"\r\n" + b"x" * 1_000_000)
    reader = io.BufferedReader(connection)
    read_answer(reader)
    assert MAX_ANSWER_BYTES <= connection.tell() <= MAX_ANSWER_BYTES + 20_000


def test_what_a_status_needs_is_read_wherever_it_stands():
    busy = b"HTTP/1.1 429 Busy\r\n" + b"a: b\r\n" * 200 + b"Retry-After: 17\r\nContent-Length: 10\r\n\r\nabc"
    assert client().post(raw_server(busy), HEADERS, BODY) == HttpResult(status=429, retry_after="17")


FLOODS = {
    # `int("-1", 16)` is a size too, and `read(-1)` reads to the end.
    "a chunk of a size below zero": (CHUNKED + b"-1\r\n", b"x" * 8_192, HttpResult(status=200)),
    "a chunk whose extension has no end": (CHUNKED, b"1;" + b"x" * 60_000, HttpResult(status=200)),
    "trailers without end": (CHUNKED + b"0\r\n", b"a: " + b"x" * 60_000 + b"\r\n", HttpResult(status=200)),
    "a body without end": (OK + b"\r\n", b"x" * 60_000, HttpResult(status=200)),
    "headers without end": (OK, b"a: " + b"x" * 60_000 + b"\r\n", HttpResult(status=None, problem="answer too long")),
    "a folded line without end": (OK, b" x" * 30_000 + b"\r\n", HttpResult(status=None, problem="answer too long")),
    "interim answers without end": (
        b"",
        b"HTTP/1.1 100 Continue\r\na: " + b"x" * 60_000 + b"\r\n\r\n",
        HttpResult(status=None, problem="answer too long"),
    ),
}


@pytest.mark.parametrize("case", FLOODS)
def test_a_flood_is_read_to_a_limit_whatever_part_of_the_answer_it_is(case):
    # Given an endpoint that sends as fast as we take it, for as long as it is let
    head, piece, expected = FLOODS[case]
    listener = socket.create_server(("127.0.0.1", 0))
    sent = []

    def flood():
        connection, _ = listener.accept()
        with connection, listener, contextlib.suppress(OSError):
            # So that what we did not read is not counted for what we did.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            connection.recv(65_536)
            connection.sendall(head)
            while sum(sent) < 200_000_000:
                sent.append(connection.send(piece))

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()

    # When
    answer = client(seconds=10.0).post(f"http://127.0.0.1:{listener.getsockname()[1]}/", HEADERS, BODY)
    thread.join(15)

    # Then it did not get rid of more than a fraction of it
    assert answer == expected
    assert sum(sent) < 20_000_000


# --- the deadline ---------------------------------------------------------------------------------------------------

SECONDS = 0.6


def timed(url, **changes):
    began = time.monotonic()
    answer = client(seconds=SECONDS, **changes).post(url, HEADERS, BODY)
    return answer, time.monotonic() - began


def slow_resolver(host, port):
    time.sleep(5)
    return ["127.0.0.1"]


DRIPPING = [bytes([byte]) for byte in OK + b"Content-Length: 0\r\nX: " + b"y" * 500]


def slow_cases():
    yield "head", raw_server(*DRIPPING, pause=0.05), "answer", {}
    yield "body", raw_server(OK + b"Content-Length: 500\r\n\r\n", *[b"z"] * 500, pause=0.05), None, {}
    yield "chunks", raw_server(CHUNKED, *[b"1\r\nz\r\n"] * 500, pause=0.05), None, {}
    yield "informational", raw_server(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 500, pause=0.05), "answer", {}
    yield "silence", raw_server(after=3), "answer", {}
    yield "name", "http://hooks.example.com/", "name", {"resolve": slow_resolver}
    yield "handshake", raw_server(*DRIPPING[:0], after=3).replace("http", "https"), "tls", {}


@pytest.mark.parametrize("case", ["head", "body", "chunks", "informational", "silence", "name", "handshake"])
def test_the_deadline_is_one_for_all_of_it_however_the_time_is_spent(case):
    url, stage, changes = {name: rest for name, *rest in slow_cases()}[case]
    answer, seconds = timed(url, **changes)
    # Once the headers are there, the endpoint has answered, and what comes of the body by then is kept.
    assert answer == (HttpResult(status=None, problem=f"timed out: {stage}") if stage else HttpResult(status=200))
    assert stage or (set(answer.answer.body), answer.answer.complete) == ({ord("z")}, False)
    # Each of them goes on for three seconds at least, and a busy machine is late.
    assert SECONDS * 0.9 <= seconds < 3


def test_a_peer_that_takes_nothing_in_does_not_hold_us():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        answer = client(seconds=SECONDS).post(
            f"http://127.0.0.1:{listener.getsockname()[1]}/", HEADERS, b"x" * 30_000_000
        )
        assert answer.problem == "timed out: sending"
        assert time.monotonic() - began < SECONDS + 2.0


# --- addresses ------------------------------------------------------------------------------------------------------


class ChangingDns:
    """DNS whose next answers are given."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host, port):
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def leading_to(receiver, connected):
    """Return a connector that notes where it was to go, and goes to the receiver."""

    def connect(address, port, seconds):
        connected.append((str(address), port))
        return connect_to(ipaddress.ip_address("127.0.0.1"), receiver.port, seconds)

    return connect


def test_dns_that_changes_between_check_and_connect_changes_nothing(tls_receiver, authority, monkeypatch):
    # Given a name that leads to a public address when it is checked, and inside at every later question, and a system
    # that would be asked again if the connection were made by name
    dns, connected = ChangingDns(["8.8.8.8"], ["127.0.0.1"], ["169.254.169.254"]), []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the system was asked for a name"))
    patient = client(
        rules=EndpointRules(), resolve=dns, connect=leading_to(tls_receiver, connected), tls=trusting(authority)
    )

    # When an attempt is made
    assert patient.post("https://hooks.example.com/", HEADERS, BODY) == HttpResult(status=200)

    # Then the name was asked for once, and the connection went to the address that was checked
    assert dns.asked == 1
    assert connected == [("8.8.8.8", 443)]

    # And the next attempt checks the new answer, and connects to nothing
    answer = patient.post("https://hooks.example.com/", HEADERS, BODY)
    assert answer == HttpResult(status=None, problem="address refused: loopback")
    assert dns.asked == 2
    assert len(connected) == 1


def test_one_refused_address_among_public_ones_refuses_them_all(tls_receiver):
    connected = []
    answer = client(
        rules=EndpointRules(),
        resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"],
        connect=leading_to(tls_receiver, connected),
    ).post("https://hooks.example.com/", HEADERS, BODY)
    assert answer == HttpResult(status=None, problem="address refused: private")
    assert connected == []


def test_the_connection_that_is_made_is_to_the_address_itself(receiver):
    # A resolver of our own leads a name to the loopback address; the system knows no such name.
    answer = client(resolve=lambda host, port: ["127.0.0.1"]).post(
        f"http://hooks.example.com:{receiver.port}/", HEADERS, BODY
    )
    assert answer == HttpResult(status=200)
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"


def test_the_next_address_is_tried_when_one_refuses_the_connection(receiver):
    answer = client(resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"]).post(
        f"http://hooks.example.com:{receiver.port}/", HEADERS, BODY
    )
    assert answer == HttpResult(status=200)


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://0x7f.1/", "https://[::1]/", "https://a@b.example.com/"]
)
def test_every_attempt_checks_the_url_again(url):
    answer = HttpClient(rules=EndpointRules(), seconds=5).post(url, HEADERS, BODY)
    assert answer.status is None
    assert answer.problem is not None


# --- TLS ------------------------------------------------------------------------------------------------------------


def over_tls(receiver, tls, host="hooks.example.com"):
    return client(resolve=lambda name, port: ["127.0.0.1"], tls=tls).post(receiver.url(host=host), HEADERS, BODY)


def test_the_certificate_must_be_the_host_s_and_of_an_authority_that_we_trust(tls_receiver, authority):
    assert over_tls(tls_receiver, trusting(authority)) == HttpResult(status=200)
    refused = HttpResult(status=None, problem="certificate refused")
    assert over_tls(tls_receiver, trusting(authority), host="other.example.com") == refused
    assert over_tls(tls_receiver, trusting(authority), host="127.0.0.1") == refused
    assert over_tls(tls_receiver, ssl.create_default_context()) == refused
    assert len(tls_receiver.received) == 1


def test_a_server_that_speaks_no_tls_gets_nothing(receiver, authority):
    answer = client(tls=trusting(authority)).post(receiver.url().replace("http:", "https:"), HEADERS, BODY)
    assert answer.status is None
    assert answer.problem in ("tls failed", "connection closed", "timed out: tls")
    assert receiver.received == []


def test_nobody_listening_and_no_such_name_have_codes_of_their_own():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert client().post(f"http://127.0.0.1:{port}/", HEADERS, BODY).problem == "connection refused"

    def nothing(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    assert client(resolve=nothing).post("http://hooks.example.com/", HEADERS, BODY).problem == "name not found"


def test_a_line_break_in_a_header_never_reaches_the_wire(receiver):
    answer = client().post(receiver.url(), {"x": "a\r\nHost: evil"}, BODY)
    assert answer == HttpResult(status=None, problem="request malformed")
    assert receiver.received == []
