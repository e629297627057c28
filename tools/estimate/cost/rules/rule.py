"""What a pricing rule says of a resource."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tools.estimate.cost.case import Case
from tools.estimate.cost.prices import Price
from tools.estimate.synthesized import Resource


class NoPriceError(Exception):
    """A resource has no pricing rule and is not known to be free, or has something that its rule does not price."""


class Paid(StrEnum):
    """What a line is paid for."""

    PASSING = "passing"
    """Each webhook, once, as it passes through."""
    KEEPING = "keeping"
    """Each webhook, for as long as its payload and its record are kept."""
    BUSY = "busy"
    """A month in which anything is sent, however much: metrics."""
    IDLE = "idle"
    """A month, whether anything is sent or not."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the bill.

    Attributes
    ----------
    resource : str
        Terraform address.
    service, what : str
        The service, and what is paid for.
    quantity : float
        Of a month, in the price's unit.
    price : Price
        The list price.
    formula : str
        How the quantity came about, in words and numbers.
    paid : Paid
        What it is paid for.
    """

    resource: str
    service: str
    what: str
    quantity: float
    price: Price
    formula: str
    paid: Paid = Paid.PASSING

    @property
    def usd(self) -> float:
        """USD a month."""
        return self.price.cost(self.quantity)


PricingRule = Callable[[Resource, Case], Iterable[Line]]

# Attributes that cost and that no rule prices, by type. An empty or false value is none.
UNPRICED: Mapping[str, tuple[str, ...]] = {
    "aws_api_gateway_stage": ("cache_cluster_enabled",),
    "aws_dynamodb_table": ("replica", "stream_enabled", "local_secondary_index", "restore_to_time"),
    "aws_lambda_event_source_mapping": ("provisioned_poller_config",),
    "aws_lambda_function": ("ephemeral_storage", "snap_start", "file_system_config"),
    "aws_s3_bucket": ("replication_configuration", "lifecycle_rule"),
    "aws_sqs_queue": ("kms_master_key_id",),
    "aws_sns_topic": ("kms_master_key_id",),
    "aws_cloudwatch_event_target": ("http_target", "ecs_target", "batch_target"),
}


def lines_of(case: Case, rules: Mapping[str, PricingRule], free: Mapping[str, str]) -> list[Line]:
    """Return the bill's lines for every resource of a stack.

    Raises
    ------
    NoPriceError
        When a resource is of a type that has neither a rule nor a reason to be free, or says something that costs and
        that its rule does not price. Nothing is free by being forgotten.
    """
    lines: list[Line] = []
    for resource in case.stack.resources():
        if resource.type in rules:
            _check_attributes(resource)
            lines += rules[resource.type](resource, case)
        elif resource.type not in free:
            raise NoPriceError(
                f"{resource.address}: no pricing rule for {resource.type}. Write one in tools/estimate/cost/rules, or "
                "add the type to tools/estimate/cost/rules/free.py with the reason why it is free"
            )
    return lines


def _check_attributes(resource: Resource) -> None:
    for attribute in UNPRICED.get(resource.type, ()):
        if resource.get(attribute):
            raise NoPriceError(
                f"{resource.address}: {attribute} costs, and no rule of tools/estimate/cost/rules prices it"
            )
