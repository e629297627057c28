"""Whom ingestion's calls to AWS trust, against hosts with certificates of their own."""

import ssl
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import certifi
import pytest
import trustme

from lambdas.inbound.aws_calls import trust
from lambdas.inbound.aws_calls.connection import Host
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.errors import AwsUnreachableError
from lambdas.inbound.aws_calls.services import Sqs
from tests.unit.scripted_host import ScriptedHost, answer

AMAZON_TRUST_SERVICES = {
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
}


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """Return what makes an authority one of Amazon's, of the system's, or the one in AWS_CA_BUNDLE."""

    def file(name, *authorities):
        path = tmp_path / f"{name}.pem"
        path.write_bytes(b"".join(authority.cert_pem.bytes() for authority in authorities))
        return path

    def trusting(amazon, system, bundle=None):
        monkeypatch.setattr(trust, "AMAZON", file("amazon", amazon))
        monkeypatch.setenv("SSL_CERT_FILE", str(file("system", system)))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
        if bundle is None:
            monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        else:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(file("bundle", bundle)))

    trust.narrow.cache_clear()
    trust.wide.cache_clear()
    yield trusting
    trust.narrow.cache_clear()
    trust.wide.cache_clear()


@pytest.fixture
def amazon():
    return trustme.CA()


@pytest.fixture
def other():
    return trustme.CA()


def running(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return ScriptedHost(tls=context).running()


def call(host):
    return host.exchange("GET", "/", {"host": host.name})


def test_a_host_that_amazon_vouches_for_is_called_without_reading_the_system_s_authorities(trusted, amazon, other):
    trusted(amazon=amazon, system=other)
    with running(amazon.issue_cert("127.0.0.1")) as there:
        there.then(answer(200))

        assert call(Host(there.url)).status == 200

    assert trust.wide.cache_info().currsize == 0
    assert [request.connection for request in there.requests] == [0]


def test_a_host_that_the_system_vouches_for_is_called_and_known_for_one_from_then_on(trusted, amazon, other):
    trusted(amazon=amazon, system=other)
    with running(other.issue_cert("127.0.0.1")) as there:
        there.then(answer(200, connection="close")).then(answer(200))
        host = Host(there.url)

        assert [call(host).status, call(host).status] == [200, 200]

    # The first connection of all ended before a request was made.
    assert [request.connection for request in there.requests] == [1, 2]


@pytest.mark.parametrize(
    "certificate",
    [lambda amazon: amazon.issue_cert("127.0.0.2"), lambda amazon: trustme.CA().issue_cert("127.0.0.1")],
    ids=["another's name", "another authority"],
)
@pytest.mark.parametrize("bundle", [False, True], ids=["", "AWS_CA_BUNDLE"])
def test_a_host_that_cannot_prove_its_name_gets_no_request(trusted, amazon, other, certificate, bundle):
    trusted(amazon=amazon, system=other, bundle=amazon if bundle else None)
    with running(certificate(amazon)) as there:
        host = Host(there.url)
        for _ in range(2):
            with pytest.raises(ssl.SSLCertVerificationError):
                call(host)

    assert there.requests == []


def test_a_call_to_a_host_that_cannot_prove_its_name_tells_why(trusted, amazon, other, monkeypatch):
    trusted(amazon=amazon, system=other)
    for name, value in {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS", raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with running(trustme.CA().issue_cert("127.0.0.1")) as there:
        monkeypatch.setenv("AWS_ENDPOINT_URL", there.url)

        with pytest.raises(AwsUnreachableError, match="SSLCertVerificationError"):
            Sqs(RoleCredentials()).send_message(QueueUrl="https://q", MessageBody="b", MessageGroupId="g")

    assert there.requests == []


def test_aws_ca_bundle_names_the_only_authorities_to_trust(trusted, amazon, other):
    third = trustme.CA()
    trusted(amazon=amazon, system=other, bundle=third)

    for authority, answered in ((third, True), (amazon, False), (other, False)):
        with running(authority.issue_cert("127.0.0.1")) as there:
            there.then(answer(200))
            if answered:
                assert call(Host(there.url)).status == 200
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    call(Host(there.url))
                assert there.requests == []


def test_amazon_s_authorities_are_those_that_browsers_trust():
    text = trust.AMAZON.read_text(encoding="ascii")
    ours, browsers = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ours.load_verify_locations(cadata=text)
    browsers.load_verify_locations(certifi.where())

    assert set(ours.get_ca_certs(binary_form=True)) <= set(browsers.get_ca_certs(binary_form=True))
    names = set()
    for authority, der in zip(ours.get_ca_certs(), ours.get_ca_certs(binary_form=True), strict=True):
        name = next(value for ((field, value),) in authority["subject"] if field == "commonName")
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(authority["notAfter"]), UTC)
        assert f"# {name}, until {until:%Y-%m-%d}\n# SHA-256 {sha256(der).hexdigest()}\n" in text
        assert until > datetime.now(UTC) + timedelta(days=365)
        names.add(name)
    assert names == AMAZON_TRUST_SERVICES
