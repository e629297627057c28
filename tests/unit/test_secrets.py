"""Signing secrets: how their values are read, how long they are kept, and what happens when they cannot be had."""

import json
from dataclasses import dataclass, field

import pytest

from lambdas.inbound.aws_calls.errors import AwsError, AwsRefusedError, AwsUnreachableError
from lambdas.inbound.secrets import (
    CACHE_SECONDS,
    OUTAGE_SECONDS,
    RECHECK_SECONDS,
    RETRY_SECONDS,
    SecretStore,
    parse_secret,
)
from lambdas.shared.errors import UnavailableError

ARNS = {"stripe": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:stripe", "github": "arn:github"}


@dataclass
class StubSecretsManager:
    """A stub, because neither an outage nor a secret without a version can be provoked in Secrets Manager.

    Answers are given out one by one, and the last one again and again.
    """

    answers: list
    asked: list = field(default_factory=list)

    def get_secret_value(self, *, SecretId):  # noqa: N803 - the client's own spelling
        self.asked.append(SecretId)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self):
        return self.now


def text(value):
    return {"SecretString": value}


def aws_error(code):
    return AwsRefusedError("GetSecretValue", 400, code)


def store(*answers):
    client, clock = StubSecretsManager(list(answers)), Clock()
    return SecretStore(client, ARNS, clock), client, clock


def reason(subject, provider="stripe", **options):
    with pytest.raises(UnavailableError) as refusal:
        subject.get(provider, **options)
    assert refusal.value.status == 503
    return refusal.value.reason


# --- values ---------------------------------------------------------------------------------------------------------

VALUES = {
    "plain text": ("whsec_abc", ["whsec_abc"]),
    "plain text with a newline": ("whsec_abc\n", ["whsec_abc"]),
    "plain text with blanks around": ("  whsec_abc\t", ["whsec_abc"]),
    "plain text with blanks inside": ("It's a Secret to Everybody", ["It's a Secret to Everybody"]),
    "plain text not ASCII": ("gehëim", ["gehëim"]),
    "plain text that is a number": ("12345", ["12345"]),
    "JSON array": ('["a","b"]', ["a", "b"]),
    "JSON text": ('"a"', ["a"]),
    "JSON object with a text": ('{"secrets":"new"}', ["new"]),
    "byte order mark": ("\ufeffwhsec_abc", ["whsec_abc"]),
    "byte order mark before JSON": ('\ufeff{"secrets":["a"]}', ["a"]),
    "byte order mark behind a blank": (' \ufeff\n["a"]', ["a"]),
    "byte order mark in JSON": ('{"secrets":["\\ufeffa"]}', ["a"]),
    "newline in JSON": ('{"secrets":["key\\n"]}', ["key"]),
    "JSON null": ("null", ["null"]),
    "one secret": ('{"secrets":["new"]}', ["new"]),
    "two secrets, the newest first": ('{"secrets":["new","old"]}', ["new", "old"]),
    "JSON with blanks around": (' {"secrets": ["new"]}\n', ["new"]),
    "JSON with other fields": ('{"secrets":["new"],"rotatedAt":"2026"}', ["new"]),
    "a secret with blanks in JSON": ('{"secrets":[" a "]}', ["a"]),
}


@pytest.mark.parametrize(("value", "secrets"), VALUES.values(), ids=VALUES.keys())
def test_a_value_holds_one_secret_or_several(value, secrets):
    assert list(parse_secret(value)) == secrets


