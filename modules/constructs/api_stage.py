"""The stage of an API: throttle, traces, logs, and the API key with its usage plan."""

import json
import re
from typing import Any

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.policy import Statement, policy_document
from modules.settings.sections import ApiSettings
from modules.synth.cdk import (
    ApiGatewayAccount,
    ApiGatewayApiKey,
    ApiGatewayMethodSettings,
    ApiGatewayMethodSettingsSettings,
    ApiGatewayStage,
    ApiGatewayStageAccessLogSettings,
    ApiGatewayUsagePlan,
    ApiGatewayUsagePlanApiStages,
    ApiGatewayUsagePlanKey,
    ApiGatewayUsagePlanThrottleSettings,
    CloudwatchLogGroup,
    Construct,
    DataAwsPartition,
    IamRole,
    IamRolePolicyAttachment,
    TerraformResourceLifecycle,
)

# One line of JSON for each request; no header and no body among it.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTimeEpoch": "$context.requestTimeEpoch",
    "httpMethod": "$context.httpMethod",
    "resourcePath": "$context.resourcePath",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integration.status",
    "errorType": "$context.error.responseType",
    "validationError": "$context.error.validationErrorString",
    "sourceIp": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "tenant": "$context.authorizer.principalId",
    "xrayTraceId": "$context.xrayTraceId",
}


def deployed_stage(
    scope: Construct,
    *,
    rest_api_id: str,
    deployment_id: str,
    stage_name: str,
    settings: ApiSettings,
    names: Names,
    log_retention: int,
) -> ApiGatewayStage:
    """Create the stage, with traces, access log and execution log.

    Parameters
    ----------
    log_retention : int
        Days that both logs are kept.
    """
    account = _account(scope, names) if settings.manage_account_log_role else None
    access_log = CloudwatchLogGroup(
        scope, "access_log", name=f"/aws/apigateway/{names('api')}", retention_in_days=log_retention
    )
    # API Gateway would create it itself, without retention, and destroy would leave it behind.
    execution_log = CloudwatchLogGroup(
        scope,
        "execution_log",
        name=f"API-Gateway-Execution-Logs_{rest_api_id}/{stage_name}",
        retention_in_days=log_retention,
    )
    return ApiGatewayStage(
        scope,
        "stage",
        rest_api_id=rest_api_id,
        deployment_id=deployment_id,
        stage_name=stage_name,
        xray_tracing_enabled=True,
        access_log_settings=ApiGatewayStageAccessLogSettings(
            destination_arn=access_log.arn, format=json.dumps(_ACCESS_LOG, separators=(",", ":"))
        ),
        depends_on=[execution_log, *([account] if account else [])],
    )


def throttle(
    scope: Construct,
    *,
    rest_api_id: str,
    stage: ApiGatewayStage,
    settings: ApiSettings,
    path: str = "*/*",
    rate: int | None = None,
) -> None:
    """Throttle all methods of the stage by the settings, or a single one; a second time, by what is said then.

    Parameters
    ----------
    path : str
        Path and HTTP method, as in ``webhook/shop/POST``.
    rate : int | None
        Requests/s of the single one; its burst is twice that.
    """
    burst = settings.throttle_burst
    id_ = "method_settings" if path == "*/*" else re.sub(r"\W+", "_", path) + "_settings"
    # Those of a method take the place of all those of the stage.
    # https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html
    limits: dict[str, Any] = {
        "throttling_rate_limit": rate or settings.throttle_rate,
        "throttling_burst_limit": min(2 * rate, burst) if rate else burst,
        "logging_level": settings.execution_log_level,
        "data_trace_enabled": False,
        "metrics_enabled": True,
    }
    before = scope.node.try_find_child(id_)
    if isinstance(before, ApiGatewayMethodSettings):
        before.put_settings(**limits)
        return
    ApiGatewayMethodSettings(
        scope,
        id_,
        rest_api_id=rest_api_id,
        stage_name=stage.stage_name,
        method_path=path,
        settings=ApiGatewayMethodSettingsSettings(**limits),
    )


def metered_key(
    scope: Construct, *, rest_api_id: str, stage: ApiGatewayStage, settings: ApiSettings, names: Names
) -> ApiGatewayApiKey:
    """Create an API key with a usage plan of the stage's own throttle."""
    key = ApiGatewayApiKey(
        scope,
        "key",
        name=names("key"),
        description="For the senders of webhooks",
        # Made up once, when it is created. API Gateway would make one up too, but the local AWS refuses the empty
        # value that the provider then sends.
        value='${replace(uuid(), "-", "")}',
        lifecycle=TerraformResourceLifecycle(ignore_changes=["value"]),
    )
    pin(key, f"{scope.node.id}_key")
    plan = ApiGatewayUsagePlan(
        scope,
        "usage_plan",
        name=names("usage-plan"),
        description="What the API key lets through",
        api_stages=[ApiGatewayUsagePlanApiStages(api_id=rest_api_id, stage=stage.stage_name)],
        throttle_settings=ApiGatewayUsagePlanThrottleSettings(
            rate_limit=settings.throttle_rate, burst_limit=settings.throttle_burst
        ),
    )
    ApiGatewayUsagePlanKey(scope, "usage_plan_key", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id)
    return key


def _account(scope: Construct, names: Names) -> ApiGatewayAccount:
    trust = policy_document(
        scope,
        "log_role_trust",
        [
            Statement(
                sid="ApiGatewayWritesLogs",
                actions=["sts:AssumeRole"],
                resources=[],
                services=["apigateway.amazonaws.com"],
            )
        ],
    )
    role = IamRole(scope, "log_role", name=names("api-logs"), assume_role_policy=trust.json)
    partition = DataAwsPartition(scope, "partition").partition
    # The policy that API Gateway's documentation asks for; the role serves every API of account and region.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    attachment = IamRolePolicyAttachment(
        scope,
        "log_role_policy",
        role=role.name,
        policy_arn=f"arn:{partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    )
    return ApiGatewayAccount(scope, "account", cloudwatch_role_arn=role.arn, depends_on=[attachment])
