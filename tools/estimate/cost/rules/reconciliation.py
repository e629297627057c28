"""Reconciliation: runs by a schedule, pages of the providers' lists, and reads of the records that are compared."""

import json
import re
from collections.abc import Iterator

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.lists.registry import LISTS
from modules.settings.reconciliation import RUN_SECONDS
from tools.estimate.cost.case import Case
from tools.estimate.cost.rules.rule import Line, NoPriceError, Paid
from tools.estimate.synthesized import Resource

# What a run calls besides its pages: it reads, opens and closes its progress, and writes its report.
_OF_A_RUN = ("GetItem", "PutItem", "PutItem", "PutObject")
_OF_A_PAGE = ("BatchGetItem", "PutItem")
# Of the provider's API, for its registration: where there are two
_CALLS_OF_A_WATCH = 2
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)", re.ASCII)
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def runs_every(function: Resource, case: Case) -> dict[str, float]:
    """Return the deployed names for which a schedule runs a function, with the seconds from one run to the next."""
    found = {}
    for target in case.stack.pointing_at("aws_cloudwatch_event_target", "arn", function):
        for rule in case.stack.referred(target.get("rule", "")):
            rate = _RATE.fullmatch(str(rule.get("schedule_expression", "")))
            if rate is None:
                raise NoPriceError(f"{target.address}: only a schedule of rate(...) is priced as what runs a function")
            found[json.loads(target.get("input"))["provider"]] = float(rate[1]) * _SECONDS[rate[2]]
    return found


def reconciliation(function: Resource, case: Case) -> Iterator[Line]:
    """Yield what reconciling each provider costs: when nothing is sent, and for what the lists have."""
    given = json.loads(case.stack.variables(function)["PROVIDERS"])
    reader = case.path.ingestion or case.path.processing
    share = case.webhooks / max(1, len(json.loads(case.stack.variables(reader).get("PROVIDERS", "{}"))))
    memory = int(function.get("memory_size", 128))
    gb_second = f"lambda-gb-second-{function.get('architectures', ['x86_64'])[0]}"
    for name, every in runs_every(function, case).items():
        kind, runs = LISTS[given[name]["entry"]], case.month_s / every
        times = 1 + given[name]["overlap"] / every
        keys = 1 if REGISTRY[given[name]["entry"]].identity.without_id is None else 2
        api_s = max(case.assume.provider_api_ms / 1000, 1 / kind.per_second)
        page_s = api_s + case.assume.invocation_s(list(_OF_A_PAGE), memory)
        run_s = case.assume.invocation_s(list(_OF_A_RUN), memory) + _CALLS_OF_A_WATCH * api_s + page_s
        event_s = page_s / kind.page_size + (api_s if kind.one_by_one else 0)
        # No more than the time of the runs is enough for.
        listed = min(share * times, runs * RUN_SECONDS / event_s)
        run, each = f"a run every {every:,.0f} s", f"webhooks of the provider x {times:.3g} times listed"
        for paid, service, what, quantity, price, formula in (
            (Paid.IDLE, "Lambda", "reconciliations", runs, "lambda-request", run),
            (
                Paid.IDLE,
                "Lambda",
                "duration of reconciliations",
                runs * run_s * memory / 1024,
                gb_second,
                f"{run} x {run_s * 1000:.0f} ms x {memory} MB",
            ),
            (Paid.IDLE, "DynamoDB", "progress of reconciliations", 3 * runs, "dynamodb-write-unit", f"{run} x 3"),
            (Paid.IDLE, "S3", "reports of reconciliations", runs, "s3-put", run),
            (Paid.IDLE, "Secrets Manager", "keys for reconciliations", runs * (1 + kind.signed), "secret-request", run),
            (
                Paid.PASSING,
                "Lambda",
                "duration of listing",
                listed * event_s * memory / 1024,
                gb_second,
                f"{each} x {event_s * 1000:.1f} ms x {memory} MB",
            ),
            (
                Paid.PASSING,
                "DynamoDB",
                "records compared",
                listed * keys,
                "dynamodb-read-unit",
                f"{each} x {keys} read(s)",
            ),
            (
                Paid.PASSING,
                "DynamoDB",
                "progress of listing",
                listed / kind.page_size,
                "dynamodb-write-unit",
                f"{each} / {kind.page_size} in a page",
            ),
        ):
            yield Line(
                resource=function.address,
                service=service,
                what=f"{what}: {name}",
                quantity=quantity,
                price=case.price(price),
                formula=formula,
                paid=paid,
            )