REFUSED = {
    "empty": ("", "secret_missing"),
    "blanks": (" \n", "secret_missing"),
    "no secret in the list": ('{"secrets":[]}', "secret_missing"),
    "empty secret": ('{"secrets":[""]}', "secret_missing"),
    "empty secret behind a good one": ('{"secrets":["new",""]}', "secret_missing"),
    "null in the list": ('{"secrets":["new",null]}', "secret_missing"),
    "number in the list": ('{"secrets":[1]}', "secret_missing"),
    "list in the list": ('{"secrets":[["new"]]}', "secret_missing"),
    "empty text": ('""', "secret_missing"),
    "empty array": ("[]", "secret_missing"),
    "null instead of a list": ('{"secrets":null}', "secret_missing"),
    "object instead of a list": ('{"secrets":{"new":1}}', "secret_missing"),
    "no list": ("{}", "secret_unusable"),
    "list under another name": ('{"secret":["new"]}', "secret_unusable"),
    "cut off": ('{"secrets":["new"', "secret_unusable"),
    "text that begins like JSON": ("{new", "secret_unusable"),
    "array that is cut off": ('["new', "secret_unusable"),
    "quoted text that is cut off": ('"new', "secret_unusable"),
    # 65,536 bytes is as long as a value can be.
    "deep": ('{"secrets":' + "[" * 65_000, "secret_unusable"),
    "number of 5,000 digits": ('{"secrets":' + "9" * 5_000 + "}", "secret_unusable"),
}


