"""Whose calls ingestion's are: the environment's credentials, or a container's, which are renewed in time."""

import json
from datetime import datetime

import pytest

from lambdas.inbound.aws_calls import connection, credentials
from lambdas.inbound.aws_calls.credentials import (
    RENEW_BEFORE_SECONDS,
    RETRY_RENEWAL_SECONDS,
    NoCredentialsError,
    RoleCredentials,
)
from lambdas.inbound.aws_calls.signing import Credentials
from tests.unit.scripted_host import CLOSE, SILENCE, ScriptedHost, answer

NOW = 1_790_000_000.0
END = "2026-09-21T15:13:20Z"
ENDS = datetime.fromisoformat(END).timestamp()


class Clock:
    now = NOW

    def __call__(self):
        return self.now


def given(key, end=END, **changes):
    fields = {"AccessKeyId": key, "SecretAccessKey": "wJalr", "Token": "t", "Expiration": end} | changes
    return answer(body=json.dumps({name: value for name, value in fields.items() if value is not None}).encode())


@pytest.fixture
def container(monkeypatch):
    monkeypatch.setattr(connection, "READ_SECONDS", 0.25)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedHost().running() as host:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{host.url}/v1/credentials?x=1")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-the-container")
        yield host


def test_the_environments_credentials_come_first(container, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")

    assert RoleCredentials().get() == Credentials("AKID", "s", None)
    assert container.requests == []


def test_a_container_is_asked_once_with_its_token(container):
    container.then(given("AKID1"))
    subject = RoleCredentials(Clock())

    assert subject.get() == subject.get() == Credentials("AKID1", "wJalr", "t")

    [request] = container.requests
    assert request.line == "GET /v1/credentials?x=1 HTTP/1.1"
    assert request.headers["authorization"] == "token-of-the-container"


def test_credentials_are_renewed_before_they_end(container):
    container.then(given("AKID1")).then(given("AKID2", "2026-09-21T16:13:20Z"))
    clock = Clock()
    subject = RoleCredentials(clock)

    keys = []
    for moment in (NOW, ENDS - RENEW_BEFORE_SECONDS - 1, ENDS - RENEW_BEFORE_SECONDS, ENDS + 1):
        clock.now = moment
        keys.append(subject.get().access_key)

    assert keys == ["AKID1", "AKID1", "AKID2", "AKID2"]
    assert len(container.requests) == 2


UNUSABLE = {
    "closed": (CLOSE,),
    "silent": (SILENCE,),
    "refused": (answer(500, b"wJalr"),),
    "no JSON": (answer(200, b"wJalr"),),
    "a list": (answer(200, b"[]"),),
    "no key": (given(None),),
    "no end": (given("AKID", None),),
    "an end that is no time": (given("AKID", "soon"),),
    "an end that is past": (given("AKID", "2020-01-01T00:00:00Z"),),
}


@pytest.mark.parametrize("steps", UNUSABLE.values(), ids=UNUSABLE)
def test_wrong_credentials_are_an_error_without_the_response(container, steps):
    container.then(*steps)

    with pytest.raises(NoCredentialsError) as failure:
        RoleCredentials(Clock()).get()

    assert "wJalr" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_while_a_renewal_fails_the_old_ones_are_used_to_their_end(container):
    container.then(given("AKID1")).then(answer(500)).then(answer(500)).then(answer(500))
    clock = Clock()
    subject = RoleCredentials(clock)
    subject.get()

    # Each webhook of the last minutes would otherwise wait for a failing renewal.
    clock.now = ENDS - RENEW_BEFORE_SECONDS
    assert [subject.get().access_key for _ in range(5)] == ["AKID1"] * 5
    assert len(container.requests) == 2
    clock.now += RETRY_RENEWAL_SECONDS
    assert subject.get().access_key == "AKID1"
    assert len(container.requests) == 3

    clock.now = ENDS
    with pytest.raises(NoCredentialsError):
        subject.get()


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/credentials",
        "https://127.0.0.1/credentials",
        "http://127.0.0.1.example.com/",
        "ftp://127.0.0.1/",
        "http://user@example.com/",
        "",
    ],
)
def test_the_token_goes_to_no_other_host(container, monkeypatch, address):
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
    called = []
    monkeypatch.setattr(credentials, "Host", lambda *arguments: called.append(arguments))

    with pytest.raises(NoCredentialsError):
        RoleCredentials(Clock()).get()
    assert called == []
