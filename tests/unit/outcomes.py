"""What becomes of a webhook at the signature check, in one line of text each."""

import pytest

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.providers.registry import REGISTRY
from tests.unit.webhooks import NOW, PROVIDERS, SECRETS, TIMESTAMPED

ACCEPTED = "accepted"
MISMATCH = "401 signature_mismatch"
MALFORMED = "401 malformed_signature_header"
MISSING = "401 missing_signature_header"
REPEATED = "401 repeated_signature_header"
TOO_LONG = "401 signature_header_too_long"
BAD_TIME = "401 malformed_timestamp"
OUTSIDE = "401 timestamp_outside_window"
NO_SECRET = "503 secret_missing"
UNUSABLE = "503 secret_unusable"

SIGNED_HEADERS = {
    "stripe": ("Stripe-Signature",),
    "github": ("X-Hub-Signature-256",),
    "standard-webhooks": ("webhook-id", "webhook-timestamp", "webhook-signature"),
    "generic": ("X-Webhook-Signature",),
    "generic-timestamped": ("X-Webhook-Timestamp", "X-Webhook-Signature"),
}
# A header that holds a hex signature, given that signature. Stripe's time stands in front of it.
HEX_FORMS = {
    "stripe": ("Stripe-Signature", f"t={NOW},v1={{}}"),
    "github": ("X-Hub-Signature-256", "sha256={}"),
    "generic": ("X-Webhook-Signature", "{}"),
    "generic-timestamped": ("X-Webhook-Signature", "{}"),
}
EVERY_SIGNED_HEADER = [(provider, name) for provider, names in SIGNED_HEADERS.items() for name in names]

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
every_timestamped_provider = pytest.mark.parametrize("provider", TIMESTAMPED)


def outcome(provider, webhook, secrets=None):
    """Return what becomes of a webhook; an exception of any other kind than a refusal fails the test."""
    try:
        REGISTRY[provider].scheme.verify(webhook, [SECRETS[provider]] if secrets is None else secrets)
    except (SignatureRefusedError, UnavailableError) as refusal:
        return f"{refusal.status} {refusal.reason}"
    return ACCEPTED
