"""What the inbound functions count that an operator must know of."""

from lambdas.inbound.metrics import (
    CONFLICTING_DUPLICATES,
    DEAD_LETTERED,
    NOT_QUARANTINED,
    PROCESSING_FAILURES,
    RECONCILIATION_FAILURES,
    RECOVERED,
    REGISTRATION_PROBLEMS,
    STATEMENT_DIFFERENCES,
    STATEMENT_FAILURES,
    STATEMENTS_WRITTEN,
    WINDOWS_CLOSED,
    refused,
)
from lambdas.shared.errors import (
    MalformedWebhookError,
    PayloadTooLargeError,
    SignatureRefusedError,
    UnavailableError,
)
from modules.constructs.event_alarm import EventAlarm

EVENT_ALARMS = (
    EventAlarm(
        id="dead-lettered",
        function="dead_letter",
        metric=DEAD_LETTERED,
        description="an event was given up and waits for a replay",
    ),
    EventAlarm(
        id="processing-failures",
        function="processing",
        metric=PROCESSING_FAILURES,
        description="messages fail in processing; each is tried again until its last receive",
    ),
    EventAlarm(
        id="refused-503",
        function="ingestion",
        metric=refused(UnavailableError.status),
        description="webhooks are refused because they cannot be checked or kept: a secret is missing, or AWS does not "
        "answer",
    ),
    EventAlarm(
        id="conflicting-duplicates",
        function="processing",
        metric=CONFLICTING_DUPLICATES,
        description="an event id, or a signature that is good for one payload, came again with another payload: "
        "compare the two, the second was archived but not routed",
    ),
    EventAlarm(
        id="refused-400",
        function="ingestion",
        metric=refused(MalformedWebhookError.status),
        description="webhooks with a right signature are refused because they cannot be read; the sender may give up",
    ),
    EventAlarm(
        id="refused-413",
        function="ingestion",
        metric=refused(PayloadTooLargeError.status),
        description="webhooks are refused because they are larger than api.max_body_bytes",
    ),
    EventAlarm(
        id="refused-signatures",
        function="ingestion",
        metric=refused(SignatureRefusedError.status),
        description="many signatures are refused: a secret was rotated on one side only, or somebody forges",
        threshold=20,
    ),
)
QUARANTINE_ALARM = EventAlarm(
    id="not-quarantined",
    function="ingestion",
    metric=NOT_QUARANTINED,
    description="more signatures are refused than quarantine.webhooks_per_hour keeps; what comes beyond is not kept",
)
RECOVERED_ALARM = EventAlarm(
    id="recovered",
    function="reconcile",
    metric=RECOVERED,
    description="the provider has events of which no webhook was recorded; they were fetched and handed over",
)
# What each run finds again, for as long as it is so.
RECONCILIATION_ALARMS = (
    EventAlarm(
        id="reconciliation-failures",
        function="reconcile",
        metric=RECONCILIATION_FAILURES,
        description="the provider's list of events cannot be compared with the records",
    ),
    EventAlarm(
        id="registration-problems",
        function="reconcile",
        metric=REGISTRATION_PROBLEMS,
        description="the provider does not send all that is routed to the URL of this stack, could not deliver lately, "
        "or does not show how it is registered",
    ),
)
NOT_RECONCILED = EventAlarm(
    id="not-reconciled",
    function="reconcile",
    metric=WINDOWS_CLOSED,
    description="the provider's list of events was not compared to its end for three times as long as runs are apart",
)
DIFFERENCES_ALARM = EventAlarm(
    id="statement-differences",
    function="statement",
    metric=STATEMENT_DIFFERENCES,
    description="numbers of the daily statement disagree: the statement says which",
)
STATEMENT_FAILURES_ALARM = EventAlarm(
    id="statement-failures",
    function="statement",
    metric=STATEMENT_FAILURES,
    description="the daily statement cannot be made",
)
STATEMENT_MISSING = EventAlarm(
    id="statement-missing",
    function="statement",
    metric=STATEMENTS_WRITTEN,
    description="no daily statement was written for more than a day",
)
# A day, and some hours for runs that are too short for it.
STATEMENT_MISSING_SECONDS = 30 * 3_600
