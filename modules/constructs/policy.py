"""IAM policies as data sources, so that a plan shows every sid and action instead of "known after apply"."""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.settings.validation import Validated, setting
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
class Statement(Validated):
    """A statement of a policy.

    Raises
    ------
    SettingsError
        When IAM takes no such statement.
    """

    sid: str = setting(
        doc="Says in one word what the statement is for.", pattern="[A-Za-z0-9]+", words="letters and digits"
    )
    actions: Sequence[str] = setting(doc="Exact actions.")
    resources: Sequence[str] = setting(doc="Exact ARNs.")
    effect: str = setting("Allow", choices=("Allow", "Deny"), doc="What it does.")
    services: Sequence[str] = setting((), doc="Service principals, in a resource policy.")
    anyone: bool = setting(False, doc="Everybody as principal, in a resource policy that denies.")
    conditions: Sequence[Condition] = setting((), doc="All of which must hold.")


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
