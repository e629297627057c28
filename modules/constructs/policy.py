"""IAM policies as data sources, so that a plan shows every sid and action instead of "known after apply"."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from modules.synth.cdk import (
    Construct,
    DataAwsIamPolicyDocument,
    DataAwsIamPolicyDocumentStatement,
    DataAwsIamPolicyDocumentStatementCondition,
    DataAwsIamPolicyDocumentStatementPrincipals,
)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition of a statement."""

    test: str
    variable: str
    values: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of a policy.

    Attributes
    ----------
    sid : str
        Says in one word what the statement is for.
    actions, resources : Sequence[str]
        Exact actions, exact ARNs.
    effect : str
        ``Allow`` or ``Deny``.
    services : Sequence[str]
        Service principals, in a resource policy.
    anyone : bool
        Everybody as principal, in a resource policy that denies.
    conditions : Sequence[Condition]
        All of which must hold.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    effect: str = "Allow"
    services: Sequence[str] = ()
    anyone: bool = False
    conditions: Sequence[Condition] = field(default=())


def deny_plain_http(actions: Sequence[str], resources: Sequence[str]) -> Statement:
    """Return the statement that refuses every request that does not come over TLS."""
    return Statement(
        sid="DenyPlainHttp",
        effect="Deny",
        actions=actions,
        resources=resources,
        anyone=True,
        conditions=[Condition(test="Bool", variable="aws:SecureTransport", values=["false"])],
    )


def policy_document(scope: Construct, id_: str, statements: Sequence[Statement]) -> DataAwsIamPolicyDocument:
    """Create the document of a policy."""
    return DataAwsIamPolicyDocument(scope, id_, statement=[to_block(statement) for statement in statements])


def to_block(statement: Statement) -> DataAwsIamPolicyDocumentStatement:
    """Return a statement as the data source takes it."""
    principals = []
    if statement.services:
        principals.append(
            DataAwsIamPolicyDocumentStatementPrincipals(type="Service", identifiers=list(statement.services))
        )
    if statement.anyone:
        principals.append(DataAwsIamPolicyDocumentStatementPrincipals(type="*", identifiers=["*"]))
    return DataAwsIamPolicyDocumentStatement(
        sid=statement.sid,
        effect=statement.effect,
        actions=list(statement.actions),
        resources=list(statement.resources),
        principals=principals or None,
        condition=[
            DataAwsIamPolicyDocumentStatementCondition(test=item.test, variable=item.variable, values=list(item.values))
            for item in statement.conditions
        ]
        or None,
    )
