"""The daily statement: a run each hour, the reads of a quiet day, and those of each record."""

import json
from collections.abc import Iterator

from lambdas.statement.counting import HOURS
from modules.constructs.schedule import HOUR
from tools.estimate.cost.case import DAYS_PER_MONTH, Case
from tools.estimate.cost.rules.rule import Line, Paid
from tools.estimate.synthesized import Resource

# Queries of a provider's day: one for each shard of each hour.
_QUERIES = 10 * HOURS
# What a run calls that has nothing to do.
_OF_A_RUN = ("ListObjects",)
# Statement, page, and the progress of a long day.
_PUTS = 3
# Bytes of an entry in the index by time of receipt, and of a read unit that need not be consistent.
_ENTRY_BYTES, _UNIT_BYTES = 200, 2 * 4_096


def is_statement(function: Resource) -> bool:
    """Return whether a function makes statements."""
    return str(function.get("handler", "")).startswith("lambdas.statement.")


def statement(function: Resource, case: Case) -> Iterator[Line]:
    """Yield what statements cost: when nothing is sent, and for each record."""
    variables = case.stack.variables(function)
    # Dead letters that cannot be read are a provider of their own.
    providers, look_back = len(json.loads(variables["PROVIDERS"])) + 1, int(variables["LOOK_BACK_DAYS"])
    memory = int(function.get("memory_size", 128))
    gb_second = f"lambda-gb-second-{function.get('architectures', ['x86_64'])[0]}"
    runs, days = case.month_s / HOUR, DAYS_PER_MONTH
    queries = providers * _QUERIES * (1 + look_back) * days
    # They are made side by side, so that the CPU is what they take.
    query_s = case.assume.cpu_ms_per_call / 1_000
    record_s = case.assume.cpu_ms_per_counted_record / 1_000
    looked_at = case.webhooks * (1 + look_back) * _ENTRY_BYTES / _UNIT_BYTES
    of_day = f"{providers} providers x {_QUERIES} x {1 + look_back} days looked at x {days:.4g} days"
    for paid, service, what, quantity, price, formula in (
        (Paid.IDLE, "Lambda", "runs", runs, "lambda-request", "a run every hour"),
        (
            Paid.IDLE,
            "Lambda",
            "duration on quiet days",
            (runs * case.assume.invocation_s(list(_OF_A_RUN), memory) + queries * query_s) * memory / 1024,
            gb_second,
            f"{of_day} x {query_s * 1_000:.1f} ms x {memory} MB",
        ),
        (Paid.IDLE, "DynamoDB", "queries", queries / 2, "dynamodb-read-unit", f"{of_day} / 2"),
        (Paid.IDLE, "S3", "statements", _PUTS * days, "s3-put", f"{_PUTS} x {days:.4g} days"),
        (Paid.IDLE, "CloudWatch", "metric of statements", days / 730, "custom-metric", "an hour a day of one metric"),
        (
            Paid.PASSING,
            "Lambda",
            "duration of counting",
            case.webhooks * record_s * memory / 1024,
            gb_second,
            f"webhooks x {record_s * 1_000:.2f} ms x {memory} MB",
        ),
        (Paid.PASSING, "DynamoDB", "records counted", case.webhooks, "dynamodb-read-unit", "webhooks x 1 read"),
        (
            Paid.PASSING,
            "DynamoDB",
            "entries looked at",
            looked_at,
            "dynamodb-read-unit",
            f"webhooks x {1 + look_back} days x {_ENTRY_BYTES} bytes / {_UNIT_BYTES}, at most: a listing is one",
        ),
    ):
        yield Line(
            resource=function.address,
            service=service,
            what=f"{what} of the daily statement" if what != "statements" else "daily statements",
            quantity=quantity,
            price=case.price(price),
            formula=formula,
            paid=paid,
        )
