"""Where ingestion's calls go: the same hosts as botocore's."""

import os
from types import SimpleNamespace

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.loaders import Loader

from lambdas.inbound.aws_calls import endpoints
from lambdas.inbound.aws_calls.connection import Host
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.services import S3, Sqs

REGIONS = sorted(
    region
    for partition in Loader().load_data("partitions")["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return monkeypatch


@pytest.fixture(scope="module")
def session():
    session = botocore.session.Session()
    session.set_credentials("a", "b")
    return session


def test_there_are_regions_of_every_partition():
    assert {"us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1"} <= set(REGIONS)


@pytest.mark.parametrize("service", ["sqs", "secretsmanager"])
@pytest.mark.parametrize("region", REGIONS)
def test_a_service_is_called_where_botocore_calls_it(session, service, region):
    theirs = session.create_client(service, region_name=region).meta.endpoint_url

    assert endpoints.of_service(service, region) == theirs


@pytest.mark.parametrize("region", REGIONS)
def test_a_bucket_is_called_where_botocore_calls_it(session, environment, region):
    environment.setenv("AWS_REGION", region)
    s3 = session.create_client("s3", region_name=region)
    called = []

    def answer(request, **_):
        called.append(request.url)
        raw = SimpleNamespace(stream=lambda *_, **__: iter([b""]))
        return AWSResponse(request.url, 200, HeadersDict(), raw)

    s3.meta.events.register("before-send.s3.PutObject", answer)
    for bucket in ("payloads", "pay.loads"):
        s3.put_object(Bucket=bucket, Key="k")

        ours = S3(RoleCredentials(), bucket)

        path = f"/{bucket}/k" if ours._in_path else "/k"
        # By default botocore still calls us-east-1 by the name that S3 had before it had regions.
        theirs = called.pop().replace("s3.amazonaws.com", "s3.us-east-1.amazonaws.com")
        assert f"https://{ours._caller._host.name}{path}" == theirs


def test_the_environment_names_another_endpoint(environment):
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/")
    environment.setenv("AWS_ENDPOINT_URL_SQS", "https://127.0.0.1:2/path/")

    assert endpoints.overridden("SQS") == "https://127.0.0.1:2/path"
    assert endpoints.overridden("SECRETS_MANAGER") == "http://127.0.0.1:1"
    environment.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoints.overridden("SQS") is None


@pytest.mark.parametrize("variable", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_endpoints_that_are_not_known_are_refused_and_not_replaced(environment, variable):
    environment.setenv(variable, "true")

    with pytest.raises(RuntimeError, match=variable):
        Sqs(RoleCredentials())


def test_an_address_of_another_kind_is_refused(environment):
    environment.setenv("AWS_ENDPOINT_URL", "ftp://x")

    with pytest.raises(RuntimeError, match="https://"):
        Sqs(RoleCredentials())


def test_without_a_region_there_is_no_client(environment):
    environment.delenv("AWS_REGION")

    with pytest.raises(RuntimeError, match="AWS_REGION"):
        Sqs(RoleCredentials())


@pytest.mark.parametrize(
    ("endpoint", "name", "path"),
    [
        ("http://127.0.0.1:4566", "127.0.0.1:4566", ""),
        ("http://[::1]:4566/aws/", "[::1]:4566", "/aws"),
        ("http://host", "host", ""),
    ],
)
def test_the_host_header_is_as_the_address_has_it(endpoint, name, path):
    host = Host(endpoint)

    assert (host.name, host.path) == (name, path)
