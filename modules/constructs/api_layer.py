"""The REST API: its routes, what guards each, its stage, and its logs."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.policy import Statement, policy_document
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.sections import ApiSettings
from modules.synth.cdk import (
    ApiGatewayAccount,
    ApiGatewayApiKey,
    ApiGatewayAuthorizer,
    ApiGatewayBasePathMapping,
    ApiGatewayDeployment,
    ApiGatewayDomainName,
    ApiGatewayGatewayResponse,
    ApiGatewayIntegration,
    ApiGatewayIntegrationResponse,
    ApiGatewayMethod,
    ApiGatewayMethodResponse,
    ApiGatewayMethodSettings,
    ApiGatewayMethodSettingsSettings,
    ApiGatewayRequestValidator,
    ApiGatewayResource,
    ApiGatewayRestApi,
    ApiGatewayStage,
    ApiGatewayStageAccessLogSettings,
    ApiGatewayUsagePlan,
    ApiGatewayUsagePlanApiStages,
    ApiGatewayUsagePlanKey,
    ApiGatewayUsagePlanThrottleSettings,
    CloudwatchLogGroup,
    Construct,
    DataAwsIamPolicyDocument,
    DataAwsPartition,
    DefaultTokenResolver,
    IamRole,
    IamRolePolicyAttachment,
    LambdaPermission,
    StringConcat,
    TerraformResource,
    TerraformResourceLifecycle,
    Tokenization,
)

STAGE = "v1"
AUTHORIZER_CACHE_SECONDS = 300

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
    "xrayTraceId": "$context.xrayTraceId",
}


@dataclass(frozen=True, kw_only=True)
class GatewayResponse:
    """What API Gateway itself answers, without any function.

    Attributes
    ----------
    response_type : str
        API Gateway's name of the case.
    status : int
        HTTP status.
    message : str
        Text of the answer.
    retry_after : int | None
        Seconds after which the sender should try again; None where that would not help.
    headers : Mapping[str, str]
        Other headers of the answer.
    code : str
        What programs know the case by; without one, the text stands in its place.
    """

    response_type: str
    status: int
    message: str
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


IMMUTABLE_AFTER_DEPLOY = (
    ApiGatewayRestApi,
    ApiGatewayResource,
    ApiGatewayMethod,
    ApiGatewayIntegration,
    ApiGatewayMethodResponse,
    ApiGatewayIntegrationResponse,
    ApiGatewayAuthorizer,
    ApiGatewayRequestValidator,
    ApiGatewayGatewayResponse,
)

# A function at its reserved concurrency is a 500 by default, although it is a matter of waiting like a throttle. So
# both are a 429 with Retry-After for the sender; the alarms tell them apart by the functions' own throttle metric.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
GATEWAY_RESPONSES = (
    GatewayResponse(response_type="INTEGRATION_FAILURE", status=429, message="busy, try again", retry_after=2),
    GatewayResponse(response_type="THROTTLED", status=429, message="too many requests, try again", retry_after=1),
    GatewayResponse(response_type="INTEGRATION_TIMEOUT", status=504, message="timed out, try again", retry_after=5),
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A method of the API.

    Attributes
    ----------
    method : str
        HTTP method.
    path : str
        Path from the root, with parameters in braces.
    authorization : str
        ``NONE`` where the function verifies a signature itself, ``AWS_IAM`` for operators, ``CUSTOM`` for what the
        API's Lambda authorizer lets through.
    required_headers : Sequence[str]
        Headers without which API Gateway refuses the request before any function runs.
    """

    method: str
    path: str
    authorization: str = "NONE"
    required_headers: Sequence[str] = ()

    @property
    def id(self) -> str:
        """The route's construct id."""
        return re.sub(r"\W+", "_", f"{self.method}{self.path}").strip("_").lower()

    @property
    def any_path(self) -> str:
        """The path with ``*`` for each parameter, as ARNs have it."""
        return re.sub(r"{\w+\+?}", "*", self.path)


