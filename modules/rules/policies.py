"""Policies: every action and every resource that is allowed has a name."""

import re
from collections.abc import Iterator
from typing import Any

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document
from modules.terraform_json.statements import Policy, PolicyStatement, allowing, managed_policies, place_of, policies

# Actions for which AWS takes no resource, or for which its own guide asks for all of them.
_WITHOUT_RESOURCE = {
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    "xray": frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}),
    # Lambda manages the network interfaces of functions in a VPC with the function's own role.
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    "network interfaces": frozenset(
        {
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        }
    ),
    # Lists of what an account has, by names and not by ARNs.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
    "lists": frozenset(
        {"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "logs:DescribeLogGroups"}
    ),
}
_SHORT_LIST = frozenset().union(*_WITHOUT_RESOURCE.values())
_SAYS_SO = "WhichHaveNoArn"
# In the policy of such a resource, `*` means that resource itself.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
_OWN_POLICY = frozenset({"aws_kms_key", "aws_kms_key_policy", "aws_secretsmanager_secret_policy"})
# Such a policy grants nothing: it narrows what passes, and must name a principal.
# https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
_NARROWING = frozenset({"aws_vpc_endpoint", "aws_vpc_endpoint_policy"})
# Services where an ARN begins with the resource's name; elsewhere it begins with its type.
_NAME_FIRST = frozenset({"execute-api", "s3", "sns"})
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_OWN_API = re.compile(r"execute-api:/[^:]*")
# AWS makes up six characters at the end of a secret's ARN.
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html
_SECRET_ENDING = re.compile(r"(?<=[\w/+=.@-])-\?{6}$")
# The policy that API Gateway's guide asks for: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
_MANAGED = ":iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
_LEAST_PRIVILEGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"


def _of(statement: PolicyStatement, part: str) -> tuple[Any, ...]:
    """Return what a statement names as its actions, resources or principals; nothing where it names all others."""
    return () if part in statement.all_but else getattr(statement, part)


@rule(
    "wildcard-action",
    "No policy allows an action with * or ? in it.",
    where=Where.BOTH,
    remedy="List the actions that are called, each by its whole name.",
    source=f"FN-1; {_LEAST_PRIVILEGE}",
    also=("iam-action",),
)
def _wildcard_actions(stack: Document) -> Iterator[Found]:
    for place, _, statement in allowing(stack):
        if wild := [action for action in _of(statement, "actions") if re.search(r"[*?]", action)]:
            yield place, f"{statement.label} allows {', '.join(wild)}"


@rule(
    "wildcard-resource",
    "A policy allows * as a resource only for X-Ray writes, for the network interfaces of functions in a VPC, and to "
    f"list alarms, metrics and log groups, under a sid with the word {_SAYS_SO}; any other * comes below one named "
    "resource.",
    where=Where.BOTH,
    remedy="Name the resource by the attribute of the construct that makes it.",
    source=f"FN-1; {_LEAST_PRIVILEGE}",
    also=("iam-resource",),
)
def _wildcard_resources(stack: Document) -> Iterator[Found]:
    for place, policy, statement in allowing(stack):
        for resource in _of(statement, "resources"):
            if resource == "*":
                if problem := _everything(policy, statement):
                    yield place, problem
            elif not is_below_one(resource):
                yield place, f"{statement.label} allows {resource}, which is more than one resource"


def _everything(policy: Policy, statement: PolicyStatement) -> str:
    if policy.carrier.type in _OWN_POLICY:
        return ""
    actions = _of(statement, "actions")
    others = [action for action in actions if action not in _SHORT_LIST]
    if others or not actions:
        return f"{statement.label} allows {', '.join(others) or 'actions'} on every resource"
    if _SAYS_SO not in statement.sid:
        return (
            f"{statement.label} allows {', '.join(actions)} on every resource, as it must, but its sid does "
            f"not say so with the word {_SAYS_SO}"
        )
    return ""


