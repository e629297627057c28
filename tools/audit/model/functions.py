"""Functions: what they run as, and whether they verify signatures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from lambdas.inbound.providers.registry import REGISTRY
from tools.audit.model.plan import Plan, Resource
from tools.audit.model.policies import PolicyKind, policies

# The variable in which ingestion is told its providers: {"stripe": {"entry": "stripe", "secretArn": "…"}}
PROVIDERS_VARIABLE = "PROVIDERS"


@dataclass(frozen=True, eq=False)
class Function:
    """A Lambda function.

    Attributes
    ----------
    timeout : int
        In seconds.
    reserved_concurrency : int | None
        Executions reserved for it, which are also its limit; None without.
    variables : Mapping[str, str]
        Its environment.
    """

    resource: Resource
    timeout: int
    reserved_concurrency: int | None
    architectures: tuple[str, ...]
    tracing: str
    role: Resource | None
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Verification:
    """How a function verifies the webhooks of one provider.

    Attributes
    ----------
    provider : str
        The provider's name in the URL.
    secret : Resource | None
        The secret with its signing keys; None when it is not one of this plan.
    readable : bool
        Whether the function's role may read that secret.
    keyless : bool
        Whether the provider has no secret, since its signatures are verified by certificates.
    """

    provider: str
    secret: Resource | None
    readable: bool
    keyless: bool


def functions(plan: Plan) -> list[Function]:
    """Return the functions."""
    return [_function(plan, item) for item in plan.all("aws_lambda_function")]


def function_of(plan: Plan, text: object) -> Function | None:
    """Return the function that a text refers to."""
    found = plan.target(text, "aws_lambda_function")
    return _function(plan, found) if found else None


def verifications(plan: Plan, function: Function) -> list[Verification]:
    """Return the providers whose signatures a function is set up to verify; none when it verifies nothing."""
    try:
        providers = json.loads(function.variables.get(PROVIDERS_VARIABLE, "{}"))
        keyless = {name for name, said in providers.items() if _is_keyless(said["entry"])}
        secrets = {
            name: None if name in keyless else plan.target(said["secretArn"], "aws_secretsmanager_secret")
            for name, said in providers.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    readable = {
        secret
        for policy in policies(plan)
        if policy.kind is PolicyKind.IDENTITY and policy.owner is function.role
        for statement in policy.statements
        if statement.allows and "secretsmanager:GetSecretValue" in statement.actions
        for secret in (plan.target(text, "aws_secretsmanager_secret") for text in statement.resources)
    }
    return [Verification(name, secret, secret in readable, name in keyless) for name, secret in secrets.items()]


def _is_keyless(entry: str) -> bool:
    return entry in REGISTRY and not REGISTRY[entry].needs_secret


def _function(plan: Plan, item: Resource) -> Function:
    reserved = item.get("reserved_concurrent_executions", -1)
    return Function(
        resource=item,
        timeout=item.get("timeout", 3),
        reserved_concurrency=None if reserved == -1 else reserved,
        architectures=tuple(item.get("architectures", ["x86_64"])),
        tracing=item.get("tracing_config.mode", "PassThrough"),
        role=plan.target(item.get("role"), "aws_iam_role"),
        variables=item.get("environment.variables", {}),
    )
