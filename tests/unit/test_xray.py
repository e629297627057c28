"""Subsegments as they reach X-Ray's daemon, over a real socket; and requests that no daemon can fail."""

import json
import re
import socket

import pytest
from aws_lambda_powertools import Tracer

from lambdas.shared.xray import DAEMON_HEADER, MAX_BYTES, DaemonProvider

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:abc:0"
CARD = "4242424242424242"


@pytest.fixture
def daemon(monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
        monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED", raising=False)
        yield listening


def received(daemon):
    header, _, document = daemon.recv(MAX_BYTES + 1).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    return json.loads(document)


def nothing_received(daemon):
    daemon.setblocking(False)
    with pytest.raises(BlockingIOError):
        daemon.recv(1)
    return True


@pytest.fixture
def tracer(daemon):
    Tracer._reset_config()
    yield Tracer(service="webhook-ingestion-dev", auto_patch=False, disabled=False, provider=DaemonProvider())
    Tracer._reset_config()


def test_an_invocation_is_a_subsegment_of_lambdas_segment(tracer, daemon):
    @tracer.capture_lambda_handler(capture_response=False)
    def handler(event, context):
        return CARD

    assert handler({}, None) == CARD

    document = received(daemon)
    assert document["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert document["parent_id"] == "53995c3f42cd8ad8"
    assert (document["type"], document["name"]) == ("subsegment", "## handler")
    assert re.fullmatch("[0-9a-f]{16}", document["id"])
    assert document["start_time"] <= document["end_time"]
    assert document["annotations"]["Service"] == "webhook-ingestion-dev"
    assert isinstance(document["annotations"]["ColdStart"], bool)
    assert "fault" not in document
    assert CARD not in json.dumps(document)
    assert nothing_received(daemon)


def test_a_failure_is_told_by_its_type_and_still_raised(tracer, daemon):
    @tracer.capture_lambda_handler(capture_response=False)
    def handler(event, context):
        raise ValueError(f"card {CARD}")

    with pytest.raises(ValueError, match=CARD):
        handler({}, None)

    document = received(daemon)
    assert document["fault"] is True
    assert [one["type"] for one in document["cause"]["exceptions"]] == ["ValueError"]
    assert CARD not in json.dumps(document)


def test_subsegments_name_what_they_run_in(tracer, daemon):
    provider = tracer.provider
    with provider.in_subsegment("outer") as outer:
        with provider.in_subsegment("inner"):
            provider.put_annotation("where", "inner")
        provider.put_annotation("where", "outer")
        provider.put_metadata("count", 3, "ours")

    inner_document, outer_document = received(daemon), received(daemon)
    assert inner_document["parent_id"] == outer.id == outer_document["id"]
    assert (inner_document["annotations"], outer_document["annotations"]) == ({"where": "inner"}, {"where": "outer"})
    assert outer_document["metadata"] == {"ours": {"count": 3}}


def test_what_is_put_outside_of_any_subsegment_goes_nowhere(tracer, daemon):
    tracer.put_annotation("a", 1)
    tracer.put_metadata("b", 2)

    assert nothing_received(daemon)


@pytest.mark.parametrize(
    "trace", ["", TRACE.replace("Sampled=1", "Sampled=0"), "Sampled=1", "Root;Sampled=1", "Root=1-x;Sampled=1", "x=;;="]
)
def test_what_is_not_sampled_or_has_no_trace_is_not_sent(tracer, daemon, monkeypatch, trace):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)

    with tracer.provider.in_subsegment("s"):
        pass

    assert nothing_received(daemon)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:9",
        "no.such.host.invalid:2000",
        "127.0.0.1",
        "127.0.0.1:port",
        "tcp:127.0.0.1:2000",
        ":",
        "[::1]:1",
    ],
)
def test_no_daemon_fails_no_request(monkeypatch, address):
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    provider = DaemonProvider()

    for _ in range(3):
        with provider.in_subsegment("s") as subsegment:
            subsegment.put_annotation("a", 1)


def test_both_of_the_daemons_addresses_may_be_named(monkeypatch, daemon):
    port = daemon.getsockname()[1]
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"tcp:127.0.0.1:1 udp:127.0.0.1:{port}")

    with DaemonProvider().in_subsegment("s"):
        pass

    assert received(daemon)["name"] == "s"


def test_what_the_daemon_would_not_take_is_not_sent(tracer, daemon):
    with tracer.provider.in_subsegment("s") as subsegment:
        subsegment.put_metadata("long", "x" * MAX_BYTES)

    assert nothing_received(daemon)
    assert len(DAEMON_HEADER) < MAX_BYTES
