"""Ingestion's calls to AWS, against a host with bad responses: what is retried, and what an error contains."""

import json
import select
import socket
from types import SimpleNamespace

import pytest
from botocore.retries import standard

from lambdas.inbound.aws_calls import caller as calling
from lambdas.inbound.aws_calls import connection, retries
from lambdas.inbound.aws_calls.caller import Caller
from lambdas.inbound.aws_calls.connection import MAX_RESPONSE_BYTES, Host
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.errors import AwsError, AwsRefusedError, AwsUnreachableError
from lambdas.inbound.aws_calls.retries import RetryQuota
from lambdas.inbound.aws_calls.services import S3, SecretsManager, Sqs
from lambdas.inbound.aws_calls.signing import Scope
from lambdas.shared.errors import describe
from tests.unit.scripted_host import CLOSE, RESET, SILENCE, ScriptedHost, answer

SENT = answer(body=b'{"MessageId":"m"}')
AFTER_STATUS = SENT.partition(b"\r\n")[2]


PATIENCE_SECONDS = 10.0


@pytest.fixture
def environment(monkeypatch):
    for name in ("AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_SQS", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalr",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connection, "READ_SECONDS", PATIENCE_SECONDS)
    return monkeypatch


@pytest.fixture
def host(environment):
    with ScriptedHost().running() as running:
        environment.setenv("AWS_ENDPOINT_URL", running.url)
        yield running


@pytest.fixture
def waits(monkeypatch):
    """The waits between attempts, which take no time here; each is as long as it may be."""
    waited = []
    monkeypatch.setattr(retries.random, "random", lambda: 1.0)
    monkeypatch.setattr(Caller.__init__, "__defaults__", (waited.append,))
    return waited


def send():
    return Sqs(RoleCredentials()).send_message(QueueUrl="https://q", MessageBody="b", MessageGroupId="g")


def connections(host):
    return [request.connection for request in host.requests]


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_a_message_is_sent_in_one_signed_request(host, waits):
    host.then(SENT)

    assert send() == {"MessageId": "m"}

    [request] = host.requests
    assert request.line == "POST / HTTP/1.1"
    assert request.headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert request.headers["content-type"] == "application/x-amz-json-1.0"
    assert request.headers["host"] == f"127.0.0.1:{host.port}"
    assert "/us-east-1/sqs/aws4_request" in request.headers["authorization"]
    assert json.loads(request.body) == {"QueueUrl": "https://q", "MessageBody": "b", "MessageGroupId": "g"}


def test_text_beyond_ascii_arrives_as_it_is(host, waits):
    host.then(SENT)

    Sqs(RoleCredentials()).send_message(QueueUrl="https://q", MessageBody='é"\\\x00\U0001f600', MessageGroupId="g")

    assert json.loads(host.requests[0].body)["MessageBody"] == 'é"\\\x00\U0001f600'


def test_a_session_token_is_sent_and_signed(host, waits, environment):
    environment.setenv("AWS_SESSION_TOKEN", "token==")
    host.then(SENT)

    send()

    assert host.requests[0].headers["x-amz-security-token"] == "token=="
    assert "x-amz-security-token" in host.requests[0].headers["authorization"].split("SignedHeaders=")[1]


def test_credentials_are_those_of_the_environment_at_each_call(host, waits, environment):
    host.then(SENT).then(SENT)
    sqs = Sqs(RoleCredentials())

    sqs.send_message(MessageBody="1")
    environment.setenv("AWS_ACCESS_KEY_ID", "AKIDRENEWED")
    sqs.send_message(MessageBody="2")

    signers = [one.headers["authorization"].split("Credential=")[1].split("/")[0] for one in host.requests]
    assert signers == ["AKIDEXAMPLE", "AKIDRENEWED"]


@pytest.mark.parametrize("value", ["a\r\nx-amz-acl: public-read", "a\nb", "a\x00b", "é"])
def test_a_header_that_would_be_two_is_not_sent(host, waits, value):
    with pytest.raises(ValueError, match="cannot be sent"):
        S3(RoleCredentials(), "bucket").put_object(
            Bucket="bucket", Key="k", Body=b"", ContentType=value, Metadata={}, IfNoneMatch="*"
        )
    assert host.requests == []


def test_an_object_goes_to_its_bucket_once_and_with_its_metadata(host, waits):
    host.then(answer(200, b""))

    S3(RoleCredentials(), "bucket").put_object(
        Bucket="bucket",
        Key="raw/stripe/evt 1/é",
        Body=b"\x00\xff",
        ContentType="text/plain",
        Metadata={"evidence": "e"},
        IfNoneMatch="*",
    )

    [request] = host.requests
    assert request.line == "PUT /bucket/raw/stripe/evt%201/%C3%A9 HTTP/1.1"
    assert request.body == b"\x00\xff"
    assert request.headers["if-none-match"] == "*"
    assert request.headers["x-amz-meta-evidence"] == "e"
    assert "if-none-match" in request.headers["authorization"]


# --- connections ----------------------------------------------------------------------------------------------------


def test_a_connection_is_kept_and_used_again(host, waits):
    host.then(SENT).then(SENT).then(SENT)
    sqs = Sqs(RoleCredentials())

    for _ in range(3):
        sqs.send_message(MessageBody="b")

    assert connections(host) == [0, 0, 0]


def test_a_connection_that_was_closed_while_idle_is_not_used_again(host, waits):
    host.then(SENT, CLOSE).then(SENT)
    sqs = Sqs(RoleCredentials())

    sqs.send_message(MessageBody="1")
    assert host.ended.wait(5)
    _until_readable(sqs)
    sqs.send_message(MessageBody="2")

    # No attempt was spent on the dead one.
    assert connections(host) == [0, 1]
    assert waits == []


def _until_readable(sqs):
    [idle] = sqs._caller._host._idle
    assert select.select([idle._socket], [], [], 5)[0]


@pytest.mark.parametrize("end", [CLOSE, RESET], ids=["closed", "reset"])
def test_a_connection_that_ends_just_as_it_is_used_is_tried_again_on_a_new_one(host, waits, end):
    host.then(SENT).then(end).then(SENT)
    sqs = Sqs(RoleCredentials())

    sqs.send_message(MessageBody="1")
    assert sqs.send_message(MessageBody="2") == {"MessageId": "m"}

    assert connections(host) == [0, 0, 1]


@pytest.mark.parametrize(
    "last",
    [
        answer(body=b'{"MessageId":"m"}', Connection="close"),
        b'HTTP/1.0 200 OK\r\nContent-Length: 17\r\n\r\n{"MessageId":"m"}',
    ],
    ids=["Connection: close", "HTTP/1.0"],
)
def test_a_connection_that_the_host_will_close_is_not_kept(host, waits, last):
    host.then(last).then(SENT)
    sqs = Sqs(RoleCredentials())

    sqs.send_message(MessageBody="1")
    sqs.send_message(MessageBody="2")

    assert connections(host) == [0, 1]


def test_data_behind_a_response_is_not_read_as_the_next_one(host, waits):
    host.then(SENT + answer(body=b'{"MessageId":"smuggled"}')).then(SENT)
    sqs = Sqs(RoleCredentials())

    assert sqs.send_message(MessageBody="1") == sqs.send_message(MessageBody="2") == {"MessageId": "m"}
    assert connections(host) == [0, 1]


ODD_BUT_GOOD = {
    "chunked": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"Mes\r\nC;x=y\r\nsageId":"m"}\r\n0\r\n\r\n',
    "with a trailer": (
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n11\r\n{"MessageId":"m"}\r\n0\r\nT: u\r\n\r\n'
    ),
    "after an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n" + SENT,
    "without a reason": SENT.replace(b" Said", b" "),
}


