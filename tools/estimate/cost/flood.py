"""What a flood of forgeries adds to the bill at most, through what the quarantine keeps of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.inbound.quarantine import MAX_BLOCKS, QUARANTINE_PREFIX, UNIT_BYTES
from tools.estimate.cost.case import DAYS_PER_MONTH, GB, Case

HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Flood:
    """The most that the quarantine costs in a day, if somebody floods every provider all day.

    Attributes
    ----------
    per_hour : int
        Webhooks that are kept of each provider in an hour.
    providers : int
        Providers.
    usd : Mapping[str, float]
        What is paid for, and USD for one provider and day, until the last of that day's webhooks has expired.
    """

    per_hour: int
    providers: int
    usd: Mapping[str, float]

    @property
    def per_provider(self) -> float:
        """USD a day for one provider."""
        return sum(self.usd.values())

    @property
    def per_day(self) -> float:
        """USD a day for all providers."""
        return self.per_provider * self.providers

    def words(self) -> str:
        """Return a sentence about it."""
        parts = ", ".join(f"{what} {usd:.2f}" for what, usd in self.usd.items())
        return (
            f"A flood of forgeries costs at most USD {self.per_provider:.2f} more a day for each provider, "
            f"{self.per_day:.2f} for all {self.providers}: {self.per_hour:,} an hour are quarantined ({parts})."
        )


def flood(case: Case) -> Flood | None:
    """Return what a flood costs at most; None without a quarantine.

    It takes the largest webhooks that the allowance lets in, and every execution to ask once an hour in vain.
    """
    ingestion = case.path.ingestion
    variables = case.stack.variables(ingestion) if ingestion is not None else {}
    if ingestion is None or "QUARANTINE_PER_HOUR" not in variables:
        return None
    per_hour = int(variables["QUARANTINE_PER_HOUR"])
    kept = per_hour * HOURS
    writes = HOURS * (MAX_BLOCKS + int(ingestion.get("reserved_concurrent_executions", 0)))
    memory = int(ingestion.get("memory_size", 128))
    architecture = ingestion.get("architectures", ["x86_64"])[0]
    # A version that expired is gone a day later.
    months = (_days(case) + 1) / DAYS_PER_MONTH
    amounts = {
        "PUT": ("s3-put", kept),
        "kept bytes": ("s3-standard-storage", kept * UNIT_BYTES / GB * months),
        "counting": ("dynamodb-write-unit", writes),
        "duration": (
            f"lambda-gb-second-{architecture}",
            kept * case.assume.invocation_s(["PutObject"], memory) * memory / 1024,
        ),
    }
    return Flood(
        per_hour=per_hour,
        providers=len(json.loads(variables["PROVIDERS"])),
        usd={what: case.price(price).usd * quantity for what, (price, quantity) in amounts.items()},
    )


def _days(case: Case) -> int:
    """Return after how many days the bucket removes what is quarantined."""
    for lifecycle in case.stack.all("aws_s3_bucket_lifecycle_configuration"):
        for rule in lifecycle.blocks("rule"):
            if any(each.get("prefix") == QUARANTINE_PREFIX for each in rule.get("filter", [])):
                return int(rule["expiration"][0]["days"])
    raise ValueError("no lifecycle rule ends the quarantine")
