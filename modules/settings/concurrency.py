"""How many executions are reserved for the functions that events pass through."""

from modules.settings.sections import FunctionSettings

# Lambda refuses a reservation that leaves fewer to all functions of the account that reserve none.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
# What an event source mapping may use at once.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
MIN_MAPPING_CONCURRENCY, MAX_MAPPING_CONCURRENCY = 2, 1_000


def reserved_concurrency(throttle_rate: int, functions: FunctionSettings, *, direct: bool = False) -> dict[str, int]:
    """Return the reserved concurrency of each function that has one.

    Executions at once are requests per second times seconds per request; a setting that names a number overrides it.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

    Parameters
    ----------
    throttle_rate : int
        Requests per second that API Gateway lets through.
    direct : bool
        Whether requests wait for ingestion in the ingest queue. It reserves the same then, by a budget that is an
        average and no ceiling: what comes faster waits. Of Lambda's ten requests a second for each of
        them, a batch is one.
    """
    return {
        "ingestion": functions.ingestion_reserved_concurrency
        or _executions(throttle_rate, functions.ingestion_budget, low=MIN_MAPPING_CONCURRENCY if direct else 1),
        "processing": functions.processing_reserved_concurrency
        or _executions(throttle_rate, functions.processing_budget, low=MIN_MAPPING_CONCURRENCY),
    }


def _executions(rate: int, budget_ms: int, *, low: int) -> int:
    return max(low, -(-rate * budget_ms // 1_000))
