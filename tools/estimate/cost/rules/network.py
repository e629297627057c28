"""VPC endpoints: hours in each zone, and what goes through."""

from collections.abc import Iterable

from tools.estimate.cost.case import GB, Case
from tools.estimate.cost.rules.rule import Line, Paid, PricingRule
from tools.estimate.synthesized import Resource


def _endpoint(resource: Resource, case: Case) -> Iterable[Line]:
    if resource.get("vpc_endpoint_type", "Gateway") == "Gateway":
        # Endpoints of S3 and DynamoDB are free: https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
        return
    service = str(resource.get("service_name")).rsplit(".", maxsplit=1)[-1]
    zones = len(resource.get("subnet_ids", []))
    yield Line(
        resource=resource.address,
        service="VPC",
        what="interface endpoints",
        quantity=zones * case.assume.hours_per_month,
        price=case.price("endpoint-hour"),
        formula=f"{zones} zones x {case.assume.hours_per_month:.0f} h",
        paid=Paid.IDLE,
    )
    through = {"sqs": case.message_bytes, "events": case.processed.event_bytes}.get(service, 0.0)
    if through:
        yield Line(
            resource=resource.address,
            service="VPC",
            what=f"through the endpoint of {service}",
            quantity=case.webhooks * through / GB,
            price=case.price("endpoint-gb"),
            formula=f"webhooks x {through:,.0f} bytes",
        )


RULES: dict[str, PricingRule] = {"aws_vpc_endpoint": _endpoint}
