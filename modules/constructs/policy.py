"""IAM policies as data sources, so that a plan shows every sid and action instead of "known after apply"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from modules.settings.checked import checked
from modules.settings.formats import ACTION, RESOURCE, TEXT
from modules.settings.validation import SettingsError, Validated, setting
from modules.synth.cdk import (
    Construct,
    DataAwsIamPolicyDocument,
    DataAwsIamPolicyDocumentStatement,
    DataAwsIamPolicyDocumentStatementCondition,
    DataAwsIamPolicyDocumentStatementPrincipals,
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_OPERATOR = (
    "(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|(Not)?IpAddress|Bool|"
    "BinaryEquals|(Numeric|Date)((Not)?Equals|(Less|Greater)Than(Equals)?))(IfExists)?|Null"
)


class _Part(Validated):
    takes_tokens = True

    def _require(self, *names: str) -> None:
        for name in names:
            if not (value := getattr(self, name)):
                raise SettingsError(f"{name}: {value!r} is not allowed; allowed: one or more")


@dataclass(frozen=True, kw_only=True)
class Condition(_Part):
    """A condition of a statement.

    Raises
    ------
    SettingsError
        When IAM takes no such condition.
    """

    test: str = setting(doc="Operator.", pattern=_OPERATOR, words="an operator of IAM, such as StringEquals")
    variable: str = setting(doc="Condition key.", pattern=r"[\w-]+:.+", words="a condition key, as in aws:SourceArn")
    values: Sequence[str] = setting(doc="Any of which it may have.", rule=TEXT)

    def __post_init__(self) -> None:
        """Check each part, and that there is a value."""
        super().__post_init__()
        self._require("values")

    @classmethod
    def listing(cls, *prefixes: str) -> Self:
        """Return that a listing of a bucket is of what is below one of some prefixes."""
        return cls(test="StringLike", variable="s3:prefix", values=[f"{prefix}*" for prefix in prefixes])


@dataclass(frozen=True, kw_only=True)
class Statement(_Part):
    """A statement of a policy.

    Raises
    ------
    SettingsError
        When IAM takes no such statement.
    """

    sid: str = setting(
        doc="Says in one word what the statement is for.", pattern="[A-Za-z0-9]+", words="letters and digits"
    )
    actions: Sequence[str] = setting(doc="Exact actions.", rule=ACTION)
    resources: Sequence[str] = setting(doc="Exact ARNs; none in the policy of who may assume a role.", rule=RESOURCE)
    effect: str = setting("Allow", choices=("Allow", "Deny"), doc="What it does.")
    services: Sequence[str] = setting(
        (),
        doc="Service principals, in a resource policy.",
        pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)+",
        words="the name of a service, as in lambda.amazonaws.com",
    )
    anyone: bool = setting(False, doc="Everybody as principal, in a resource policy that denies.")
    conditions: Sequence[Condition] = setting((), doc="All of which must hold.")

    def __post_init__(self) -> None:
        """Check each part, and that none is missing."""
        super().__post_init__()
        self._require("actions", *(() if self.services else ("resources",)))


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


@checked
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
