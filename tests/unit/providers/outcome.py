"""What becomes of a webhook: verified, then read as events, as ingestion does it."""

from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.errors import WebhookRefusedError

ACCEPTED = "accepted"


def events_of(entry, webhook, secrets):
    """Return the events of a webhook that must be accepted."""
    REGISTRY[entry].scheme.verify(webhook, secrets)
    return read_events(entry, REGISTRY[entry], webhook)


def outcome(entry, webhook, secrets):
    """Return the answer; an exception of any other kind than a refusal would be a 500 and fails the test."""
    try:
        events_of(entry, webhook, secrets)
    except WebhookRefusedError as refusal:
        return f"{refusal.status} {refusal.reason}"
    return ACCEPTED
