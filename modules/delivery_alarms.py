"""What the delivery functions count that an operator must know of."""

from modules.event_alarms import EventAlarm

DELIVERY_ALARMS: tuple[EventAlarm, ...] = (
    EventAlarm(
        id="deliveries-given-up",
        function="worker",
        metric="DeliveriesGivenUp",
        description="deliveries were given up: their retry schedule is exhausted, or their endpoint is gone; they wait "
        "for a requeue",
    ),
    EventAlarm(
        id="endpoints-disabled",
        function="worker",
        metric="EndpointsDisabled",
        description="endpoints were disabled, because they answered 410 or did nothing but fail for too long",
    ),
)
