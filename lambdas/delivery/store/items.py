"""How the three tables hold tenants, endpoints and events: keys, indexes, and the attribute that expires an item.

* ``TenantIdentity``: key ``id``. ``token#<SHA-256 of the token in hex>`` leads to a tenant: its ``tenantId``, or
  ``<tenant id>#portal`` for a portal link. ``tenant#<tenant id>`` is a tenant.
* ``TenantWebhookConfig``: keys ``tenantId`` and ``item``. ``endpoint#<endpoint id>`` is what the tenant configured,
  ``health#<endpoint id>`` how it has been doing. ``suspension`` is there while the tenant is suspended.
  ``key#<endpoint id>#<SHA-256 of the key in hex>`` is an idempotency key of a rotation, without the id of a creation.
* ``Events``: keys ``event`` (``<tenant id>#<event id>``) and ``item``. ``event`` is the event, ``payload`` its bytes,
  ``delivery#<endpoint id>`` a delivery, ``attempt#<endpoint id>#<number, six digits>`` an attempt, ``answer#`` and the
  same what the endpoint answered to it. An idempotency key has ``<tenant id>#key#<SHA-256 of the key in hex>`` and
  ``key``; an endpoint's hold has ``<tenant id>#hold#<endpoint id>`` and ``hold``. A tenant's replays are in one
  partition, ``<tenant id>#replays``: ``replay#<replay id>``, and ``count`` of those that run.

Tenant and endpoint ids hold no ``#``, so that no key of one tenant can be another's.
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from lambdas.delivery.domain.attempt_result import status_class
from lambdas.delivery.domain.holds import Hold
from lambdas.delivery.domain.model import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Event,
    Health,
    SignatureStyle,
    SigningSecret,
)
from lambdas.delivery.domain.replays import Replay, ReplayState

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html: a number, seconds since the epoch.
EXPIRES_AT = "expiresAt"

IDENTITY_KEY = "id"
PUBLIC_KEYS_ID = "keys#public"
"""Of the identity table: the public halves of the signing keys."""
TOKEN_KEY = "token#"  # noqa: S105 - a prefix of keys, no secret
"""Of the identity table: what a token's key begins with."""
BY_TENANT_INDEX = "byTenant"
"""Of the identity table: ``tenantId``, ``id``."""

TENANT_KEY = "tenantId"
EVENT_KEY = "event"
ITEM_KEY = "item"
EVENT_ITEM = "event"
"""Sort key of an event itself."""
KEY_ITEM = "key"
"""Sort key of an idempotency key."""
PAYLOAD_ITEM = "payload"
"""Sort key of an event's payload."""
BODY = "body"
"""Attribute of the payload's item: the exact bytes, DynamoDB type B."""

BY_STATE_INDEX = "byState"
"""Of the events table: ``stateKey``, ``stateAt``; deliveries by state, events as ``EVENT``, and attempts by endpoint
and status class, in order of time."""
STATE_KEY = "stateKey"
STATE_AT = "stateAt"
# An index partition takes 1,000 writes a second.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
STATE_SHARDS = 4
ALL_EVENTS = "EVENT"
BY_DUE_INDEX = "byDue"
"""Of the events table: ``dueKey``, ``dueAt``; what is not done, see `lambdas.delivery.domain.due`."""
DUE_KEY = "dueKey"
DUE_AT = "dueAt"
VERSION = "turn"
NEXT_ATTEMPT_AT = "nextAttemptAt"
DUE_PROJECTION = (VERSION, NEXT_ATTEMPT_AT)
"""What the index has of a delivery besides its keys: what its message needs."""
DUE_SHARDS = tuple(f"due#{number}" for number in range(64))
"""Partition keys of the index, besides those of what is held up."""
SHARDS_OF_TENANT = 4
"""A tenant with much to do fills so many of `DUE_SHARDS`, and the sweeper gives each shard its share."""
HOLD_ITEM = "hold"
SUSPENSION_ITEM = "suspension"
SUSPENDED_SINCE = "suspendedSince"
REPLAY = "replay#"
"""Before the id, a replay's sort key."""
RUNNING_ITEM = "count"
"""Sort key of the number of a tenant's replays that run."""
_HELD = "hold#"
# Items that were stored before this field got its name keep the old one.
_ATTRIBUTES = {"version": VERSION}


def event_key(tenant_id: str, event_id: str) -> str:
    """Return the partition key of an event and all that belongs to it."""
    return f"{tenant_id}#{event_id}"


