"""Lambda entry point of the authorizer of the tenants' API, of type TOKEN or REQUEST.

API Gateway caches an answer for five minutes: for so long a token is still good after it was revoked or its tenant
suspended, and a tenant's quotas are what they were. Refusals are not cached. A refusal is an exception, since only an
exception becomes a 401, so that Lambda counts it as an error: watch the metric ``AuthorizationsFailed`` and not the
function's errors.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.delivery.domain.access import LINKED, Access
from lambdas.delivery.domain.metrics import AuthorizerMetric
from lambdas.delivery.store.identities import Identities
from lambdas.delivery_authorizer.environment import AuthorizerEnvironment
from lambdas.delivery_authorizer.policy import allow_tenant, bearer_token
from lambdas.shared.aws import client
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger, metrics, tracer

_environment = AuthorizerEnvironment.from_environment()
_identities = Identities(client("dynamodb"), _environment.tenants_table)
_plans = _environment.tenant_plans.split(",")
_taken = frozenset(Access) - (frozenset() if _environment.portal else LINKED)


class UnauthorizedError(Exception):
    """The same refusal for every token that is not good; API Gateway knows it by its text."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class UndecidedError(Exception):
    """The token could not be checked, so that nobody is let in; API Gateway answers that the authorizer failed."""


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return a policy and the tenant for a good token.

    Raises
    ------
    UnauthorizedError
        For every other.
    UndecidedError
        When the table does not answer.
    """
    del context
    token = bearer_token(event)
    try:
        found = _identities.authorize(token, time.time()) if token else None
        if found and found[0].access not in _taken:
            # Of a later release, or of a portal that was switched off.
            logger.warning("the access of a token is not taken", token_id=found[0].token_id, access=found[0].access)
            found = None
        answer = allow_tenant(event["methodArn"], *found, _plans) if found else None
    except Exception as error:
        # Nobody is let in, and the error's own text may quote what was sent.
        metrics.add_metric(name=AuthorizerMetric.AUTHORIZATIONS_FAILED, unit=MetricUnit.Count, value=1)
        logger.error("a token could not be checked", error=describe(error))
        raise UndecidedError("the token could not be checked") from None
    if answer is None:
        metrics.add_metric(name=AuthorizerMetric.TOKENS_REFUSED, unit=MetricUnit.Count, value=1)
        raise UnauthorizedError from None
    metrics.add_metric(name=AuthorizerMetric.TOKENS_ACCEPTED, unit=MetricUnit.Count, value=1)
    return answer