def is_below_one(resource: str) -> bool:
    """Tell whether a resource is one, or is below one that is named."""
    if not re.search(r"[*?]", resource):
        return True
    reference = _REFERENCE.match(resource)
    if reference:
        # Nothing is left where the * or ? stands in the expression itself: `x[*].arn`, or one that chooses or joins.
        return resource[reference.end() :].startswith(("/", ":"))
    if _OWN_API.fullmatch(resource):
        return True
    parts = _REFERENCE.sub("x", _SECRET_ENDING.sub("", resource)).split(":", 5)
    if len(parts) < 6 or any(re.search(r"[*?]", part) for part in parts[:5]):
        return False
    separator = re.search(r"[:/]", parts[5])
    named = parts[5].split(separator[0]) if separator else [parts[5]]
    return not any(re.search(r"[*?]", part) for part in named[: 1 if parts[2] in _NAME_FIRST else 2])


@rule(
    "negated-policy",
    "No policy allows what it does not name, by NotAction, NotResource or NotPrincipal.",
    where=Where.BOTH,
    remedy="Say what is allowed instead of what is not.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html",
    also=("iam-action",),
)
def _negated(stack: Document) -> Iterator[Found]:
    for place, _, statement in allowing(stack):
        if statement.all_but:
            parts = ", ".join(sorted(statement.all_but))
            yield place, f"{statement.label} allows everything but the {parts} that it lists"


@rule(
    "anyone-allowed",
    "No policy and no function's permission allows anybody as principal; that of a VPC endpoint grants "
    "nothing and may.",
    where=Where.SYNTH,
    remedy="Name the service or the role, and where it calls from.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)
def _anyone(stack: Document) -> Iterator[Found]:
    for place, policy, statement in allowing(stack):
        everybody = [principal for _, principal in _of(statement, "principals") if "*" in principal]
        if everybody and policy.carrier.type not in _NARROWING:
            yield place, f"{statement.label} allows the principal {', '.join(everybody)}"


@rule(
    "managed-policy",
    "No policy from outside the stack is attached, but the one that API Gateway's log role needs.",
    where=Where.BOTH,
    remedy="Write its statements into a policy of the stack: those that AWS manages change, and are full of *.",
    source=f"FN-1; {_LEAST_PRIVILEGE}",
    also=("iam-managed-policy",),
)
def _managed(stack: Document) -> Iterator[Found]:
    for policy in managed_policies(stack):
        if not policy.arn.endswith(_MANAGED):
            yield (
                policy.attachment,
                f"it attaches {stack.plain(policy.arn)}, and the statements of that are not in the stack",
            )


@rule(
    "unreadable-policy",
    "Every policy can be read.",
    where=Where.BOTH,
    remedy="Write it with modules.constructs.policy.policy_document, or as JSON text: nobody reviews what is "
    "computed later.",
    source="this project: a plan shows every sid and action",
    also=("iam-readable",),
)
def _unreadable(stack: Document) -> Iterator[Found]:
    for policy in policies(stack):
        for holder, attribute in policy.unreadable:
            yield place_of(stack, policy, holder), f"{attribute} cannot be read"
        if not policy.statements and not policy.unreadable:
            yield policy.carrier, "it has a policy without a statement"
        for statement in policy.statements:
            if any("${" in action for action in statement.actions):
                yield place_of(stack, policy, statement.held_by), f"the actions of {statement.label} are not known"


@rule(
    "passed-role",
    "iam:PassRole is allowed with the condition iam:PassedToService only.",
    where=Where.SYNTH,
    remedy="Name the one service that gets the role in a condition on iam:PassedToService.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
)
def _role_for_any_service(stack: Document) -> Iterator[Found]:
    for place, _, statement in allowing(stack):
        if "iam:PassRole" in statement.actions and not statement.conditions_on("iam:PassedToService"):
            yield place, f"{statement.label} allows iam:PassRole to any service"
