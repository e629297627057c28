"""Writes of several items together, which DynamoDB carries out all or none."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from lambdas.delivery.http.problems import unavailable
from lambdas.delivery.store.tables import TableBusyError, transact

# Transactions that meet at an item are cancelled, and do not wait for each other.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
TRIES = 6
FIRST_PAUSE_SECONDS = 0.025


def write_together(
    dynamodb: Any, writes: Sequence[dict[str, Any]], pause: Callable[[float], None] = time.sleep
) -> Sequence[dict[str, Any]]:
    """Write items together.

    Returns
    -------
    Sequence[dict[str, Any]]
        Nothing when they are written; when a condition does not hold, the reason of each write, in their order.

    Raises
    ------
    ProblemError
        503, when other transactions keep getting in the way. Nothing was written then.
    """

    def wait(number: int) -> None:
        pause(FIRST_PAUSE_SECONDS * 2**number * random.uniform(0.5, 1.5))  # noqa: S311 - spreads, hides nothing

    try:
        return transact(dynamodb, writes, TRIES, wait)
    except TableBusyError as error:
        raise unavailable() from error


def refused(reasons: Sequence[dict[str, Any]], place: int) -> bool:
    """Tell whether it was the condition of the write at a place that did not hold."""
    return bool(reasons) and reasons[place].get("Code") == "ConditionalCheckFailed"
