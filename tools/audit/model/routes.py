"""Methods of REST APIs: who may call them, and what stands in front of the function."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lambdas.inbound.providers.registry import REGISTRY
from modules.rules.queues import mapped
from modules.rules.verifiers import variables_of
from modules.terraform_json.document import Document, Resource
from modules.terraform_json.statements import PolicyKind, allowing


@dataclass(frozen=True)
class Throttle:
    """A limit on requests: a rate in requests/s, and a burst in requests."""

    rate: float
    burst: int


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


@dataclass(frozen=True, eq=False)
class PlannedRoute:
    """A method of a REST API.

    Attributes
    ----------
    authorization : str
        ``NONE``, ``AWS_IAM``, ``CUSTOM`` or ``COGNITO_USER_POOLS``.
    authorizer : Resource | None
        The authorizer that is asked.
    required : tuple[str, ...]
        Headers and parameters without which API Gateway itself refuses, because a validator looks for them.
    throttle : Throttle | None
        The stage's limit that holds for this method.
    function : Resource | None
        The function behind it, or behind the queue that API Gateway writes its requests to.
    verifications : tuple[Verification, ...]
        The providers whose signatures that function verifies.
    answers_itself : bool
        Whether API Gateway answers by itself, and nothing is behind it.
    """

    resource: Resource
    api: Resource | None
    method: str
    path: str
    authorization: str
    authorizer: Resource | None
    api_key: bool
    required: tuple[str, ...]
    throttle: Throttle | None
    function: Resource | None
    verifications: tuple[Verification, ...]
    answers_itself: bool = False

    @property
    def public(self) -> bool:
        """Whether API Gateway lets anybody through who reaches it."""
        return self.authorization == "NONE"

    @property
    def verified(self) -> bool:
        """Whether every request's signature is verified: the function may read each secret that a provider has."""
        return bool(self.verifications) and all(
            item.keyless or (item.secret and item.readable) for item in self.verifications
        )


def routes(plan: Document) -> list[PlannedRoute]:
    """Return every method of every REST API, by path."""
    found = [_route(plan, item) for item in plan.all("aws_api_gateway_method")]
    return sorted(found, key=lambda route: (route.path, route.method))


def throttles(plan: Document, api: Resource | None) -> Mapping[str, Throttle]:
    """Return the limits of an API's stages by method path; ``*/*`` is that of all methods. Unlimited ones are left out.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    """
    found = {}
    for item in plan.all("aws_api_gateway_method_settings"):
        rate, burst = item.get("settings.throttling_rate_limit", -1), item.get("settings.throttling_burst_limit", -1)
        if plan.find(item.get("rest_api_id"), "aws_api_gateway_rest_api") is api and rate > 0 and burst > 0:
            found[str(item.get("method_path"))] = Throttle(rate, burst)
    return found


def _route(plan: Document, item: Resource) -> PlannedRoute:
    api = plan.find(item.get("rest_api_id"), "aws_api_gateway_rest_api")
    path, method = _path(plan, item.get("resource_id")), str(item.get("http_method"))
    validator = plan.find(item.get("request_validator_id"), "aws_api_gateway_request_validator")
    validates = validator is not None and validator.get("validate_request_parameters", False)
    required = [name for name, needed in item.get("request_parameters", {}).items() if needed and validates]
    limits = throttles(plan, api)
    function = _function(plan, item)
    return PlannedRoute(
        resource=item,
        api=api,
        method=method,
        path=path,
        authorization=item.get("authorization", "NONE"),
        authorizer=plan.find(item.get("authorizer_id"), "aws_api_gateway_authorizer"),
        api_key=item.get("api_key_required", False),
        required=tuple(sorted(name.split(".")[-1] for name in required)),
        throttle=limits.get(f"{path.lstrip('/')}/{method}") or limits.get("*/*"),
        function=function,
        verifications=tuple(verifications(plan, function)) if function else (),
        answers_itself=any(each.get("type") == "MOCK" for each in _integrations(plan, item)),
    )


def verifications(plan: Document, function: Resource) -> list[Verification]:
    """Return the providers whose signatures a function is set up to verify; none when it verifies nothing."""
    try:
        providers = json.loads(variables_of(function).get("PROVIDERS", "{}"))
        keyless = {name for name, said in providers.items() if _is_keyless(said["entry"])}
        secrets = {
            name: None if name in keyless else plan.find(said.get("secretArn"), "aws_secretsmanager_secret")
            for name, said in providers.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    role = plan.find(function.get("role"), "aws_iam_role")
    readable = {
        plan.find(text, "aws_secretsmanager_secret")
        for _, policy, statement in allowing(plan)
        if policy.kind is PolicyKind.IDENTITY and policy.owner is role
        if "secretsmanager:GetSecretValue" in statement.actions
        for text in statement.resources
    }
    return [Verification(name, secret, secret in readable, name in keyless) for name, secret in secrets.items()]


def _is_keyless(entry: str) -> bool:
    return entry in REGISTRY and not REGISTRY[entry].needs_secret


def _path(plan: Document, reference: object) -> str:
    part = plan.find(reference, "aws_api_gateway_resource")
    return f"{_path(plan, part.get('parent_id'))}/{part.get('path_part')}".replace("//", "/") if part else "/"


def _integrations(plan: Document, method: Resource) -> Iterator[Resource]:
    for item in plan.all("aws_api_gateway_integration"):
        if all(item.get(name) == method.get(name) for name in ("rest_api_id", "resource_id", "http_method")):
            yield item


def _function(plan: Document, method: Resource) -> Resource | None:
    for item in _integrations(plan, method):
        if found := plan.find(item.get("uri"), "aws_lambda_function"):
            return found
        queue = plan.find(item.get("uri"), "aws_sqs_queue")
        # What is passed through untouched is a call of the sender's own, which no function can verify any more.
        if queue is not None and item.get("passthrough_behavior") == "NEVER":
            readers = [
                plan.find(each.get("function_name"), "aws_lambda_function") for each, of in mapped(plan) if of is queue
            ]
            if len(readers) == 1:
                return readers[0]
    return None
