"""How many requests a second each tenant may send: usage plans, in which the operators' function puts tenants' keys.

API Gateway applies a plan before the stage's throttle, so that what one tenant sends too much of is nobody else's loss.
Plans are made here and not by the function, since an account may change one in 20 seconds and has 300.
Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from collections.abc import Mapping
from typing import Annotated

from lambdas.delivery.domain.quotas import shared_key
from modules.constructs.api_layer import ApiLayer
from modules.constructs.naming import Names
from modules.constructs.policy import Statement, policy_document
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.delivery import TenantRate
from modules.settings.formats import REGION
from modules.synth.cdk import (
    ApiGatewayApiKey,
    ApiGatewayUsagePlan,
    ApiGatewayUsagePlanApiStages,
    ApiGatewayUsagePlanKey,
    ApiGatewayUsagePlanThrottleSettings,
    Construct,
    DataAwsPartition,
    IamRolePolicy,
)

SHARED = "shared"


def keys_name(names: Names) -> str:
    """Return the name of plans and keys, with ``{}`` for what tells them apart."""
    return names("tenants", "{}")


@checked
class TenantPlans(Construct):
    """A usage plan for each rate that tenants can have, and one with the key of all tenants that have no plan.

    Parameters
    ----------
    api : ApiLayer
        The API, after `ApiLayer.deploy`.
    names : Names
        Naming of the stack.
    rates : Mapping[str, TenantRate]
        Plan to its rate.
    shared : TenantRate
        For the tenants without a plan, all together.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        api: ApiLayer,
        names: Names,
        rates: Mapping[str, TenantRate],
        shared: TenantRate,
    ) -> None:
        super().__init__(scope, id_)
        self._name = keys_name(names)
        self._api = api
        self._assigner: WebhookFunction | None = None
        self.plans = {plan: self._plan(plan, rate) for plan, rate in rates.items()}
        # Made of the API's id, as the authorizer makes it: the key identifies, and lets nobody in.
        key = ApiGatewayApiKey(
            self,
            "shared_key",
            name=self._name.format(SHARED),
            description="Of all tenants that have no usage plan of their own",
            value=shared_key(api.api.id),
        )
        plan = self._plan(SHARED, shared)
        ApiGatewayUsagePlanKey(self, "shared_plan_key", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id)

    def _plan(self, name: str, rate: TenantRate) -> ApiGatewayUsagePlan:
        return ApiGatewayUsagePlan(
            self,
            f"{name}_plan",
            name=self._name.format(name),
            description="What one tenant may send"
            if name != SHARED
            else "What tenants without a plan may send together",
            api_stages=[ApiGatewayUsagePlanApiStages(api_id=self._api.api.id, stage=self._api.stage.stage_name)],
            throttle_settings=ApiGatewayUsagePlanThrottleSettings(rate_limit=rate.rate, burst_limit=rate.burst),
        )

    def grant_assign(self, function: WebhookFunction, *, region: Annotated[str, REGION]) -> None:
        """Allow a function to make API keys, to find keys and plans, and to add keys to these plans.

        A policy of its own: the plans wait for the stage, and so for the function, which waits for its first policy.
        API Gateway knows no narrower resource for making a key than all keys of the account's region.
        Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
        """
        if function is self._assigner:
            return
        arn = f"arn:{DataAwsPartition(self, 'partition').partition}:apigateway:{region}::"
        policy = policy_document(
            self,
            "assign",
            [
                Statement(
                    sid="MakeAndFindTenantsKeys",
                    actions=["apigateway:GET", "apigateway:POST"],
                    resources=[f"{arn}/apikeys"],
                ),
                Statement(sid="FindPlans", actions=["apigateway:GET"], resources=[f"{arn}/usageplans"]),
                Statement(
                    sid="AddKeysToPlans",
                    actions=["apigateway:POST"],
                    resources=[f"{arn}/usageplans/{plan.id}/keys" for plan in self.plans.values()],
                ),
            ],
        )
        IamRolePolicy(
            self, "assign_policy", name=self._name.format("keys"), role=function.role.name, policy=policy.json
        )
        self._assigner = function