WEBHOOK_BY_PATH = Route(method="POST", path="/webhook/{provider}")
WEBHOOK_BY_HEADER = Route(method="POST", path="/webhook", required_headers=("X-Provider-ID", "X-Webhook-Signature"))
# Some providers ask, before they send, for a proof that the endpoint has their key.
CHALLENGE = Route(method="GET", path="/webhook/{provider}")
STATUS = Route(method="GET", path="/status/{transactionId}", authorization="AWS_IAM")
REPLAY = Route(method="POST", path="/internal/replay", authorization="AWS_IAM")


class ApiLayer(Construct):
    """A regional REST API with proxy integrations.

    Routes are added with `route`, and `deploy` is called once after the last.

    Parameters
    ----------
    settings : ApiSettings
        Throttle, logs.
    names : Names
        Naming of the environment.
    log_retention : int
        Days that access and execution log are kept.
    description : str
        What the API is for.
    stage_name : str
        Name of its stage, the first part of every path at the API's own address.
    responses : Sequence[GatewayResponse] | None
        What API Gateway itself answers; `GATEWAY_RESPONSES` where nothing is given.

    Attributes
    ----------
    api : ApiGatewayRestApi
        The API.
    stage_name : str
        As given.
    stage : ApiGatewayStage
        Its stage, after `deploy`.
    api_key : ApiGatewayApiKey | None
        The key that webhooks must bring, after `deploy`, where the settings ask for one.
    """

    stage: ApiGatewayStage
    api_key: ApiGatewayApiKey | None = None

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: ApiSettings,
        names: Names,
        log_retention: int,
        description: str = "Receives payment webhooks",
        stage_name: str = STAGE,
        responses: Sequence[GatewayResponse] | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.stage_name = stage_name
        self._authorizer: ApiGatewayAuthorizer | None = None
        self._settings = settings
        self._names = names
        self._log_retention = log_retention
        self._routes: list[Route] = []
        self._deployed: list[TerraformResource] = []
        self._resource_ids: dict[str, str] = {}
        self.api = ApiGatewayRestApi(
            self,
            "api",
            name=names("api"),
            description=description,
            endpoint_configuration={"types": ["REGIONAL"]},
            # Every body arrives base64-encoded, so that the bytes that were signed are the bytes that are verified.
            binary_media_types=["*/*"],
        )
        # Its address is what every provider was told, and another API has another.
        pin(self.api, f"{id_}_rest_api")
        # Read once: each look at a construct is a call to Node.js.
        self._id, self._arn, self._root_id = self.api.id, self.api.execution_arn, self.api.root_resource_id
        self._validator = ApiGatewayRequestValidator(
            self, "headers", name=names("headers"), rest_api_id=self._id, validate_request_parameters=True
        )
        for response in GATEWAY_RESPONSES if responses is None else responses:
            self._deployed.append(self._gateway_response(response))

    def authorize_by(self, function: WebhookFunction, *, pattern: str) -> None:
        """Have a function decide who may call the routes that say ``CUSTOM``, by the header ``Authorization``.

        What it answers is kept for five minutes for each value of the header, and for every method alike.
        Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html

        Parameters
        ----------
        pattern : str
            What the header must match; anything else is refused before the function runs.
        """
        self._authorizer = ApiGatewayAuthorizer(
            self,
            "authorizer",
            name=self._names("authorizer"),
            rest_api_id=self._id,
            type="TOKEN",
            authorizer_uri=function.function.invoke_arn,
            identity_source="method.request.header.Authorization",
            identity_validation_expression=pattern,
            authorizer_result_ttl_in_seconds=AUTHORIZER_CACHE_SECONDS,
        )
        LambdaPermission(
            self,
            "authorizer_permission",
            statement_id="ApiGateway-authorizer",
            action="lambda:InvokeFunction",
            function_name=function.function.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=f"{self._arn}/authorizers/{self._authorizer.id}",
        )
        self._deployed.append(self._authorizer)

    def route(self, route: Route, function: WebhookFunction) -> ApiGatewayMethod:
        """Add a method that a function answers, and allow API Gateway to invoke the function for it alone.

        Raises
        ------
        ValueError
            When the route needs an authorizer, and the API has none yet.
        """
        method = self.add_method(route)
        integration = ApiGatewayIntegration(
            self,
            f"{route.id}_integration",
            rest_api_id=self._id,
            resource_id=method.resource_id_input,
            http_method=method.http_method,
            type="AWS_PROXY",
            integration_http_method="POST",
            uri=function.function.invoke_arn,
        )
        LambdaPermission(
            self,
            f"{route.id}_permission",
            statement_id=f"ApiGateway-{route.id}",
            action="lambda:InvokeFunction",
            function_name=function.function.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=f"{self._arn}/*/{route.method}{route.any_path}",
        )
        self.freeze(integration)
        return method

    def add_method(self, route: Route) -> ApiGatewayMethod:
        """Add a method without an integration, which the caller adds and has frozen.

        Raises
        ------
        ValueError
            When the route needs an authorizer, and the API has none yet.
        """
        if route.authorization == "CUSTOM" and self._authorizer is None:
            raise ValueError(f"{route.method} {route.path}: the API has no authorizer yet: call authorize_by first")
        resource_id = self._resource(route.path)
        method = ApiGatewayMethod(
            self,
            f"{route.id}_method",
            rest_api_id=self._id,
            resource_id=resource_id,
            http_method=route.method,
            authorization=route.authorization,
            authorizer_id=self._authorizer.id if self._authorizer and route.authorization == "CUSTOM" else None,
            request_parameters={f"method.request.header.{name}": True for name in route.required_headers} or None,
            request_validator_id=self._validator.id if route.required_headers else None,
            api_key_required=(self._settings.api_key and route.authorization == "NONE") or None,
        )
        self.freeze(method)
        self._routes.append(route)
        return method

    def freeze(self, *resources: TerraformResource) -> None:
        """Have the deployment wait for what it freezes."""
        self._deployed += resources

    def add_domain(self, name: str, certificate_arn: str) -> ApiGatewayDomainName:
        """Give the API, after `deploy`, a domain of its own, whose DNS record and certificate are somebody else's."""
        domain = ApiGatewayDomainName(
            self,
            "domain",
            domain_name=name,
            regional_certificate_arn=certificate_arn,
            endpoint_configuration={"types": ["REGIONAL"]},
            security_policy="TLS_1_2",
        )
        ApiGatewayBasePathMapping(
            self,
            "domain_mapping",
            api_id=self._id,
            stage_name=self.stage.stage_name,
            domain_name=domain.domain_name,
        )
        return domain

    def operator_policy(self) -> DataAwsIamPolicyDocument:
        """Return a policy for operators: ``execute-api:Invoke`` on the routes that ask for IAM, and nothing else."""
        return policy_document(
            self,
            "operator_policy",
            [
                Statement(
                    sid="CallOperatorsEndpoints",
                    actions=["execute-api:Invoke"],
                    resources=[
                        f"{self._arn}/{self.stage_name}/{route.method}{route.any_path}"
                        for route in self._routes
                        if route.authorization == "AWS_IAM"
                    ],
                )
            ],
        )

    def deploy(self) -> None:
        """Deploy the routes to the stage, with throttle, traces, access log and execution log."""
        account = self._account() if self._settings.manage_account_log_role else None
        deployment = ApiGatewayDeployment(
            self,
            "deployment",
            rest_api_id=self._id,
            triggers={"definition": self._definition_digest()},
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
            depends_on=self._deployed,
        )
        access_log = CloudwatchLogGroup(
            self, "access_log", name=f"/aws/apigateway/{self._names('api')}", retention_in_days=self._log_retention
        )
        # API Gateway would create it itself, without retention, and destroy would leave it behind.
        execution_log = CloudwatchLogGroup(
            self,
            "execution_log",
            name=f"API-Gateway-Execution-Logs_{self._id}/{self.stage_name}",
            retention_in_days=self._log_retention,
        )
        self.stage = ApiGatewayStage(
            self,
            "stage",
            rest_api_id=self._id,
            deployment_id=deployment.id,
            stage_name=self.stage_name,
            xray_tracing_enabled=True,
            access_log_settings=ApiGatewayStageAccessLogSettings(
                destination_arn=access_log.arn, format=json.dumps(_ACCESS_LOG, separators=(",", ":"))
            ),
            depends_on=[execution_log, *([account] if account else [])],
        )
        ApiGatewayMethodSettings(
            self,
            "method_settings",
            rest_api_id=self._id,
            stage_name=self.stage.stage_name,
            method_path="*/*",
            settings=ApiGatewayMethodSettingsSettings(
                throttling_rate_limit=self._settings.throttle_rate,
                throttling_burst_limit=self._settings.throttle_burst,
                logging_level=self._settings.execution_log_level,
                data_trace_enabled=False,
                metrics_enabled=True,
            ),
        )
        if self._settings.api_key:
            self.api_key = self._metered_key()

    def _metered_key(self) -> ApiGatewayApiKey:
        """Create an API key with a usage plan of the stage's own throttle."""
        key = ApiGatewayApiKey(
            self,
            "key",
            name=self._names("key"),
            description="For the senders of webhooks",
            # Made up once, when it is created. API Gateway would make one up too, but the local AWS refuses the empty
            # value that the provider then sends.
            value='${replace(uuid(), "-", "")}',
            lifecycle=TerraformResourceLifecycle(ignore_changes=["value"]),
        )
        pin(key, f"{self.node.id}_key")
        plan = ApiGatewayUsagePlan(
            self,
            "usage_plan",
            name=self._names("usage-plan"),
            description="What the API key lets through",
            api_stages=[ApiGatewayUsagePlanApiStages(api_id=self._id, stage=self.stage.stage_name)],
            throttle_settings=ApiGatewayUsagePlanThrottleSettings(
                rate_limit=self._settings.throttle_rate, burst_limit=self._settings.throttle_burst
            ),
        )
        ApiGatewayUsagePlanKey(self, "usage_plan_key", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id)
        return key

    def _definition_digest(self) -> str:
        """Return a digest of all that a deployment freezes, so that any change of it makes a new deployment."""
        frozen = (node for node in self.node.find_all() if isinstance(node, IMMUTABLE_AFTER_DEPLOY))
        resources = [node.to_terraform()["resource"] for node in frozen]
        # Resolved by themselves and not with all of the stack, which would take ten times as long.
        resolved = Tokenization.resolve(resources, resolver=DefaultTokenResolver(StringConcat()), scope=self)
        definition = {
            f"{kind}.{name}": {key: value for key, value in attributes.items() if key not in ("//", "tags")}
            for resource in resolved
            for kind, instances in resource.items()
            for name, attributes in instances.items()
        }
        return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()

    def _resource(self, path: str) -> str:
        parent: str = self._root_id
        so_far = ""
        for part in path.strip("/").split("/"):
            so_far += f"/{part}"
            if so_far not in self._resource_ids:
                resource = ApiGatewayResource(
                    self,
                    re.sub(r"\W+", "_", so_far).strip("_") + "_resource",
                    rest_api_id=self._id,
                    parent_id=parent,
                    path_part=part,
                )
                self._resource_ids[so_far] = resource.id
            parent = self._resource_ids[so_far]
        return parent

    def _gateway_response(self, response: GatewayResponse) -> ApiGatewayGatewayResponse:
        retry = {} if response.retry_after is None else {"Retry-After": response.retry_after}
        headers = {**retry, **response.headers}
        said = f'"error":"{response.code or response.message}"'
        if response.code:
            said += f',"message":"{response.message}"'
        return ApiGatewayGatewayResponse(
            self,
            response.response_type.lower(),
            rest_api_id=self._id,
            response_type=response.response_type,
            status_code=str(response.status),
            response_parameters={f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()}
            or None,
            response_templates={
                "application/json": f'{{{said},"correlationId":"$context.requestId"}}',
            },
        )

    def _account(self) -> ApiGatewayAccount:
        trust = policy_document(
            self,
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
        role = IamRole(self, "log_role", name=self._names("api-logs"), assume_role_policy=trust.json)
        partition = DataAwsPartition(self, "partition").partition
        # The policy that API Gateway's documentation asks for; the role serves every API of account and region.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
        attachment = IamRolePolicyAttachment(
            self,
            "log_role_policy",
            role=role.name,
            policy_arn=f"arn:{partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
        )
        return ApiGatewayAccount(
            self, "account", cloudwatch_role_arn=role.arn, reset_on_delete=True, depends_on=[attachment]
        )
