"""IAM: resources of this stack, for exactly those who need them."""

from collections.abc import Iterator

from modules.rules.policies import is_below_one
from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document
from modules.terraform_json.statements import PolicyKind, PolicyStatement, allowing, policies

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
    "iam-sid",
    "Every statement says in its sid what it is for",
    where=Where.PLAN,
    why="A reviewer compares what a statement is for with what it allows.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html",
)
def statement_has_a_sid(plan: Document) -> Iterator[Found]:
    """Yield statements without a sid."""
    for policy in policies(plan):
        for statement in policy.statements:
            if not statement.sid:
                yield policy.carrier, f"a statement with {', '.join(statement.actions)} has no sid"


@rule(
    "iam-resource",
    "A statement that allows something below a resource names one of this stack",
    where=Where.PLAN,
    why="What is below a resource of somebody else is nothing that this stack made or knows.",
    source="FN-1; https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
)
def resources_are_ours(plan: Document) -> Iterator[Found]:
    """Yield statements of roles, and of policies handed out, with a `*` below a resource that is not of this stack."""
    for place, policy, statement in allowing(plan):
        if policy.kind in (PolicyKind.IDENTITY, PolicyKind.OFFERED):
            for resource in statement.resources:
                ours = any(not target.is_data for target, _ in plan.referred_to(resource))
                if "*" in resource and is_below_one(resource) and not ours:
                    yield (
                        place,
                        f"{statement.label} allows {', '.join(statement.actions)} on {plan.plain(resource)}, "
                        "which is more than a resource of this stack",
                    )


@rule(
    "iam-escalation",
    "No role may change roles, policies or code, or become another role",
    where=Where.PLAN,
    why="Whoever takes over a function with such a permission takes over the account.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
)
def cannot_escalate(plan: Document) -> Iterator[Found]:
    """Yield statements of roles that allow such an action."""
    for place, policy, statement in allowing(plan):
        if policy.kind is PolicyKind.IDENTITY:
            for action in statement.actions:
                if action.startswith(_ESCALATES):
                    yield place, f"{statement.label} allows {action}"


@rule(
    "role-trust",
    "A role can be taken by one AWS service only, and only on behalf of this account",
    where=Where.PLAN,
    why="Otherwise another account can have the service use the role for it (the confused deputy).",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)
def role_is_taken_by_its_service(plan: Document) -> Iterator[Found]:
    """Yield roles that others may take."""
    for _, policy, statement in allowing(plan):
        if policy.kind is not PolicyKind.TRUST:
            continue
        others = [f"{kind} {plan.plain(name)}" for kind, name in statement.principals if kind != "Service"]
        if others or len(statement.principals) != 1:
            yield policy.owner, f"can be taken by {', '.join(others) or 'more than one service'}"
        elif not _bound_to_this_account(statement):
            service = statement.principals[0][1]
            yield policy.owner, f"{service} can take it on behalf of any account: no {' or '.join(_BINDS_A_SERVICE)}"


@rule(
    "resource-policy",
    "A resource lets in only services on behalf of this account, and nobody else",
    where=Where.PLAN,
    why="A resource's own policy opens it to others without any statement in a role.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)
def resource_is_closed(plan: Document) -> Iterator[Found]:
    """Yield resource policies that allow somebody else."""
    for place, policy, statement in allowing(plan):
        if policy.kind is not PolicyKind.RESOURCE:
            continue
        for kind, name in statement.principals:
            keys = _BINDS_A_SERVICE if kind == "Service" else _BINDS_ANYBODY
            if not statement.bound_by(*keys):
                yield (
                    place,
                    f"{statement.label} lets {plan.plain(name)} use {policy.owner.label} without "
                    f"a condition on {' or '.join(keys)}",
                )


def _bound_to_this_account(statement: PolicyStatement) -> bool:
    """Tell whether a service takes a role for this account alone.

    A function's role must be of the function's own account, and Lambda does not promise to name that account.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    if statement.principals[0][1] == "lambda.amazonaws.com":
        return statement.bound_if_named_by(*_BINDS_A_SERVICE)
    return statement.bound_by(*_BINDS_A_SERVICE)