def key_of_event(tenant_id: str, event_id: str, item: str) -> dict[str, str]:
    """Return the key of an item that belongs to an event."""
    return {EVENT_KEY: event_key(tenant_id, event_id), ITEM_KEY: item}


def idempotency_key(tenant_id: str, key: str) -> str:
    """Return the partition key of an idempotency key."""
    return f"{tenant_id}#key#{hashlib.sha256(key.encode()).hexdigest()}"


def delivery_item(endpoint_id: str) -> str:
    """Return the sort key of a delivery."""
    return f"delivery#{endpoint_id}"


def attempt_item(endpoint_id: str, number: int) -> str:
    """Return the sort key of an attempt."""
    return f"attempt#{endpoint_id}#{number:06}"


def endpoint_item(endpoint_id: str) -> str:
    """Return the sort key of an endpoint's configuration."""
    return f"endpoint#{endpoint_id}"


def health_item(endpoint_id: str) -> str:
    """Return the sort key of an endpoint's health."""
    return f"health#{endpoint_id}"


def suspension_key(tenant_id: str) -> dict[str, str]:
    """Return the key of the item that stops all deliveries of a tenant."""
    return {TENANT_KEY: tenant_id, ITEM_KEY: SUSPENSION_ITEM}


def state_key(tenant_id: str, state: str, shard: int) -> str:
    """Return the index's partition key of a tenant's deliveries in a state."""
    return f"{tenant_id}#{state}#{shard}"


def shard_of(event_id: str) -> int:
    """Return the index shard of an event and its deliveries."""
    return int(hashlib.sha256(event_id.encode()).hexdigest()[:8], 16) % STATE_SHARDS


def due_shards(tenant_id: str) -> Sequence[str]:
    """Return the index's partition keys of what is due of a tenant."""
    first = int(hashlib.sha256(tenant_id.encode()).hexdigest()[:8], 16)
    return [DUE_SHARDS[(first + number) % len(DUE_SHARDS)] for number in range(SHARDS_OF_TENANT)]


def due_shard(tenant_id: str, event_id: str) -> str:
    """Return the index's partition key of what is due of a tenant's event."""
    return due_shards(tenant_id)[shard_of(event_id) % SHARDS_OF_TENANT]


def held_key(tenant_id: str, endpoint_id: str) -> str:
    """Return the index's partition key of the deliveries that are held up for an endpoint."""
    return f"{_HELD}{tenant_id}#{endpoint_id}"


def hold_key(tenant_id: str, endpoint_id: str) -> dict[str, str]:
    """Return the key of an endpoint's hold."""
    return {EVENT_KEY: f"{tenant_id}#hold#{endpoint_id}", ITEM_KEY: HOLD_ITEM}


def replay_key(tenant_id: str, item: str) -> dict[str, str]:
    """Return the key of a replay, or of what else is kept with a tenant's replays."""
    return {EVENT_KEY: f"{tenant_id}#replays", ITEM_KEY: item}


@functools.cache
def attribute(field: str) -> str:
    """Return the name of the attribute that holds a field: the field's in camel case, with one exception."""
    first, *rest = field.split("_")
    return _ATTRIBUTES.get(field) or first + "".join(part.capitalize() for part in rest)


def _plain(value: Any) -> dict[str, Any]:
    """Return a dataclass's fields under the names of items, without those that are None."""
    return {attribute(name): content for name, content in asdict(value).items() if content is not None}


