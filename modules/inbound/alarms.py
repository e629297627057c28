"""What the inbound functions count that an operator must know of."""

from modules.constructs.event_alarm import EventAlarm

EVENT_ALARMS = (
    EventAlarm(
        id="dead-lettered",
        function="dead_letter",
        metric="DeadLettered",
        description="an event was given up and waits for a replay",
    ),
    EventAlarm(
        id="processing-failures",
        function="processing",
        metric="ProcessingFailures",
        description="messages fail in processing; each is tried again until its last receive",
    ),
    EventAlarm(
        id="refused-503",
        function="ingestion",
        metric="Refused503",
        description="webhooks are refused because they cannot be checked or kept: a secret is missing, or AWS does not "
        "answer",
    ),
    EventAlarm(
        id="conflicting-duplicates",
        function="processing",
        metric="ConflictingDuplicates",
        description="an event id, or a signature that is good for one payload, came again with another payload: "
        "compare the two, the second was archived but not routed",
    ),
    EventAlarm(
        id="refused-400",
        function="ingestion",
        metric="Refused400",
        description="webhooks with a right signature are refused because they cannot be read; the sender may give up",
    ),
    EventAlarm(
        id="refused-413",
        function="ingestion",
        metric="Refused413",
        description="webhooks are refused because they are larger than api.max_body_bytes",
    ),
    EventAlarm(
        id="refused-signatures",
        function="ingestion",
        metric="Refused401",
        description="many signatures are refused: a secret was rotated on one side only, or somebody forges",
        threshold=20,
    ),
)
