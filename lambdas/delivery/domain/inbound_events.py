"""Which event of a tenant an event of the inbound bus becomes."""

from collections.abc import Sequence

from lambdas.delivery.domain.endpoint_disabling import derived_id
from lambdas.shared import times


def inbound_event_id(tenant_id: str, identity: Sequence[str], occurred: str) -> str:
    """Return the tenant's id of an event of the inbound bus.

    It is made of what the event is, and not of its EventBridge id: the inbound stack publishes an event a second time
    when it dies between publishing and recording that, and the tenant's receivers are to see one id. A replay that an
    operator asked for is another event.

    Parameters
    ----------
    identity : Sequence[str]
        Its source on the bus, its provider and id as the inbound stack names them, and the id of the replay that
        published it, empty for none. Of an event that is not of an inbound stack: its source, and its EventBridge id.
    occurred : str
        When it occurred, ISO 8601; anything else counts as unknown.
    """
    return derived_id("\0".join([tenant_id, *identity]), times.parse(occurred) or 0.0)
