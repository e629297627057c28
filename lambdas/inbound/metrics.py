"""The names of the metrics that the inbound functions write, and that alarms watch."""

# Ingestion
ACCEPTED = "Accepted"
# Of deployed providers, with any status.
REFUSED = "Refused"
QUARANTINED = "Quarantined"
NOT_QUARANTINED = "NotQuarantined"
REQUALIFIED = "Requalified"


def refused(status: int) -> str:
    """Return the metric of the webhooks that are refused with an HTTP status."""
    return f"Refused{status}"


# Processing
ROUTED = "Routed"
HELD = "Held"
DUPLICATES = "Duplicates"
RENDERED_ANEW = "RenderedAnew"
SAME_BYTES = "SameBytes"
CONFLICTING_DUPLICATES = "ConflictingDuplicates"
PROCESSING_FAILURES = "ProcessingFailures"
# The dead letter handler
DEAD_LETTERED = "DeadLettered"
DEAD_LETTER_FAILURES = "DeadLetterFailures"
# Replay
REPLAYED = "Replayed"
REPLAYS_REFUSED = "ReplaysRefused"
# Reconciliation
RECOVERED = "Recovered"
WINDOWS_CLOSED = "WindowsClosed"
RECONCILIATION_FAILURES = "ReconciliationFailures"
REGISTRATION_PROBLEMS = "RegistrationProblems"
# The daily statement
STATEMENTS_WRITTEN = "StatementsWritten"
STATEMENT_DIFFERENCES = "StatementDifferences"
STATEMENT_FAILURES = "StatementFailures"
