"""What the inbound functions count that an operator must know of."""

from lambdas.inbound.metrics import (
    CONFLICTING_DUPLICATES,
    DEAD_LETTERED,
    NOT_QUARANTINED,
    PROCESSING_FAILURES,
    RECONCILIATION_FAILURES,
    RECOVERED,
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
RECONCILIATION_ALARMS = (
    EventAlarm(
        id="recovered",
        function="reconcile",
        metric=RECOVERED,
        description="the provider has events of which no webhook was recorded; they were fetched and handed over",
    ),
    EventAlarm(
        id="reconciliation-failures",
        function="reconcile",
        metric=RECONCILIATION_FAILURES,
        description="the provider's list of events cannot be compared with the records",
    ),
)
NOT_RECONCILED = EventAlarm(
    id="not-reconciled",
    function="reconcile",
    metric=WINDOWS_CLOSED,
    description="the provider's list of events was not compared to its end for three times as long as runs are apart",
)