@pytest.mark.parametrize(("value", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_without_a_usable_secret_is_unavailable(value, expected):
    with pytest.raises(UnavailableError) as refusal:
        parse_secret(value)

    assert (refusal.value.status, refusal.value.reason) == (503, expected)


def test_a_secret_of_nothing_but_blanks_in_json_is_as_missing_as_in_plain_text():
    with pytest.raises(UnavailableError) as refusal:
        parse_secret('{"secrets":["   "]}')

    assert refusal.value.reason == "secret_missing"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [({}, "secret_missing"), ({"SecretBinary": b"whsec_abc"}, "secret_missing"), (text(""), "secret_missing")],
    ids=["no value", "binary value", "empty value"],
)
def test_an_answer_without_text_is_a_missing_secret(answer, expected):
    subject, _, _ = store(answer)

    assert reason(subject) == expected


# --- failures -------------------------------------------------------------------------------------------------------

FAILURES = {
    # The stack makes a secret without a version; the operator puts the first one in.
    "no version yet": (aws_error("ResourceNotFoundException"), "secret_missing"),
    "marked for deletion": (aws_error("InvalidRequestException"), "secrets_unavailable"),
    "not allowed": (aws_error("AccessDeniedException"), "secrets_unavailable"),
    "key disabled": (aws_error("DecryptionFailure"), "secrets_unavailable"),
    "throttled": (aws_error("ThrottlingException"), "secrets_unavailable"),
    "down": (aws_error("InternalServiceError"), "secrets_unavailable"),
    "no answer": (AwsUnreachableError("GetSecretValue", "timed out"), "secrets_unavailable"),
    "no credentials": (AwsError("GetSecretValue", "no credentials"), "secrets_unavailable"),
}


@pytest.mark.parametrize(("failure", "expected"), FAILURES.values(), ids=FAILURES.keys())
def test_a_secret_that_cannot_be_had_is_unavailable_and_never_empty(failure, expected):
    subject, _, _ = store(failure)

    assert reason(subject) == expected


@pytest.mark.parametrize(("failure", "expected"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_remembered_for_an_interval(failure, expected):
    subject, client, clock = store(failure, text("whsec_abc"))
    interval = RETRY_SECONDS if expected == "secrets_unavailable" else RECHECK_SECONDS

    assert {reason(subject) for _ in range(1_000)} == {expected}
    clock.now += interval - 0.001
    assert reason(subject) == expected
    assert len(client.asked) == 1
    clock.now += 0.001
    assert list(subject.get("stripe")) == ["whsec_abc"]


def test_an_empty_secret_is_looked_up_once_an_interval():
    subject, client, clock = store(text(""))

    for _ in range(3):
        assert {reason(subject) for _ in range(1_000)} == {"secret_missing"}
        clock.now += RECHECK_SECONDS

    assert len(client.asked) == 3


def test_one_failure_turns_nobody_away_while_the_cached_secret_is_good():
    subject, client, clock = store(text("old"), aws_error("InternalServiceError"), text("new"))
    subject.get("stripe")

    clock.now += CACHE_SECONDS - 1
    assert reason(subject, max_age=RECHECK_SECONDS) == "secrets_unavailable"
    clock.now += 1
    assert list(subject.get("stripe")) == ["old"]
    clock.now += RETRY_SECONDS
    assert list(subject.get("stripe")) == ["new"]
    assert len(client.asked) == 3


def test_an_outage_stretches_the_life_of_a_cached_secret_to_ten_minutes():
    # It may have been retired meanwhile.
    subject, _, clock = store(text("old"), aws_error("InternalServiceError"))
    subject.get("stripe")

    clock.now += OUTAGE_SECONDS - 1
    assert list(subject.get("stripe")) == ["old"]
    clock.now += 1
    assert reason(subject) == "secrets_unavailable"


@pytest.mark.parametrize("answer", [text(""), aws_error("ResourceNotFoundException")], ids=["emptied", "deleted"])
def test_a_secret_that_was_taken_away_does_not_serve_from_the_cache(answer):
    subject, _, clock = store(text("old"), answer)
    subject.get("stripe")

    clock.now += CACHE_SECONDS

    assert reason(subject) == "secret_missing"


def test_an_outage_while_rechecking_leaves_the_cached_secret_in_use():
    subject, _, clock = store(text("old"), aws_error("InternalServiceError"))
    subject.get("stripe")
    clock.now += RECHECK_SECONDS

    assert reason(subject, max_age=RECHECK_SECONDS) == "secrets_unavailable"
    assert list(subject.get("stripe")) == ["old"]


# --- the cache ------------------------------------------------------------------------------------------------------

# How long after the first reading, asked for how fresh a secret, and whether Secrets Manager is asked again.
AGES = [
    (0, CACHE_SECONDS, "old"),
    (CACHE_SECONDS - 0.001, CACHE_SECONDS, "old"),
    (CACHE_SECONDS, CACHE_SECONDS, "new"),
    (10 * CACHE_SECONDS, CACHE_SECONDS, "new"),
    (RECHECK_SECONDS - 0.001, RECHECK_SECONDS, "old"),
    (RECHECK_SECONDS, RECHECK_SECONDS, "new"),
    (0, RECHECK_SECONDS, "old"),
]


@pytest.mark.parametrize(("age", "max_age", "expected"), AGES)
def test_a_secret_is_read_again_when_it_is_older_than_asked_for(age, max_age, expected):
    subject, client, clock = store(text("old"), text("new"))
    subject.get("stripe")

    clock.now += age

    assert list(subject.get("stripe", max_age=max_age)) == [expected]
    assert len(client.asked) == (1 if expected == "old" else 2)


def test_a_recheck_renews_the_life_of_the_cache():
    subject, client, clock = store(text("old"), text("new"), text("newest"))
    subject.get("stripe")
    clock.now += RECHECK_SECONDS
    subject.get("stripe", max_age=RECHECK_SECONDS)

    clock.now += CACHE_SECONDS - 1
    assert list(subject.get("stripe")) == ["new"]
    clock.now += 1
    assert list(subject.get("stripe")) == ["newest"]
    assert len(client.asked) == 3


def test_providers_have_secrets_and_ages_of_their_own():
    subject, client, clock = store(text("one"), text("two"), text("three"))
    subject.get("stripe")
    clock.now += CACHE_SECONDS - 1
    subject.get("github")
    clock.now += 1

    assert list(subject.get("stripe")) == ["three"]
    assert list(subject.get("github")) == ["two"]
    assert client.asked == [ARNS["stripe"], ARNS["github"], ARNS["stripe"]]


def test_a_rotation_is_seen_as_a_whole():
    both = json.dumps({"secrets": ["new", "old"]})
    subject, _, clock = store(text("old"), text(both), text("new"))

    seen = []
    for _ in range(3):
        seen.append(list(subject.get("stripe")))
        clock.now += CACHE_SECONDS

    assert seen == [["old"], ["new", "old"], ["new"]]
