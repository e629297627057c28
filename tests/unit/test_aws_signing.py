"""Requests that ingestion signs itself have, byte for byte, the signature that botocore gives them."""

import string
from datetime import UTC, datetime
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from lambdas.inbound.aws_calls.signing import Credentials, Scope, signed_headers

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
texts = st.text(PRINTABLE, max_size=60)
# Headers that botocore does not sign, or overwrites; ingestion does not send them.
names = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=20).filter(
    lambda name: (
        name
        not in {
            *("host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "date"),
            *("expect", "transfer-encoding", "user-agent", "x-amzn-trace-id", "content-length", "connection"),
            *("accept", "keep-alive", "proxy-authorization", "te", "trailer", "upgrade", "proxy-authenticate"),
            *("x-amz-checksum-sha256",),
        }
    )
)
keys = st.text(string.ascii_letters + string.digits, min_size=16, max_size=40)
secrets = st.text(string.ascii_letters + string.digits + "/+=", min_size=1, max_size=60)
times = st.integers(min_value=0, max_value=4_000_000_000)


def botocore_signature(  # noqa: PLR0917
    auth, monkeypatch, method, url, headers, body, at
):
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    now = datetime.fromtimestamp(at, UTC)
    with monkeypatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None))
        auth.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@given(
    body=st.binary(max_size=500),
    headers=st.dictionaries(names, texts, max_size=5),
    key=keys,
    secret=secrets,
    token=st.none() | secrets,
    at=times,
    service=st.sampled_from(["sqs", "secretsmanager"]),
    region=st.sampled_from(["us-east-1", "cn-north-1", "us-gov-west-1"]),
)
def test_a_json_call_is_signed_as_botocore_signs_it(  # noqa: PLR0917
    monkeypatch_module, body, headers, key, secret, token, at, service, region
):
    host = f"{service}.{region}.amazonaws.com:8443"

    ours = signed_headers(
        "POST",
        "/",
        {"host": host, **headers},
        body,
        credentials=Credentials(key, secret, token),
        scope=Scope(region, service),
        at=at,
    )

    auth = SigV4Auth(BotocoreCredentials(key, secret, token), service, region)
    theirs = botocore_signature(auth, monkeypatch_module, "POST", f"https://{host}/", headers, body, at)
    assert ours["authorization"] == theirs["authorization"]
    assert {name: ours[name] for name in theirs} == theirs
    assert ours.get("x-amz-security-token") == token


@given(
    key=st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable()),
    body=st.binary(max_size=500),
    metadata=texts.map(str.strip),
    token=st.none() | secrets,
    at=times,
)
def test_a_put_to_s3_is_signed_as_botocore_signs_it(  # noqa: PLR0917
    monkeypatch_module, key, body, metadata, token, at
):
    host, path = "bucket.s3.us-east-1.amazonaws.com", "/" + quote(key, safe="/~")
    headers = {"content-type": "text/plain; a=b", "if-none-match": "*", "x-amz-meta-evidence": metadata}

    ours = signed_headers(
        "PUT",
        path,
        {"host": host, **headers},
        body,
        credentials=Credentials("AKIDEXAMPLE", "secret/key", token),
        scope=Scope("us-east-1", "s3"),
        at=at,
    )

    auth = S3SigV4Auth(BotocoreCredentials("AKIDEXAMPLE", "secret/key", token), "s3", "us-east-1")
    theirs = botocore_signature(auth, monkeypatch_module, "PUT", f"https://{host}{path}", headers, body, at)
    assert ours["authorization"] == theirs["authorization"]
    assert ours["x-amz-content-sha256"] == theirs["x-amz-content-sha256"]


def test_the_key_is_made_anew_for_another_day():
    def signed(at):
        return signed_headers(
            "POST",
            "/",
            {"host": "h"},
            b"",
            credentials=Credentials("a", "b"),
            scope=Scope("us-east-1", "sqs"),
            at=at,
        )["authorization"]

    midnight = 1_790_035_200
    assert "Credential=a/20260921/us-east-1/sqs/" in signed(midnight - 1)
    assert "Credential=a/20260922/us-east-1/sqs/" in signed(midnight)


def test_credentials_do_not_show_what_they_sign_with():
    assert "wJalr" not in f"{Credentials('AKID', 'wJalr', 'wJalr-token')!r} {Credentials('AKID', 'wJalr')}"
