"""IAM: exact actions, on exact resources, for exactly those who need them."""

from collections.abc import Iterator

from tools.audit.model.plan import REFERENCE, Plan, Violation
from tools.audit.model.policies import Policy, PolicyKind, Statement, managed_policies, policies
from tools.audit.rules import rule

# Actions for which AWS knows no resource, or which Lambda itself asks for on all resources.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
ONLY_ON_ANYTHING = {
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
# Policies that AWS keeps, and that it may change: only what a service's documentation asks for by name.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
REVIEWED_MANAGED_POLICIES = {"AmazonAPIGatewayPushToCloudWatchLogs"}
# Whoever may do one of these can give itself more.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html
_ESCALATES = (
    "iam:",
    "organizations:",
    "account:",
    "sts:",
    "lambda:Add",
    "lambda:Create",
    "lambda:Put",
    "lambda:Update",
)
# Conditions that keep another account from using a service as its deputy.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
_BINDS_A_SERVICE = ("aws:SourceAccount", "aws:SourceArn")
_BINDS_ANYBODY = ("aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:SourceVpc", "aws:SourceVpce")


@rule(
    "iam-readable",
    "Every policy can be read in the plan",
    why="A policy that is known only after apply is one that nobody has reviewed.",
    source="this project's audit",
)
def policy_can_be_read(plan: Plan) -> Iterator[Violation]:
    """Yield what carries a policy without a statement that the plan shows."""
    for policy in policies(plan):
        if not policy.readable or not policy.statements:
            yield policy.carrier.breaks("the plan does not show its statements; write it as aws_iam_policy_document")


@rule(
    "iam-sid",
    "Every statement says in its sid what it is for",
    why="A reviewer compares what a statement is for with what it allows.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html",
)
def statement_has_a_sid(plan: Plan) -> Iterator[Violation]:
    """Yield statements without a sid."""
    for policy, statement in _statements(plan):
        if not statement.sid:
            yield policy.carrier.breaks(f"a statement with {', '.join(statement.actions)} has no sid")


@rule(
    "iam-action",
    "A statement that allows names exact actions",
    why="A `*` allows what AWS adds next year, too.",
    source="FN-1; https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
)
def actions_are_exact(plan: Plan) -> Iterator[Violation]:
    """Yield statements that allow a wildcard, or everything but a list."""
    for policy, statement in _allowing(plan):
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield policy.carrier.breaks(f"statement {_named(statement)} allows the action {action}")
        if statement.all_but & {"actions", "resources", "principals"}:
            parts = ", ".join(sorted(statement.all_but))
            yield policy.carrier.breaks(f"statement {_named(statement)} allows all {parts} but those that it lists")


@rule(
    "iam-resource",
    "A statement that allows names exact resources; `*` only for actions for which AWS knows nothing else",
    why="A `*` is every table, queue and secret of the account, those of other teams included.",
    source="FN-1; https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
)
def resources_are_exact(plan: Plan) -> Iterator[Violation]:
    """Yield statements of roles, and of policies handed out, that allow something on anything."""
    for policy, statement in _allowing(plan):
        if policy.kind not in (PolicyKind.IDENTITY, PolicyKind.OFFERED):
            continue
        for resource in statement.resources:
            if resource == "*":
                wide = [action for action in statement.actions if action not in ONLY_ON_ANYTHING]
                if wide:
                    yield policy.carrier.breaks(f"statement {_named(statement)} allows {', '.join(wide)} on `*`")
            elif "*" in resource and not any(not item.data for item in plan.targets(resource)):
                yield policy.carrier.breaks(
                    f"statement {_named(statement)} allows {', '.join(statement.actions)} on {plan.plain(resource)}, "
                    "which is more than a resource of this stack"
                )
            elif REFERENCE.sub("", resource).startswith("*"):
                yield policy.carrier.breaks(
                    f"statement {_named(statement)}: {plan.plain(resource)} also matches other names that begin so"
                )


@rule(
    "iam-escalation",
    "No role may change roles, policies or code, or become another role",
    why="Whoever takes over a function with such a permission takes over the account.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
)
def cannot_escalate(plan: Plan) -> Iterator[Violation]:
    """Yield statements of roles that allow such an action."""
    for policy, statement in _allowing(plan):
        if policy.kind is PolicyKind.IDENTITY:
            for action in statement.actions:
                if action.startswith(_ESCALATES):
                    yield policy.carrier.breaks(f"statement {_named(statement)} allows {action}")


@rule(
    "iam-managed-policy",
    "Roles hold no managed policy but reviewed ones",
    why="What a managed policy allows is not in the plan, and AWS changes it.",
    source="FN-1; https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html",
)
def managed_policy_is_reviewed(plan: Plan) -> Iterator[Violation]:
    """Yield attachments of policies that the plan does not hold and nobody reviewed."""
    for policy in managed_policies(plan):
        if ":iam::aws:policy/" not in policy.arn or policy.name not in REVIEWED_MANAGED_POLICIES:
            yield policy.attachment.breaks(
                f"{policy.owner.label} holds {plan.plain(policy.arn)}, which is not reviewed"
            )


@rule(
    "role-trust",
    "A role can be taken by one AWS service only, and only on behalf of this account",
    why="Otherwise another account can have the service use the role for it (the confused deputy).",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)
def role_is_taken_by_its_service(plan: Plan) -> Iterator[Violation]:
    """Yield roles that others may take."""
    for policy, statement in _allowing(plan):
        if policy.kind is not PolicyKind.TRUST:
            continue
        others = [f"{kind} {plan.plain(name)}" for kind, name in statement.principals if kind != "Service"]
        if others or len(statement.principals) != 1:
            yield policy.owner.breaks(f"can be taken by {', '.join(others) or 'more than one service'}")
        elif not _bound_to_this_account(statement):
            service = statement.principals[0][1]
            yield policy.owner.breaks(
                f"{service} can take it on behalf of any account: no {' or '.join(_BINDS_A_SERVICE)}"
            )


@rule(
    "resource-policy",
    "A resource lets in only services on behalf of this account, and nobody else",
    why="A resource's own policy opens it to others without any statement in a role.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)
def resource_is_closed(plan: Plan) -> Iterator[Violation]:
    """Yield resource policies that allow somebody else."""
    for policy, statement in _allowing(plan):
        if policy.kind is not PolicyKind.RESOURCE:
            continue
        for kind, name in statement.principals:
            keys = _BINDS_A_SERVICE if kind == "Service" else _BINDS_ANYBODY
            if not statement.bound_by(*keys):
                yield policy.carrier.breaks(
                    f"statement {_named(statement)} lets {plan.plain(name)} use {policy.owner.label} without "
                    f"a condition on {' or '.join(keys)}"
                )


def _bound_to_this_account(statement: Statement) -> bool:
    """Tell whether a service takes a role for this account alone.

    A function's role must be of the function's own account, and Lambda does not promise to name that account.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    if statement.principals[0][1] == "lambda.amazonaws.com":
        return statement.bound_if_named_by(*_BINDS_A_SERVICE)
    return statement.bound_by(*_BINDS_A_SERVICE)


def _statements(plan: Plan) -> Iterator[tuple[Policy, Statement]]:
    for policy in policies(plan):
        for statement in policy.statements:
            yield policy, statement


def _allowing(plan: Plan) -> Iterator[tuple[Policy, Statement]]:
    return ((policy, statement) for policy, statement in _statements(plan) if statement.allows)


def _named(statement: Statement) -> str:
    return statement.sid or "without a sid"