@pytest.mark.parametrize("odd", ODD_BUT_GOOD.values(), ids=ODD_BUT_GOOD)
def test_a_response_in_any_form_of_http_is_read_and_its_connection_kept(host, waits, odd):
    host.then(odd).then(SENT)
    sqs = Sqs(RoleCredentials())

    assert sqs.send_message(MessageBody="1") == sqs.send_message(MessageBody="2") == {"MessageId": "m"}
    assert connections(host) == [0, 0]


def test_a_response_without_a_length_ends_with_its_connection(host, waits):
    host.then(b'HTTP/1.1 200 OK\r\n\r\n{"MessageId":"m"}', CLOSE)

    assert send() == {"MessageId": "m"}


NO_RESPONSE = {
    "closed": (CLOSE,),
    "reset": (RESET,),
    "silent": (SILENCE,),
    "half a status line": (b"HTTP/1.1 20", CLOSE),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-Le", CLOSE),
    "half a body": (SENT[:-3], CLOSE),
    "half a body, then silent": (SENT[:-3], SILENCE),
    "half a chunk": (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{"Mess', CLOSE),
    "chunks without an end": (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{"MessageId":"m"}\r\n',
        CLOSE,
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", CLOSE),
    "not a length": (b'HTTP/1.1 200 OK\r\nContent-Length: -17\r\n\r\n{"MessageId":"m"}', SILENCE),
    "a length in other digits": (b'HTTP/1.1 200 OK\r\nContent-Length: 1_7\r\n\r\n{"MessageId":"m"}', SILENCE),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 17\r\n\r\n{}", SILENCE),
    "an unknown coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", SILENCE),
    "too long": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_RESPONSE_BYTES + 1), SILENCE),
    "a status line too long": (b"HTTP/1.1 200 " + b"x" * 20_000, SILENCE),
    "a header too long": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, SILENCE),
    "too many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, SILENCE),
    "too many headers with an end": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 + AFTER_STATUS, SILENCE),
    "headers too long with an end": (
        b"HTTP/1.1 200 OK\r\n" + b"X: %s\r\n" % (b"x" * 1_000) * 20 + AFTER_STATUS,
        SILENCE,
    ),
    "interim answers without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, SILENCE),
    "a header without a name": (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", SILENCE),
}


