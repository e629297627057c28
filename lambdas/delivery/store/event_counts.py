"""How many events each tenant handed in today: one counter for a tenant and a day, in UTC."""

from typing import Any

from lambdas.delivery.domain.errors import QuotaReachedError
from lambdas.delivery.store.items import EXPIRES_AT, ITEM_KEY, TENANT_KEY
from lambdas.delivery.store.tables import Table
from lambdas.shared import times

_DAY_SECONDS = 86_400


class EventCounts:
    """Counts events, in one write each; those beyond the limit in none, once an execution environment knows.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of endpoints.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)
        # A count never falls within its day: what was refused by a limit stays refused by it.
        self._used_up: dict[str, tuple[str, int]] = {}

    def take(self, tenant_id: str, most: int, now: float) -> None:
        """Count an event.

        Parameters
        ----------
        most : int
            The tenant's events per day.

        Raises
        ------
        QuotaReachedError
            When there were as many today.
        """
        day = times.iso(now)[:10]
        ends = (int(now) // _DAY_SECONDS + 1) * _DAY_SECONDS
        if self._used_up.get(tenant_id) == (day, most):
            raise _reached(most, ends - int(now))
        counted = self._table.update(
            {TENANT_KEY: tenant_id, ITEM_KEY: f"events#{day}"},
            f"ADD #events :one SET #{EXPIRES_AT} = :expiresAt",
            {":one": 1, ":most": most, ":expiresAt": ends + _DAY_SECONDS},
            "attribute_not_exists(#events) OR #events < :most",
        )
        if counted is None:
            self._used_up[tenant_id] = day, most
            raise _reached(most, ends - int(now))


def _reached(most: int, retry_after: int) -> QuotaReachedError:
    return QuotaReachedError(f"{most} events a day are accepted, and there were as many today", retry_after)
