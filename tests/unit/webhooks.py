"""What the tests hand to the code under test: requests, and a secret for each provider."""

from collections.abc import Mapping, Sequence

from lambdas.shared.request import WebhookRequest
from tests.unit.signers import MESSAGE_ID, sign

NOW = 1_614_265_330
BODY = b'{"id":"evt_1","type":"payment.succeeded","transaction_id":"tx_1"}'

TIMESTAMPED = ("stripe", "standard-webhooks", "generic-timestamped")
HEX = ("stripe", "github", "generic", "generic-timestamped")
PROVIDERS = ("stripe", "github", "standard-webhooks", "generic", "generic-timestamped")

# Base64 of random bytes, so that every scheme can use them and one provider's may be tried on another.
SECRETS = {
    "stripe": "whsec_6yJt0kqX3bVd8r1LhQ2mWc5nZs7uPfAe",
    "github": "whsec_Qm9kR2pXw7sTz4vYc1nBe8jLh6gUd3fA",
    "standard-webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "generic": "whsec_h5Vw2nCq9eRz7tKx4mLd1sYb6pGj8uFA",
    "generic-timestamped": "whsec_Zb3cT8rNf6yMk1vQw5xHs9dJg2pLe7uA",
}
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def request(body: bytes, headers: Mapping[str, str | Sequence[str]], received_at: float = NOW) -> WebhookRequest:
    """Return a request whose headers came once each, or as often as a list has values."""
    return WebhookRequest(
        body=body,
        headers={
            name.lower(): [values] if isinstance(values, str) else list(values) for name, values in headers.items()
        },
        received_at=received_at,
    )


def signed(
    provider: str,
    body: bytes = BODY,
    *,
    secret: str | None = None,
    timestamp: int | str = NOW,
    message_id: str = MESSAGE_ID,
    received_at: float = NOW,
) -> WebhookRequest:
    """Return a request that the provider signed."""
    return request(body, sign(provider, body, secret or SECRETS[provider], timestamp, message_id), received_at)