def soon_out_of_patience(environment, steps):
    """Give a host that says nothing more a quarter of a second; wait for any other, however busy the machine is."""
    if SILENCE in steps:
        environment.setattr(connection, "READ_SECONDS", 0.25)


@pytest.mark.parametrize("steps", NO_RESPONSE.values(), ids=NO_RESPONSE)
def test_an_incomplete_response_is_retried_twice_and_then_an_error(host, environment, waits, steps):
    soon_out_of_patience(environment, steps)
    host.then(*steps).then(*steps).then(*steps)

    with pytest.raises(AwsUnreachableError) as failure:
        send()

    assert len(host.received(3)) == 3
    assert waits == [0.05, 0.1]
    assert describe(failure.value) == "AwsUnreachableError"


@pytest.mark.parametrize("steps", NO_RESPONSE.values(), ids=NO_RESPONSE)
def test_a_call_that_succeeds_at_the_last_attempt_has_succeeded(host, environment, waits, steps):
    soon_out_of_patience(environment, steps)
    host.then(*steps).then(*steps).then(SENT)

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            environment.setattr(connection, "READ_SECONDS", PATIENCE_SECONDS)

    environment.setattr(Caller.__init__, "__defaults__", (wait,))

    assert send() == {"MessageId": "m"}


def test_a_refused_connection_is_an_error(environment, waits):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")

    with pytest.raises(AwsUnreachableError, match="SendMessage: ConnectionRefusedError"):
        send()
    assert len(waits) == 2


def test_a_host_that_accepts_no_connection_in_time_is_an_error(environment, waits):
    environment.setattr(connection, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as filler:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        # The backlog is full, and further connections are not taken.
        with socket.socket() as another:
            another.setblocking(False)
            another.connect_ex(listener.getsockname())
            environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
            with pytest.raises(AwsUnreachableError, match="timed out"):
                send()
    assert len(waits) == 2


# --- errors ---------------------------------------------------------------------------------------------------------

ERRORS = {
    "JSON": (answer(400, b'{"__type":"com.amazonaws.sqs#OverLimit","message":"4242"}'), "OverLimit"),
    "JSON without a namespace": (answer(400, b'{"__type":"AccessDeniedException"}'), "AccessDeniedException"),
    "JSON with an address": (answer(400, b'{"__type":"ValidationException:http://x/"}'), "ValidationException"),
    "a code": (answer(400, b'{"code":"Odd"}'), "Odd"),
    "the header": (answer(400, b"", x_amzn_errortype="ns#Gone:http://x"), "Gone"),
    "the older name": (
        answer(
            400,
            b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}',
            x_amzn_query_error="AWS.SimpleQueueService.NonExistentQueue;Sender",
        ),
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    "XML": (
        answer(412, b"<Error><Code>PreconditionFailed</Code><Message>4242</Message></Error>"),
        "PreconditionFailed",
    ),
    "nothing": (answer(403, b""), "403"),
    "no JSON": (answer(404, b"<html>4242</html>"), "404"),
    "JSON of another kind": (answer(404, b'["4242"]'), "404"),
    "a code that is no text": (answer(404, b'{"__type":{"a":4242}}'), "404"),
    "a code that says too much": (answer(404, b'{"__type":"card 4242 4242"}'), "404"),
}


@pytest.mark.parametrize(("said", "code"), ERRORS.values(), ids=ERRORS)
def test_an_error_has_aws_code_and_nothing_else_of_the_response(host, waits, said, code):
    host.then(said)

    with pytest.raises(AwsRefusedError) as refusal:
        send()

    assert refusal.value.code == code
    assert describe(refusal.value) == f"SendMessage: {code}"
    assert "4242" not in f"{refusal.value!r} {refusal.value}"
    assert len(host.requests) == 1
    assert waits == []


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 403, 404, 409, 412, 413, 429, *range(500, 512), 599])
@pytest.mark.parametrize("code", ["", "SlowDown", "RequestTimeout", "Throttling", "AccessDenied", "InternalError"])
def test_what_is_tried_again_is_what_botocore_tries_again(status, code):
    context = standard.RetryContext(
        attempt_number=1,
        operation_model=None,
        parsed_response={"Error": {"Code": code}},
        http_response=SimpleNamespace(status_code=status, headers={}),
        request_context={},
    )
    transient = standard.TransientRetryableChecker().is_retryable(context)
    throttled = standard.ThrottledRetryableChecker().is_retryable(context)
    # botocore goes by this status from 1.44 on.
    by_status = status == 429

    error = AwsRefusedError("Call", status, code)

    assert retries.is_retryable(error) is (transient or throttled or by_status)
    assert retries.is_throttling(error) is (throttled or by_status)


