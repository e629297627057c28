"""The REST API: its routes, what guards each, its stage, and its logs."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated

from modules.constructs.api_stage import deployed_stage, metered_key, throttle
from modules.constructs.gateway_responses import GATEWAY_RESPONSES, GatewayResponse, gateway_response
from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.policy import Statement, policy_document, to_block
from modules.constructs.route import Route
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.formats import ANY_TEXT, CERTIFICATE_ARN, HOST, LOG_RETENTION
from modules.settings.sections import ApiSettings
from modules.settings.validation import SettingRule
from modules.synth.at_synth import change_at_synth
from modules.synth.cdk import (
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
    ApiGatewayRequestValidator,
    ApiGatewayResource,
    ApiGatewayRestApi,
    ApiGatewayStage,
    Construct,
    DataAwsIamPolicyDocument,
    DefaultTokenResolver,
    LambdaPermission,
    StringConcat,
    TerraformResource,
    TerraformResourceLifecycle,
    TerraformStack,
    Tokenization,
)

AUTHORIZER_CACHE_SECONDS = 300
# https://docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html
STAGE_NAME = SettingRule(pattern="[A-Za-z0-9_-]{1,128}", words="1 to 128 letters, digits, hyphens and underscores")

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
# Of these, what a deployment must wait for: the others are named by one of them.
WAITED_FOR = (
    ApiGatewayMethod,
    ApiGatewayIntegration,
    ApiGatewayMethodResponse,
    ApiGatewayIntegrationResponse,
    ApiGatewayAuthorizer,
    ApiGatewayGatewayResponse,
)


@checked
class ApiLayer(Construct):
    """A regional REST API with proxy integrations.

    Routes are added with `route`, before `deploy` and after it, which deploys what is there when the stack is
    synthesized.

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
    keyed_by_authorizer : bool
        Whether the authorizer names the API key of each request that it lets in, by which usage plans count.
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
        log_retention: Annotated[int, LOG_RETENTION],
        description: Annotated[str, ANY_TEXT],
        stage_name: Annotated[str, STAGE_NAME],
        keyed_by_authorizer: bool = False,
        responses: Sequence[GatewayResponse] | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.stage_name = stage_name
        self._authorizer: ApiGatewayAuthorizer | None = None
        self._settings = settings
        # Which routes ask for an API key, by their authorization.
        self._keyed = {"CUSTOM"} if keyed_by_authorizer else {"NONE"} if settings.api_key else set()
        self._names = names
        self._log_retention = log_retention
        self._routes: list[Route] = []
        # Which routes have a policy of their own.
        self._apart: list[Route] = []
        self._rates: dict[str, int] = {}
        self._deployed: list[TerraformResource] = []
        self._operator_policy: DataAwsIamPolicyDocument | None = None
        self._resource_ids: dict[str, str] = {}
        self.api = ApiGatewayRestApi(
            self,
            "api",
            name=names("api"),
            description=description,
            endpoint_configuration={"types": ["REGIONAL"]},
            api_key_source="AUTHORIZER" if keyed_by_authorizer else None,
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
            self._deployed.append(gateway_response(self, self._id, response))

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
            As `add_method` says.
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
            When the API has the route already, or another that API Gateway cannot tell from it, or the route needs an
            authorizer and the API has none yet.
        """
        if any((each.method, each.path) == (route.method, route.path) for each in self._routes):
            raise ValueError(f"{route.method} {route.path}: is a route of this API already")
        if route.authorization == "CUSTOM" and self._authorizer is None:
            raise ValueError(f"{route.method} {route.path}: the API has no authorizer yet: call authorize_by first")
        self._check_beside(route)
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
            api_key_required=route.authorization in self._keyed or None,
        )
        self.freeze(method)
        self._routes.append(route)
        return method

    def _check_beside(self, route: Route) -> None:
        """Check that API Gateway and ids of constructs tell a route's resources from those that are there.

        Source: https://github.com/amazon-archives/aws-apigateway-importer/issues/202
        """
        so_far, alike = "", []
        for part in route.path.strip("/").split("/"):
            above, so_far = so_far, f"{so_far}/{part}"
            for path in {} if so_far in self._resource_ids else self._resource_ids:
                parent, _, other = path.rpartition("/")
                if parent == above and part[0] == other[0] == "{":
                    raise ValueError(
                        f"path: {route.path!r} has {part} where {path!r} has {other}; allowed: one parameter in a place"
                    )
                if _id_of(path) == _id_of(so_far):
                    alike.append(path)
        alike += [each.path for each in self._routes if each.id == route.id]
        for path in alike:
            raise ValueError(f"path: {route.path!r} cannot be told from {path!r}; allowed: another letter or digit")

    def throttle(self, route: Route, rate: int) -> None:
        """Give a route a rate of its own, in place of one that it was given before.

        Parameters
        ----------
        rate : int
            Requests/s; at most those of the stage, which count for every route.

        Raises
        ------
        ValueError
            When the API has no such route, or not such a rate.
        """
        if route not in self._routes:
            raise ValueError(f"route: {route.method} {route.path} is none of this API; add it first")
        if not 1 <= rate <= self._settings.throttle_rate:
            raise ValueError(f"rate: {rate} is not allowed; allowed: 1 to {self._settings.throttle_rate} requests/s")
        self._rates[f"{route.path.strip('/')}/{route.method}"] = rate
        if hasattr(self, "stage"):
            self._write_rates()

    def _write_rates(self) -> None:
        for path, rate in self._rates.items():
            throttle(self, rest_api_id=self._id, stage=self.stage, settings=self._settings, path=path, rate=rate)
        self._rates.clear()

    def freeze(self, *resources: TerraformResource) -> None:
        """Have the deployment wait for what it freezes."""
        self._deployed += resources

    def add_domain(
        self, name: Annotated[str, HOST], certificate_arn: Annotated[str, CERTIFICATE_ARN]
    ) -> ApiGatewayDomainName:
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

    def operator_policy(self, *more: Statement) -> DataAwsIamPolicyDocument:
        """Return a policy for operators: ``execute-api:Invoke`` on the routes that ask for IAM.

        Those with a policy of their own, see `policy_of`, are not among them.

        Parameters
        ----------
        *more : Statement
            What they may do besides; only the first call says it.
        """
        if self._operator_policy is None:
            self._operator_policy = policy_document(self, "operator_policy", [])
            change_at_synth(TerraformStack.of(self), lambda _: self._write_operator_policy(more))
        return self._operator_policy

    def _write_operator_policy(self, more: Sequence[Statement]) -> None:
        assert self._operator_policy is not None
        routes = [route for route in self._routes if route.authorization == "AWS_IAM" and route not in self._apart]
        statements = [self._call("CallOperatorsEndpoints", routes), *more]
        self._operator_policy.put_statement([to_block(statement) for statement in statements])

    def policy_of(self, id_: str, sid: str, route: Route) -> DataAwsIamPolicyDocument:
        """Return a policy for one route, ``execute-api:Invoke`` on it, which the operators' policy leaves out."""
        document = policy_document(self, id_, [self._call(sid, [route])])
        self._apart.append(route)
        return document

    def _call(self, sid: str, routes: Sequence[Route]) -> Statement:
        resources = [f"{self._arn}/{self.stage_name}/{route.method}{route.any_path}" for route in routes]
        return Statement(sid=sid, actions=["execute-api:Invoke"], resources=resources)

    def deploy(self) -> None:
        """Deploy the routes to the stage, with throttle, traces, access log and execution log.

        A second call changes nothing.
        """
        if hasattr(self, "stage"):
            return
        self._deployment = ApiGatewayDeployment(
            self,
            "deployment",
            rest_api_id=self._id,
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )

        change_at_synth(TerraformStack.of(self), self._complete)
        self.stage = deployed_stage(
            self,
            rest_api_id=self._id,
            deployment_id=self._deployment.id,
            stage_name=self.stage_name,
            settings=self._settings,
            names=self._names,
            log_retention=self._log_retention,
        )
        throttle(self, rest_api_id=self._id, stage=self.stage, settings=self._settings)
        self._write_rates()
        if self._settings.api_key:
            self.api_key = metered_key(
                self, rest_api_id=self._id, stage=self.stage, settings=self._settings, names=self._names
            )

    def _complete(self, stack: TerraformStack) -> None:
        """Have the deployment wait for what it freezes, and be made anew whenever any of that changes.

        A user's own methods and integrations belong to it too, wherever they are in the stack.
        """
        frozen = [node for node in stack.node.find_all() if isinstance(node, IMMUTABLE_AFTER_DEPLOY)]
        # Resolved by themselves and not with all of the stack, which would take ten times as long.
        resolved = Tokenization.resolve(
            [node.to_terraform()["resource"] for node in frozen],
            resolver=DefaultTokenResolver(StringConcat()),
            scope=self,
        )
        api = (self.api.terraform_resource_type, self.api.friendly_unique_id)
        definition = {}
        deployed = [f"{node.terraform_resource_type}.{node.friendly_unique_id}" for node in self._deployed]
        for node, resource in zip(frozen, resolved, strict=True):
            ((kind, instances),) = resource.items()
            ((name, attributes),) = instances.items()
            if (kind, name) != api and attributes.get("rest_api_id") != f"${{{'.'.join(api)}.id}}":
                continue
            address = f"{kind}.{name}"
            definition[address] = {key: value for key, value in attributes.items() if key not in ("//", "tags")}
            if isinstance(node, WAITED_FOR) and address not in deployed:
                deployed.append(address)
        digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
        self._deployment.triggers = {"definition": digest}
        self._deployment.depends_on = list(dict.fromkeys(deployed))

    def _resource(self, path: str) -> str:
        parent: str = self._root_id
        so_far = ""
        for part in path.strip("/").split("/"):
            so_far += f"/{part}"
            if so_far not in self._resource_ids:
                resource = ApiGatewayResource(
                    self,
                    _id_of(so_far),
                    rest_api_id=self._id,
                    parent_id=parent,
                    path_part=part,
                )
                self._resource_ids[so_far] = resource.id
            parent = self._resource_ids[so_far]
        return parent


def _id_of(path: str) -> str:
    return re.sub(r"\W+", "_", path).strip("_") + "_resource"
