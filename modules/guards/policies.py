"""Policies: every action and every resource that is allowed has a name."""

import re
from collections.abc import Iterator

from modules.guards.guard import Finding, Guard
from modules.terraform_json.document import Configuration, Resource, listed
from modules.terraform_json.statements import PolicyStatement, statements, unreadable_policies

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
}
_SHORT_LIST = frozenset().union(*_WITHOUT_RESOURCE.values())
_SAYS_SO = "WhichHaveNoArn"
# In the policy of such a resource, `*` means that resource itself.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
_OWN_POLICY = frozenset({"aws_kms_key", "aws_kms_key_policy", "aws_secretsmanager_secret_policy"})
# Such a policy grants nothing: it narrows what passes, and must name a principal.
# https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
_NARROWING = frozenset({"aws_vpc_endpoint", "aws_vpc_endpoint_policy"})
# Services whose ARNs begin with the resource's name; those of others begin with its type.
_NAME_FIRST = frozenset({"execute-api", "s3", "sns"})
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_OWN_API = re.compile(r"execute-api:/[^:]*")
# AWS makes up six characters at the end of a secret's ARN.
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html
_SECRET_ENDING = re.compile(r"(?<=[\w/+=.@-])-\?{6}$")
# The policy that API Gateway's guide asks for: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
_MANAGED = frozenset({"service-role/AmazonAPIGatewayPushToCloudWatchLogs"})


def _wildcard_actions(configuration: Configuration) -> Iterator[Finding]:
    for statement in statements(configuration):
        wild = [action for action in statement.actions if re.search(r"[*?]", action)]
        if statement.allows and wild:
            yield Finding(statement.path, f"{statement.label} allows {', '.join(wild)}")


def _wildcard_resources(configuration: Configuration) -> Iterator[Finding]:
    for statement in statements(configuration):
        if not statement.allows:
            continue
        for resource in statement.resources:
            if resource == "*":
                if problem := _everything(statement):
                    yield Finding(statement.path, problem)
            elif not _is_below_one(resource):
                yield Finding(statement.path, f"{statement.label} allows {resource}, which is more than one resource")


def _everything(statement: PolicyStatement) -> str:
    if statement.is_only_of(_OWN_POLICY):
        return ""
    others = [action for action in statement.actions if action not in _SHORT_LIST]
    if others or not statement.actions:
        return f"{statement.label} allows {', '.join(others) or 'actions'} on every resource"
    if _SAYS_SO not in statement.sid:
        return (
            f"{statement.label} allows {', '.join(statement.actions)} on every resource, as it must, but its sid does "
            f"not say so with the word {_SAYS_SO}"
        )
    return ""


def _is_below_one(resource: str) -> bool:
    """Tell whether a resource is one, or stands below one that is named."""
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


def _negated(configuration: Configuration) -> Iterator[Finding]:
    for statement in statements(configuration):
        if statement.allows and statement.negated:
            yield Finding(statement.path, f"{statement.label} allows everything but its {', '.join(statement.negated)}")


def _anyone(configuration: Configuration) -> Iterator[Finding]:
    for statement in statements(configuration):
        if statement.allows and not statement.is_only_of(_NARROWING):
            everybody = [principal for principal in statement.principals if "*" in principal]
            if everybody:
                yield Finding(statement.path, f"{statement.label} allows the principal {', '.join(everybody)}")
    for permission in configuration.all("aws_lambda_permission"):
        if "*" in str(permission.get("principal")):
            yield Finding(permission.path, "it allows the principal * to invoke the function")


def _managed(configuration: Configuration) -> Iterator[Finding]:
    for resource in configuration.resources():
        for arn in _attached_policies(resource):
            if configuration.find("aws_iam_policy", arn) is None and arn.partition(":policy/")[2] not in _MANAGED:
                yield Finding(resource.path, f"it attaches {arn}, whose statements are not in the stack")


def _attached_policies(resource: Resource) -> list[str]:
    if re.fullmatch(r"aws_iam_(\w+_)?policy_attachment", resource.type):
        return listed(resource.get("policy_arn"))
    if resource.type == "aws_iam_role_policy_attachments_exclusive":
        return listed(resource.get("policy_arns"))
    return listed(resource.get("managed_policy_arns"))


def _unreadable(configuration: Configuration) -> Iterator[Finding]:
    for resource, attribute in unreadable_policies(configuration):
        yield Finding(resource.path, f"{attribute} cannot be read at synth")
    for statement in statements(configuration):
        computed = [action for action in statement.actions if "${" in action]
        if computed:
            yield Finding(statement.path, f"the actions of {statement.label} are not known at synth")


_LEAST_PRIVILEGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"

GUARDS = (
    Guard(
        id="wildcard-action",
        rule="No policy allows an action with * or ? in it.",
        remedy="List the actions that are called, each by its whole name.",
        source=_LEAST_PRIVILEGE,
        check=_wildcard_actions,
    ),
    Guard(
        id="wildcard-resource",
        rule="A policy allows * as a resource only for X-Ray writes and for the network interfaces of functions in a "
        f"VPC, under a sid with the word {_SAYS_SO}; any other * stands below one named resource.",
        remedy="Name the resource by the attribute of the construct that makes it.",
        source=_LEAST_PRIVILEGE,
        check=_wildcard_resources,
    ),
    Guard(
        id="negated-policy",
        rule="No policy allows what it does not name, by NotAction, NotResource or NotPrincipal.",
        remedy="Say what is allowed instead of what is not.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html",
        check=_negated,
    ),
    Guard(
        id="anyone-allowed",
        rule="No policy and no function's permission allows anybody as principal; that of a VPC endpoint grants "
        "nothing and may.",
        remedy="Name the service or the role, and where it calls from.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        check=_anyone,
    ),
    Guard(
        id="managed-policy",
        rule="No policy from outside the stack is attached, but the one that API Gateway's log role needs.",
        remedy="Write its statements into a policy of the stack: those that AWS manages change, and are full of *.",
        source=_LEAST_PRIVILEGE,
        check=_managed,
    ),
    Guard(
        id="unreadable-policy",
        rule="Every policy can be read at synth.",
        remedy="Write it with modules.constructs.policy.policy_document, or as JSON text: nobody reviews what is "
        "computed later.",
        source="this project: a plan shows every sid and action",
        check=_unreadable,
    ),
)