def test_the_codes_and_prices_are_botocores():
    assert set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES) == retries.THROTTLING_CODES
    assert set(standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES) == retries.TRANSIENT_CODES
    # Those of its second version, which 1.44 makes the only one.
    assert standard.RetryQuotaChecker._RETRY_COST_V2 == RetryQuota.COST
    assert standard.RetryQuotaChecker._THROTTLING_RETRY_COST == RetryQuota.THROTTLING_COST


def test_throttling_makes_the_waits_longer(host, waits):
    slow = answer(400, b'{"__type":"ThrottlingException"}')
    host.then(slow).then(slow).then(SENT)

    assert send() == {"MessageId": "m"}
    assert waits == [1.0, 2.0]


def test_every_attempt_is_signed_for_its_own_time(host, waits, monkeypatch):
    times = iter([1_790_000_000.0, 1_790_000_700.0])
    monkeypatch.setattr(calling.time, "time", lambda: next(times))
    host.then(answer(503)).then(SENT)

    send()

    first, second = (request.headers["x-amz-date"] for request in host.requests)
    assert first < second


def test_a_process_that_has_failed_too_often_fails_at_once_until_calls_succeed(environment, waits):
    with ScriptedHost().running() as host:
        caller = Caller(host.url, Scope("us-east-1", "sqs"), RoleCredentials(), waits.append)

        def call():
            caller.call("SendMessage", "POST", "/", {}, b"")

        # Given an outage, in which retries are paid for until nothing is left
        affordable = RetryQuota.CAPACITY // RetryQuota.COST
        host.script = [(answer(503),)] * (3 * affordable)
        for _ in range(affordable):
            with pytest.raises(AwsRefusedError):
                call()
        assert len(waits) == affordable

        # Then a call is made once
        asked = len(host.requests)
        with pytest.raises(AwsRefusedError):
            call()
        assert len(host.requests) == asked + 1

        # And when as many calls have succeeded as a retry costs, one can be paid for
        host.script = [(SENT,)] * RetryQuota.COST + [(answer(503),), (SENT,)]
        for _ in range(RetryQuota.COST + 1):
            call()
        assert len(waits) == affordable + 1


NOT_DURABLE = {
    "no JSON": b"<html>",
    "cut JSON": b'{"MessageId":',
    "no id": b"{}",
    "an empty id": b'{"MessageId":""}',
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NOT_DURABLE.values(), ids=NOT_DURABLE)
def test_a_2xx_without_the_messages_id_is_no_success(host, waits, body):
    host.then(answer(200, body))

    with pytest.raises(AwsUnreachableError):
        send()


def test_a_secret_is_read(host, waits):
    host.then(answer(body=b'{"SecretString":"s","VersionId":"v"}'))

    assert SecretsManager(RoleCredentials()).get_secret_value(SecretId="arn")["SecretString"] == "s"
    assert host.requests[0].headers["x-amz-target"] == "secretsmanager.GetSecretValue"


def test_a_redirect_is_not_followed(host, waits):
    host.then(answer(307, b"", Location="http://127.0.0.1:1/"))

    with pytest.raises(AwsRefusedError, match="307"):
        send()
    assert len(host.requests) == 1


def test_without_credentials_nothing_is_sent_and_nothing_tried_again(host, waits, environment):
    environment.delenv("AWS_ACCESS_KEY_ID")

    with pytest.raises(AwsError) as failure:
        send()

    assert not isinstance(failure.value, AwsUnreachableError)
    assert host.requests == []
    assert waits == []


def test_a_wait_is_of_any_length_up_to_the_longest():
    error = AwsUnreachableError("Call", "timed out")

    waited = {retries.backoff(error, 2) for _ in range(200)}

    assert len(waited) > 100
    assert 0 <= min(waited) < 0.02
    assert 0.08 < max(waited) <= 0.1


def test_the_longest_call_ends_before_api_gateway_gives_up():
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html, integration time-out
    attempts = retries.MAX_ATTEMPTS * (connection.CONNECT_SECONDS + connection.READ_SECONDS)
    longest = attempts + retries.THROTTLING_BACKOFF_SECONDS * (1 + 2)

    assert longest < 29


def test_two_calls_at_once_have_two_connections(host, waits):
    # One connection for both would give one's answer to the other.
    shared = Host(host.url)

    first, second = shared._take(), shared._take()

    assert first is not second
    first.close()
    second.close()
