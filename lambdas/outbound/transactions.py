"""Writes of several items together, which DynamoDB carries out all or none."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.outbound.problems import unavailable
from lambdas.shared.dynamodb import cancellation_reasons

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
    for attempt in range(TRIES):
        try:
            dynamodb.transact_write_items(TransactItems=writes)
        except ClientError as error:
            reasons = cancellation_reasons(error)
            codes = {reason.get("Code") for reason in reasons}
            if "ConditionalCheckFailed" in codes:
                return reasons
            if "TransactionConflict" not in codes:
                raise
            pause(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads, hides nothing
        else:
            return ()
    raise unavailable()


def refused(reasons: Sequence[dict[str, Any]], place: int) -> bool:
    """Tell whether it was the condition of the write at a place that did not hold."""
    return bool(reasons) and reasons[place].get("Code") == "ConditionalCheckFailed"
