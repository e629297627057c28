"""The store of endpoints' health: breaker, rate limit, slow-down, enforced over all workers by conditional writes."""

from dataclasses import dataclass
from typing import Any

from lambdas.delivery.domain.circuit_breaker import has_to_open, open_ms
from lambdas.delivery.domain.errors import StoreBusyError
from lambdas.delivery.domain.model import Health
from lambdas.delivery.domain.rate_limit import NEAR_MS, interval_ms
from lambdas.delivery.store.items import ITEM_KEY, TENANT_KEY, health_from_item, health_item
from lambdas.delivery.store.tables import Table

_MAX_ROUNDS = 10
_NEVER = 10**15
_RESET = "REMOVE #openUntil, #probingUntil, #failingSince SET #consecutiveFailures = :zero, #openings = :zero"


@dataclass(frozen=True, kw_only=True)
class _Take:
    """A place to be taken in a sequence of times, all in milliseconds since the epoch.

    Attributes
    ----------
    name : str
        The attribute that holds the next free one.
    first, last : int
        The earliest and the latest that will do.
    interval : int
        From one to the next.
    """

    name: str
    first: int
    last: int
    interval: int


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

    def take_slot(self, tenant_id: str, endpoint_id: str, rate: int, now_ms: int) -> int | None:
        """Take the next slot of the rate limit, if it is near; no two callers get the same.

        Returns
        -------
        int | None
            Milliseconds since the epoch at which the attempt may be made; None when that is too far off.
        """
        # A slot in the future is taken by adding, which any number of workers can do at once; the first after a quiet
        # time by setting, which one of them can. Both are what `rate_limit.slot` says.
        take = _Take(name="nextSlot", first=now_ms, last=now_ms + NEAR_MS, interval=interval_ms(rate))
        return self._take(_key(tenant_id, endpoint_id), take)

    def take_resume_time(self, tenant_id: str, endpoint_id: str, rate: int, now_ms: int) -> int:
        """Take a place at the end of those that the rate limit holds up; return its time in ms."""
        take = _Take(name="nextWake", first=now_ms + NEAR_MS, last=_NEVER, interval=interval_ms(rate))
        at = self._take(_key(tenant_id, endpoint_id), take)
        assert at is not None
        return at

    def _take(self, key: dict[str, str], take: "_Take") -> int | None:
        name, bounds = take.name, {":first": take.first, ":last": take.last}
        for _ in range(_MAX_ROUNDS):
            old = self._table.update(
                key,
                f"SET #{name} = #{name} + :interval",
                {**bounds, ":interval": take.interval},
                f"#{name} > :first AND #{name} <= :last",
                "ALL_OLD",
            )
            if old is not None:
                return int(old[name])
            first = self._table.update(
                key,
                f"SET #{name} = :next",
                {":first": take.first, ":next": take.first + take.interval},
                f"attribute_not_exists(#{name}) OR #{name} <= :first",
            )
            if first is not None:
                return take.first
            # Neither holds: it is too far off, or somebody was faster between the two.
            if int((self._table.get(key) or {}).get(name, 0)) > take.last:
                return None
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

    def succeeded(self, tenant_id: str, endpoint_id: str, seen: Health) -> None:
        """Close the breaker and forget the failures, where there are any."""
        if seen.consecutive_failures or seen.failing_since is not None or seen.open_until is not None:
            self._table.update(_key(tenant_id, endpoint_id), _RESET, {":zero": 0})

    def reset(self, tenant_id: str, endpoint_id: str) -> None:
        """Give an endpoint that was activated a fresh start; what its rate limit has given away stays given away."""
        self._table.update(
            _key(tenant_id, endpoint_id), _RESET.replace("#failingSince", "#failingSince, #slowUntil"), {":zero": 0}
        )


def _key(tenant_id: str, endpoint_id: str) -> dict[str, str]:
    return {TENANT_KEY: tenant_id, ITEM_KEY: health_item(endpoint_id)}
