"""DynamoDB and S3: writes, what is kept, and what moving it to Glacier costs."""

from collections.abc import Iterable, Mapping
from typing import Any

from tools.estimate.cost.case import DAYS_PER_MONTH, GB, Case
from tools.estimate.cost.rules.rule import Line, NoPriceError, Paid, PricingRule
from tools.estimate.synthesized import Resource

# What S3 adds to each object in Glacier, in either class.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html#sc-glacier
GLACIER_OVERHEAD_BYTES = 32 * 1024
STANDARD_OVERHEAD_BYTES = 8 * 1024
_DYNAMODB, _S3 = "DynamoDB", "S3"


def _table(resource: Resource, case: Case) -> Iterable[Line]:
    seen = case.processed
    if resource.get("billing_mode") == "PAY_PER_REQUEST":
        yield from _on_demand(resource, case)
    else:
        yield from _provisioned(resource, case)
    kept = case.webhooks * seen.item_bytes * case.workload.months / GB
    formula = f"webhooks x {seen.item_bytes:,.0f} bytes with indexes x {case.workload.months:g} months"
    yield Line(
        resource=resource.address,
        service=_DYNAMODB,
        what="records kept",
        quantity=kept,
        price=case.price("dynamodb-storage"),
        paid=Paid.KEEPING,
        formula=formula,
    )
    if resource.block("point_in_time_recovery").get("enabled"):
        yield Line(
            resource=resource.address,
            service=_DYNAMODB,
            what="continuous backup",
            quantity=kept,
            price=case.price("dynamodb-point-in-time-recovery"),
            paid=Paid.KEEPING,
            formula=formula,
        )
    encryption = resource.block("server_side_encryption")
    if encryption.get("enabled"):
        yield Line(
            resource=resource.address,
            service="KMS",
            what="the table's key",
            quantity=case.month_s / case.assume.key_cache_s,
            price=case.price("kms-request"),
            formula=f"one request every {case.assume.key_cache_s:.0f} s, for the one function that writes",
        )


def _on_demand(resource: Resource, case: Case) -> Iterable[Line]:
    seen = case.processed
    units = {
        "writes to the table": (seen.table_units, "dynamodb-write-unit"),
        "writes to its indexes": (seen.index_units, "dynamodb-write-unit"),
        "reads": (seen.read_units, "dynamodb-read-unit"),
    }
    for what, (each, price) in units.items():
        if each:
            yield Line(
                resource=resource.address,
                service=_DYNAMODB,
                what=what,
                quantity=case.webhooks * each,
                price=case.price(price),
                formula=f"webhooks x {each:.3g} units observed",
            )


def _provisioned(resource: Resource, case: Case) -> Iterable[Line]:
    indexes = resource.blocks("global_secondary_index")
    for what, attribute, price in (
        ("write capacity", "write_capacity", "dynamodb-write-capacity-hour"),
        ("read capacity", "read_capacity", "dynamodb-read-capacity-hour"),
    ):
        units = [float(part.get(attribute, 0)) for part in ({attribute: resource.get(attribute, 0)}, *indexes)]
        yield Line(
            resource=resource.address,
            service=_DYNAMODB,
            what=what,
            quantity=sum(units) * case.assume.hours_per_month,
            price=case.price(price),
            formula=f"{' + '.join(f'{unit:g}' for unit in units)} units x {case.assume.hours_per_month:.0f} h",
            paid=Paid.IDLE,
        )


def _bucket(resource: Resource, case: Case) -> Iterable[Line]:
    seen = case.processed
    ingested = len(case.ingested.objects) if case.ingested else 0
    yield Line(
        resource=resource.address,
        service=_S3,
        what="payloads archived",
        quantity=case.webhooks * (seen.puts + ingested),
        price=case.price("s3-put"),
        formula=f"webhooks x {seen.puts + ingested:.3g} PUT(s)",
    )
    months, _ = _months(resource, case)
    yield Line(
        resource=resource.address,
        service=_S3,
        what="payloads kept in Standard",
        quantity=case.webhooks * _bytes(case) * months / GB,
        price=case.price("s3-standard-storage"),
        paid=Paid.KEEPING,
        formula=f"webhooks x {_bytes(case):,.0f} bytes x {months:.3g} months",
    )


def _lifecycle(resource: Resource, case: Case) -> Iterable[Line]:
    bucket = next(iter(case.stack.referred(resource.get("bucket", ""))))
    _, months = _months(bucket, case)
    if months <= 0:
        return
    objects = case.processed.objects + (len(case.ingested.objects) if case.ingested else 0)
    yield Line(
        resource=resource.address,
        service=_S3,
        what="objects moved to Glacier",
        quantity=case.webhooks * objects,
        price=case.price("s3-glacier-transition"),
        paid=Paid.KEEPING,
        formula=f"webhooks x {objects:.3g} object(s)",
    )
    yield Line(
        resource=resource.address,
        service=_S3,
        what="payloads kept in Glacier",
        quantity=case.webhooks * (_bytes(case) + objects * GLACIER_OVERHEAD_BYTES) * months / GB,
        price=case.price("s3-glacier-storage"),
        paid=Paid.KEEPING,
        formula=f"webhooks x ({_bytes(case):,.0f} bytes + 32 KB x {objects:.3g}) x {months:.3g} months",
    )
    yield Line(
        resource=resource.address,
        service=_S3,
        what="index of what is in Glacier",
        quantity=case.webhooks * objects * STANDARD_OVERHEAD_BYTES * months / GB,
        price=case.price("s3-standard-storage"),
        paid=Paid.KEEPING,
        formula=f"webhooks x 8 KB x {objects:.3g} x {months:.3g} months",
    )


def _bytes(case: Case) -> float:
    """Return the bytes that S3 keeps for one webhook."""
    return case.processed.object_bytes + sum(case.ingested.objects if case.ingested else ())


def _months(bucket: Resource, case: Case) -> tuple[float, float]:
    """Return for how many months a payload is in Standard, and for how many in Glacier."""
    kept = case.workload.months
    objects = case.processed.objects + (len(case.ingested.objects) if case.ingested else 0)
    size = _bytes(case) / objects if objects else 0.0
    after = kept
    for lifecycle in case.stack.pointing_at("aws_s3_bucket_lifecycle_configuration", "bucket", bucket):
        for rule in lifecycle.blocks("rule"):
            for transition in rule.get("transition", []):
                if transition["storage_class"] != "GLACIER":
                    raise NoPriceError(f"{lifecycle.address}: no price for {transition['storage_class']}")
                if size > _least(rule):
                    after = min(after, float(transition["days"]) / DAYS_PER_MONTH)
    return after, kept - after


def _least(rule: Mapping[str, Any]) -> float:
    """Return the size above which a lifecycle rule moves an object."""
    filters = rule.get("filter") or [{}]
    first = filters[0] if isinstance(filters, list) else filters
    joined = first.get("and") or [first]
    joined = joined[0] if isinstance(joined, list) else joined
    # S3 itself leaves what is smaller than 128 KB, unless a rule names a size.
    return float(joined.get("object_size_greater_than", 131_072 - 1))


RULES: dict[str, PricingRule] = {
    "aws_dynamodb_table": _table,
    "aws_s3_bucket": _bucket,
    "aws_s3_bucket_lifecycle_configuration": _lifecycle,
}
