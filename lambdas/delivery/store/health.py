"""The store of endpoints' health: breaker, rate limit, slow-down, enforced over all workers by conditional writes."""

from typing import Any

from lambdas.delivery.domain.circuit_breaker import has_to_open, open_ms
from lambdas.delivery.domain.errors import StoreBusyError
from lambdas.delivery.domain.model import Health
from lambdas.delivery.domain.rate_limit import NEAR_MS, interval_ms
from lambdas.delivery.store.items import ITEM_KEY, TENANT_KEY, health_from_item, health_item
from lambdas.delivery.store.tables import Table

_MAX_ROUNDS = 10
_RESET = "REMOVE #openUntil, #probingUntil, #failingSince SET #consecutiveFailures = :zero, #openings = :zero"


class HealthStore:
    """Reads and writes the health of endpoints.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the table of endpoints.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)

    def take_slot(self, tenant_id: str, endpoint_id: str, rate: int, now_ms: int) -> int:
        """Take the next slot of the rate limit, if it is near; no two callers get the same.

        Returns
        -------
        int
            Milliseconds since the epoch at which the attempt may be made; when that is more than `NEAR_MS` from now,
            nothing was taken.
        """
        # A slot in the future is taken by adding, which any number of workers can do at once; the first after a quiet
        # time by setting, which one of them can.
        key, interval, first = _key(tenant_id, endpoint_id), interval_ms(rate), {":first": now_ms}
        for _ in range(_MAX_ROUNDS):
            added = self._table.update(
                key,
                "SET #nextSlot = #nextSlot + :interval",
                {**first, ":last": now_ms + NEAR_MS, ":interval": interval},
                "#nextSlot > :first AND #nextSlot <= :last",
            )
            if added is not None:
                return int(added["nextSlot"]) - interval
            set_ = self._table.update(
                key,
                "SET #nextSlot = :next",
                {**first, ":next": now_ms + interval},
                "attribute_not_exists(#nextSlot) OR #nextSlot <= :first",
            )
            if set_ is not None:
                return now_ms
            # Neither holds: it is too far off, or somebody was faster between the two.
            following = int((self._table.get(key) or {}).get("nextSlot", 0))
            if following > now_ms + NEAR_MS:
                return following
        raise StoreBusyError("rate limit: other workers were faster each time")

    def take_probe(self, tenant_id: str, endpoint_id: str, seen: Health, until_ms: int, now_ms: int) -> bool:
        """Take the one attempt that may find out whether the endpoint is back; tell whether this caller got it.

        Parameters
        ----------
        until_ms : int
            Milliseconds since the epoch after which somebody else may, because the caller must have ended.
        """
        taken = self._table.update(
            _key(tenant_id, endpoint_id),
            "SET #probingUntil = :until",
            {":until": until_ms, ":open": seen.open_until, ":now": now_ms},
            "#openUntil = :open AND (attribute_not_exists(#probingUntil) OR #probingUntil <= :now)",
        )
        return taken is not None

    def failed(self, tenant_id: str, endpoint_id: str, now_ms: int, probe_until: int | None) -> Health:
        """Count a failed attempt, open the breaker if it must open, and return the health after it.

        Parameters
        ----------
        probe_until : int | None
            What `take_probe` was called with, when this attempt was the probe.
        """
        key = _key(tenant_id, endpoint_id)
        counted = self._table.update(
            key,
            "SET #failingSince = if_not_exists(#failingSince, :now) ADD #consecutiveFailures :one",
            {":now": now_ms, ":one": 1},
        )
        health = health_from_item(counted or {})
        opening = {":until": now_ms + open_ms(health.openings), ":openings": health.openings + 1}
        changed = None
        if probe_until is not None:
            changed = self._table.update(
                key,
                "SET #openUntil = :until, #openings = :openings REMOVE #probingUntil",
                {**opening, ":mine": probe_until},
                "#probingUntil = :mine",
            )
        elif has_to_open(health):
            changed = self._table.update(
                key,
                "SET #openUntil = :until, #openings = :openings",
                opening,
                "attribute_not_exists(#openUntil) AND attribute_exists(#failingSince)",
            )
        return health if changed is None else health_from_item(changed)

    def slow_down(self, tenant_id: str, endpoint_id: str, until_ms: int) -> None:
        """Leave an endpoint alone until a time, or longer where it asked for that before."""
        self._table.update(
            _key(tenant_id, endpoint_id),
            "SET #slowUntil = :until",
            {":until": until_ms},
            "attribute_not_exists(#slowUntil) OR #slowUntil < :until",
        )

    def succeeded(self, tenant_id: str, endpoint_id: str, seen: Health) -> bool:
        """Close the breaker and forget the failures; tell whether there were any."""
        if not (seen.consecutive_failures or seen.failing_since is not None or seen.open_until is not None):
            return False
        self._table.update(_key(tenant_id, endpoint_id), _RESET, {":zero": 0})
        return True

    def tell(self, tenant_id: str, endpoint_id: str, since_ms: int) -> None:
        """Record since when an endpoint is in trouble, before its tenant is told; an earlier time stays."""
        self._table.update(
            _key(tenant_id, endpoint_id),
            "SET #toldSince = :since",
            {":since": since_ms},
            "attribute_not_exists(#toldSince)",
        )

    def end_trouble(self, tenant_id: str, endpoint_id: str, since_ms: int) -> None:
        """Record that a tenant was told that an endpoint is back."""
        self._table.update(
            _key(tenant_id, endpoint_id), "REMOVE #toldSince", {":since": since_ms}, "#toldSince = :since"
        )

    def reset(self, tenant_id: str, endpoint_id: str) -> None:
        """Give an endpoint that was activated a fresh start; what its rate limit has given away stays given away."""
        self._table.update(
            _key(tenant_id, endpoint_id), _RESET.replace("#failingSince", "#failingSince, #slowUntil"), {":zero": 0}
        )


def _key(tenant_id: str, endpoint_id: str) -> dict[str, str]:
    return {TENANT_KEY: tenant_id, ITEM_KEY: health_item(endpoint_id)}
