"""What the delivery functions count that an operator must know of."""

from lambdas.delivery.domain.metrics import ApiMetric, AuthorizerMetric, SweeperMetric, WorkerMetric
from modules.constructs.event_alarm import EventAlarm

OLDEST_OVERDUE = EventAlarm(
    id="oldest-overdue",
    function="sweeper",
    metric=SweeperMetric.OLDEST_OVERDUE.value,
    description="deliveries are more than 15 minutes overdue, or the sweeper says nothing",
    threshold=900,
)
# Shown on the dashboard without an alarm.
SHOWN = (WorkerMetric.FANNED_OUT, WorkerMetric.DELIVERED, WorkerMetric.FAILED_ATTEMPTS, WorkerMetric.PARKED)
DELIVERY_ALARMS: tuple[EventAlarm, ...] = (
    EventAlarm(
        id="deliveries-given-up",
        function="worker",
        metric=WorkerMetric.DEAD_LETTERED.value,
        description="deliveries were given up: their retry schedule is exhausted, or their endpoint is gone; they wait "
        "for a requeue until they expire",
    ),
    EventAlarm(
        id="endpoints-disabled",
        function="worker",
        metric=WorkerMetric.ENDPOINTS_DISABLED.value,
        description="endpoints were disabled, because they answered 410 or did nothing but fail for too long",
    ),
    EventAlarm(
        id="pipeline-failures",
        function="worker",
        metric=WorkerMetric.PIPELINE_FAILURES.value,
        description="messages come back through a fault of ours, never of an endpoint; each is tried again until its "
        "last receive",
    ),
    EventAlarm(
        id="lost-claims",
        function="worker",
        metric=WorkerMetric.LOST_CLAIMS.value,
        description="workers were too slow to record attempts, so that endpoints may have got deliveries twice",
        threshold=10,
    ),
    EventAlarm(
        id="loops-ended",
        function="api",
        metric=ApiMetric.LOOPS_ENDED.value,
        description="deliveries lead back to the API, since an endpoint forwards them there; the loop was ended",
    ),
    EventAlarm(
        id="quotas-reached",
        function="api",
        metric=ApiMetric.QUOTAS_REACHED.value,
        description="events were refused, because their tenant has handed in as many today as its quota allows",
    ),
    EventAlarm(
        id="unsignable",
        function="worker",
        metric=WorkerMetric.UNSIGNABLE.value,
        description="deliveries wait, because the signing keys or an endpoint's secret cannot be used",
    ),
    EventAlarm(
        id="lost-messages",
        function="sweeper",
        metric=SweeperMetric.LOST_MESSAGES.value,
        description="deliveries were overdue although they had a message: the queue lost it, or is behind; they have a "
        "new one",
    ),
    EventAlarm(
        id="unfinished-sweeps",
        function="sweeper",
        metric=SweeperMetric.UNFINISHED_SWEEPS.value,
        description="sweeps end before they have handed out all that is due",
        threshold=2,
    ),
    EventAlarm(
        id="authorizations-failed",
        function="authorizer",
        metric=AuthorizerMetric.AUTHORIZATIONS_FAILED.value,
        description="tokens could not be checked, so that nobody is let in: the table of identities does not answer",
    ),
    EventAlarm(
        id="tokens-refused",
        function="authorizer",
        metric=AuthorizerMetric.TOKENS_REFUSED.value,
        description="many tokens are refused: one was revoked or has expired and is still used, or somebody guesses",
        threshold=100,
    ),
)
