"""The names of the metrics that the delivery functions write, and that alarms and dashboard watch."""

from enum import StrEnum

ATTEMPT_DURATION = "AttemptDuration"
"""Milliseconds of each of the worker's attempts."""


class WorkerMetric(StrEnum):
    """What the worker counts."""

    DELIVERED = "Delivered"
    FAILED_ATTEMPTS = "FailedAttempts"
    DEAD_LETTERED = "DeadLettered"
    PARKED = "Parked"
    FANNED_OUT = "FannedOut"
    ENDPOINTS_DISABLED = "EndpointsDisabled"
    LOST_CLAIMS = "LostClaims"
    """Attempts that could not be recorded, because another worker had taken over: the receiver may get it again."""
    REFERENCES_SENT = "ReferencesSent"
    """Inbound events that became events of tenants without the payload that the settings want in them."""
    PIPELINE_FAILURES = "PipelineFailures"
    """Messages that come back: our fault, never an endpoint's."""
    UNSIGNABLE = "Unsignable"
    """Attempts that were put off, because the keys or the secret to sign with could not be used."""


class SweeperMetric(StrEnum):
    """What the sweeper counts."""

    HANDED_OUT = "HandedOut"
    """What was due, and has its message."""
    RELEASED = "Released"
    """Deliveries that were held up, and go on."""
    LOST_MESSAGES = "LostMessages"
    """What was found overdue, although it had a message before."""
    OLDEST_OVERDUE = "OldestOverdue"
    """Seconds by which the oldest thing that was found is overdue."""
    UNFINISHED_SWEEPS = "UnfinishedSweeps"
    """Sweeps in which more was due than time was left for."""


class ApiMetric(StrEnum):
    """What the tenants' API counts."""

    LOOPS_ENDED = "LoopsEnded"
    """Calls that were refused because deliveries led back to the API too often in a row."""
    QUOTAS_REACHED = "QuotasReached"
    """Calls that were refused because their tenant had used up a quota of its own."""


class AuthorizerMetric(StrEnum):
    """What the authorizer counts."""

    TOKENS_ACCEPTED = "TokensAccepted"
    TOKENS_REFUSED = "TokensRefused"
    AUTHORIZATIONS_FAILED = "AuthorizationsFailed"
    """Tokens that could not be checked: our fault, never a caller's."""