def _arguments(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an item that a dataclass has fields for; numbers as int."""
    names = {field.name: attribute(field.name) for field in fields(kind)}
    return {field: _whole(values[name]) for field, name in names.items() if name in values}


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, Decimal) else value


def endpoint_to_item(endpoint: Endpoint) -> dict[str, Any]:
    """Return an endpoint's item as plain values."""
    plain = _plain(endpoint)
    plain["secrets"] = [_plain(secret) for secret in endpoint.secrets]
    return {**plain, ITEM_KEY: endpoint_item(endpoint.endpoint_id)}


def endpoint_from_item(values: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint that an item is."""
    found = _arguments(Endpoint, values)
    found["state"] = EndpointState(found["state"])
    found["style"] = SignatureStyle(found["style"])
    found["secrets"] = tuple(SigningSecret(**_arguments(SigningSecret, secret)) for secret in found["secrets"])
    return Endpoint(**found)


def health_from_item(values: Mapping[str, Any]) -> Health:
    """Return the health that an item is; that of a healthy endpoint when there is no item."""
    return Health(**_arguments(Health, values))


def event_to_item(event: Event) -> dict[str, Any]:
    """Return an event's item as plain values, with its place in the index by time."""
    return {
        **_plain(event),
        **({DUE_KEY: due_shard(event.tenant_id, event.event_id)} if event.due_at else {}),
        EVENT_KEY: event_key(event.tenant_id, event.event_id),
        ITEM_KEY: EVENT_ITEM,
        STATE_KEY: state_key(event.tenant_id, ALL_EVENTS, shard_of(event.event_id)),
        STATE_AT: f"{event.created_at}#{event.event_id}",
    }


def event_from_item(values: Mapping[str, Any]) -> Event:
    """Return the event that an item is."""
    return Event(**_arguments(Event, values))


def payload_to_item(event: Event, payload: bytes) -> dict[str, Any]:
    """Return the item of an event's payload as plain values: the exact bytes, as binary."""
    return {
        EVENT_KEY: event_key(event.tenant_id, event.event_id),
        ITEM_KEY: PAYLOAD_ITEM,
        BODY: payload,
        EXPIRES_AT: event.expires_at,
    }


def payload_from_item(values: Mapping[str, Any]) -> bytes:
    """Return the bytes that a payload's item holds."""
    return bytes(values[BODY])


def delivery_place(delivery: Delivery) -> dict[str, str]:
    """Return a delivery's place in the index by state; it moves with every change of state."""
    return {
        STATE_KEY: state_key(delivery.tenant_id, delivery.state, shard_of(delivery.event_id)),
        STATE_AT: f"{delivery.updated_at}#{delivery.event_id}#{delivery.endpoint_id}",
    }


def delivery_to_item(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery's item as plain values."""
    plain = _plain(delivery)
    if plain.pop("held"):
        plain[DUE_KEY] = held_key(delivery.tenant_id, delivery.endpoint_id)
    elif delivery.due_at is not None:
        plain[DUE_KEY] = due_shard(delivery.tenant_id, delivery.event_id)
    return {
        **plain,
        EVENT_KEY: event_key(delivery.tenant_id, delivery.event_id),
        ITEM_KEY: delivery_item(delivery.endpoint_id),
        **delivery_place(delivery),
    }


def delivery_from_item(values: Mapping[str, Any]) -> Delivery:
    """Return the delivery that an item is."""
    found = _arguments(Delivery, values)
    found["state"] = DeliveryState(found["state"])
    return Delivery(**found, held=str(values.get(DUE_KEY, "")).startswith(_HELD))


def hold_from_item(values: Mapping[str, Any]) -> Hold:
    """Return the hold that an item is."""
    return Hold(**_arguments(Hold, values))


def replay_to_item(replay: Replay) -> dict[str, Any]:
    """Return a replay's item as plain values, with its place in the due index until it has ended."""
    return {
        **_plain(replay),
        **({DUE_KEY: due_shard(replay.tenant_id, replay.replay_id)} if replay.due_at else {}),
        **replay_key(replay.tenant_id, REPLAY + replay.replay_id),
    }


def replay_from_item(values: Mapping[str, Any]) -> Replay:
    """Return the replay that an item is."""
    found = _arguments(Replay, values)
    found["state"] = ReplayState(found["state"])
    found["refused"] = {reason: int(number) for reason, number in found["refused"].items()}
    return Replay(**found)


def attempts_of(endpoint_id: str, kind: str) -> str:
    """Return the kind of entry of the index that the attempts of an endpoint with a status of a class are."""
    return f"ATTEMPT#{endpoint_id}#{kind}"


def attempt_to_item(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt's item as plain values, with its place in the index by endpoint and status class."""
    kind = attempts_of(attempt.endpoint_id, status_class(attempt.status))
    return {
        **_plain(attempt),
        EVENT_KEY: event_key(attempt.tenant_id, attempt.event_id),
        ITEM_KEY: attempt_item(attempt.endpoint_id, attempt.number),
        STATE_KEY: state_key(attempt.tenant_id, kind, shard_of(attempt.event_id)),
        STATE_AT: f"{attempt.at}#{attempt.event_id}#{attempt.endpoint_id}#{attempt.number:06}",
    }


def attempt_from_item(values: Mapping[str, Any]) -> Attempt:
    """Return the attempt that an item is."""
    return Attempt(**{"status": None, **_arguments(Attempt, values)})
