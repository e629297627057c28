"""The network: functions are in it, nothing comes in from outside, and only HTTPS goes out."""

from collections.abc import Iterator

from tools.audit.model.functions import functions
from tools.audit.model.network import paths
from tools.audit.model.plan import Plan, Violation
from tools.audit.rules import rule


@rule(
    "network-ingress",
    "No security group lets in from anywhere",
    why="Functions are invoked by AWS, never over their network interface: nobody has to come in.",
    source="NET-1; https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
)
def nobody_comes_in(plan: Plan) -> Iterator[Violation]:
    """Yield rules that let in from any address."""
    for path in paths(plan):
        if path.inward and path.anywhere:
            yield path.resource.breaks("lets in from anywhere")


@rule(
    "network-egress",
    "Security groups let out HTTPS only",
    why="Whoever takes over a function could otherwise send data to any port of any machine.",
    source="NET-1; https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
)
def only_https_goes_out(plan: Plan) -> Iterator[Violation]:
    """Yield rules that let out anything but TCP 443."""
    for path in paths(plan):
        if not path.inward and not path.https:
            protocol, first, last = path.ports
            yield path.resource.breaks(f"lets out protocol {protocol}, ports {first} to {last}")


@rule(
    "function-network",
    "Where a stack has a VPC, every function runs in it",
    why="A function outside is not held by the security group and the endpoints that the others have.",
    source="NET-1; https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
)
def function_is_in_the_vpc(plan: Plan) -> Iterator[Violation]:
    """Yield functions outside the VPC."""
    if plan.all("aws_vpc"):
        for function in functions(plan):
            if not function.resource.get("vpc_config.subnet_ids"):
                yield function.resource.breaks("runs outside the stack's VPC")
