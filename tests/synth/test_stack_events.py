"""The event bus: its rules match what processing publishes, and its archive keeps the rest."""

import json

import pytest

from lambdas.inbound.envelope import ArchivedBody, Envelope
from lambdas.inbound.event import WebhookEvent
from lambdas.processing.bus import Bus, Publication
from tests.synth.labels import BUS, PROVIDERS, of


class RecordingEventBridge:
    """An EventBridge client that keeps what it is asked to publish."""

    def __init__(self):
        self.entries = []

    def put_events(self, Entries):  # noqa: N803
        self.entries += Entries
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


def published(provider):
    """Return the entry that processing publishes for an event of a provider."""
    client = RecordingEventBridge()
    envelope = Envelope(
        event=WebhookEvent(
            provider=provider, event_id="evt_1", event_type="a", transaction_id="tx_1", occurred_at=None
        ),
        received_at="2021-02-25T15:02:10.000Z",
        correlation_id="c",
        content_type="application/json",
        scheme="s",
        body=b"{}",
    )
    archived = ArchivedBody(key="raw/k", size=2, sha256="0" * 64)
    Bus(client, "bus", "bucket").publish([Publication(envelope=envelope, archived=archived)])
    return client.entries[0]


@pytest.mark.parametrize("values", [{}, {"providers": {"acme": "generic", "acme-eu": "generic"}}], ids=["", "acme"])
def test_each_provider_has_one_rule_that_matches_its_events_and_no_others(synthesize, values):
    template = synthesize(values=values)
    providers = values.get("providers", dict.fromkeys(PROVIDERS))
    rules = template.by_name("aws_cloudwatch_event_rule")

    matching = {
        provider: [
            name
            for name, rule in rules.items()
            if published(provider)["Source"] in json.loads(rule["event_pattern"])["source"]
        ]
        for provider in providers
    }

    assert matching == {provider: [of("events", provider)] for provider in providers}
    assert {name for names in matching.values() for name in names} == set(rules)


def test_a_rule_matches_by_source_alone_and_on_this_stacks_bus(template):
    rules = template.all("aws_cloudwatch_event_rule")

    assert {frozenset(json.loads(rule["event_pattern"])) for rule in rules} == {frozenset({"source"})}
    assert {template.meaning(rule["event_bus_name"]) for rule in rules} == {f"{BUS}.name"}


@pytest.mark.parametrize(("values", "days"), [({}, 7), ({"routing": {"archive_retention": 0}}, 0)])
def test_the_bus_keeps_what_no_rule_matched(synthesize, values, days):
    template = synthesize(values=values)
    archive = template.one("aws_cloudwatch_event_archive")

    assert template.meaning(archive["event_source_arn"]) == f"{BUS}.arn"
    assert archive["retention_days"] == days
    assert archive.get("event_pattern") is None
