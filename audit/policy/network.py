"""The network: functions are in it, nothing comes in from outside, and only HTTPS goes out."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document
from tools.audit.model.network import paths


@rule(
    "network-ingress",
    "No security group lets in from anywhere",
    where=Where.PLAN,
    why="Functions are invoked by AWS, never over their network interface: nobody has to come in.",
    source="NET-1; https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
)
def nobody_comes_in(plan: Document) -> Iterator[Found]:
    """Yield rules that let in from any address."""
    for path in paths(plan):
        if path.inward and path.anywhere:
            yield path.resource, "lets in from anywhere"


@rule(
    "network-egress",
    "Security groups let out HTTPS only",
    where=Where.PLAN,
    why="Whoever takes over a function could otherwise send data to any port of any machine.",
    source="NET-1; https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
)
def only_https_goes_out(plan: Document) -> Iterator[Found]:
    """Yield rules that let out anything but TCP 443."""
    for path in paths(plan):
        if not path.inward and not path.https:
            protocol, first, last = path.ports
            yield path.resource, f"lets out protocol {protocol}, ports {first} to {last}"


@rule(
    "function-network",
    "Where a stack has a VPC, every function runs in it",
    where=Where.PLAN,
    why="A function outside is not held by the security group and the endpoints that the others have.",
    source="NET-1; https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
)
def function_is_in_the_vpc(plan: Document) -> Iterator[Found]:
    """Yield functions outside the VPC."""
    if plan.all("aws_vpc"):
        for function in plan.all("aws_lambda_function"):
            if not function.get("vpc_config.subnet_ids"):
                yield function, "runs outside the stack's VPC"
