"""The routes of the inbound API."""

from modules.constructs.route import Route

STAGE = "v1"
WEBHOOK_BY_PATH = Route(method="POST", path="/webhook/{provider}")
WEBHOOK_BY_HEADER = Route(method="POST", path="/webhook", required_headers=("X-Provider-ID", "X-Webhook-Signature"))
# Some providers ask, before they send, for a proof that the endpoint has their key.
CHALLENGE = Route(method="GET", path="/webhook/{provider}")
STATUS = Route(method="GET", path="/status/{transactionId}", authorization="AWS_IAM")
REPLAY = Route(method="POST", path="/internal/replay", authorization="AWS_IAM")
REDRIVE = Route(method="POST", path="/internal/redrive", authorization="AWS_IAM")
ERASE = Route(method="POST", path="/internal/erase", authorization="AWS_IAM")
EVENTS = Route(method="GET", path="/internal/events", authorization="AWS_IAM")
EVENT = Route(method="GET", path="/internal/events/{event}", authorization="AWS_IAM")
COUNTS = Route(method="GET", path="/internal/counts", authorization="AWS_IAM")
AUDIT = Route(method="GET", path="/internal/audit", authorization="AWS_IAM")
# Not below the event: who may call `/internal/events/*` may call all that is below it.
PAYLOAD = Route(method="GET", path="/internal/payloads/{event}", authorization="AWS_IAM")


def webhook_of(provider: str) -> Route:
    """Return the route of one provider, where it has one of its own."""
    return Route(method="POST", path=f"/webhook/{provider}")


def challenge_of(provider: str) -> Route:
    """Return the route of one provider's challenges, where it has one of its own."""
    return Route(method="GET", path=f"/webhook/{provider}")
