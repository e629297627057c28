"""Direct integration: API Gateway writes each request to the ingest queue itself, and answers when SQS has it.

The answer is 202 only where SQS said 200. Nothing of a request reaches SQS but through the template: a body that
passed through untouched would be a call of the sender's own making.
Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
"""

import json
from collections.abc import Mapping
from typing import Annotated

from lambdas.inbound.providers.entry import AcceptedResponse
from modules.constructs.api_layer import ApiLayer
from modules.constructs.gateway_responses import GATEWAY_RESPONSES, GatewayResponse
from modules.constructs.ingest_template import send_message
from modules.constructs.naming import Names
from modules.constructs.policy import Condition, Statement, policy_document
from modules.constructs.route import Route
from modules.settings.checked import checked
from modules.settings.formats import ACCOUNT_ID, DEPLOYED, REGION
from modules.settings.validation import SettingRule
from modules.synth.cdk import (
    ApiGatewayIntegration,
    ApiGatewayIntegrationResponse,
    ApiGatewayMethod,
    ApiGatewayMethodResponse,
    Construct,
    DataAwsPartition,
    IamRole,
    IamRolePolicy,
    SqsQueue,
)

# A template has to name its content type, and what has none is answered 415. A request without one counts as JSON.
CONTENT_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/octet-stream",
    "application/cloudevents+json",
    "text/plain",
    "text/xml",
)
RETRY_AFTER_SECONDS = "5"
_PROVIDER = SettingRule(pattern=f"({DEPLOYED.pattern})?", words=f"{DEPLOYED.words}, or nothing")
# Here, no integration failure means that all executions are taken: it is SQS or a function that cannot be reached.
DIRECT_RESPONSES = (
    GatewayResponse(response_type="INTEGRATION_FAILURE", status=503, message="not available, try again", retry_after=5),
    *(response for response in GATEWAY_RESPONSES if response.response_type != "INTEGRATION_FAILURE"),
    GatewayResponse(
        response_type="UNSUPPORTED_MEDIA_TYPE",
        status=415,
        message="this Content-Type is not taken; send application/json",
    ),
)
# With the text in it SQS refuses a message for its size. Any other refusal is our own trouble, and not the sender's.
_TOO_LARGE = "must be shorter"
_CORRELATION = '"correlationId":"$context.requestId"'
# What SQS says is binary for an API of which every media type is, and so base64 here; XML and JSON, which it may be as
# well, hold what no base64 does. https://github.com/localstack/localstack/pull/12215, which was tried on AWS
_SAID = '#set($said = $input.body)#if($said.matches("[^{<]*"))#set($said = $util.base64Decode($said))#end'
# Overrides are the only way to tell apart two refusals under one status of SQS.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
_REFUSED = (
    f'{_SAID}#if($said.contains("{_TOO_LARGE}"))'
    '#set($context.responseOverride.status = 413){"error":"payload_too_large",'
    f"#{{else}}#set($context.responseOverride.header['Retry-After'] = '{RETRY_AFTER_SECONDS}')"
    '{"error":"not_durable",#{end}' + _CORRELATION + "}"
)


@checked
class DirectIntegration(Construct):
    """Methods of an API that write to the ingest queue, and the role that allows it.

    Parameters
    ----------
    scope : ApiLayer
        The API; below it, since a deployment freezes the methods too.
    queue : SqsQueue
        Where requests go.
    region, account_id : str
        Where the queue is.
    names : Names
        Naming of the stack.
    """

    def __init__(
        self,
        scope: ApiLayer,
        id_: str,
        *,
        queue: SqsQueue,
        region: Annotated[str, REGION],
        account_id: Annotated[str, ACCOUNT_ID],
        names: Names,
    ) -> None:
        super().__init__(scope, id_)
        self._api = scope
        partition = DataAwsPartition(self, "partition").partition
        self._uri = f"arn:{partition}:apigateway:{region}:sqs:path/{account_id}/{queue.name}"
        trust = policy_document(
            self,
            "trust",
            [
                Statement(
                    sid="ApiGatewaySendsForThisAccount",
                    actions=["sts:AssumeRole"],
                    resources=[],
                    services=["apigateway.amazonaws.com"],
                    # API Gateway's documents do not promise that it names the account; where it does, it must be this.
                    conditions=[
                        Condition(test="StringEqualsIfExists", variable="aws:SourceAccount", values=[account_id])
                    ],
                )
            ],
        )
        self._role = IamRole(self, "role", name=names("api-inbox"), assume_role_policy=trust.json)
        send = Statement(sid="SendToInbox", actions=["sqs:SendMessage"], resources=[queue.arn])
        document = policy_document(self, "permissions", [send])
        self._policy = IamRolePolicy(
            self, "policy", name=names("api-inbox"), role=self._role.name, policy=document.json
        )

    def receive(self, route: Route, *, provider: Annotated[str, _PROVIDER], answer: AcceptedResponse) -> None:
        """Add a method that puts a request into the ingest queue.

        Parameters
        ----------
        provider : str
            The provider whose path it is; empty where the header ``X-Provider-ID`` says which.
        answer : AcceptedResponse
            What is answered when SQS has it.
        """
        method = self._api.add_method(route)
        integration = ApiGatewayIntegration(
            self,
            f"{route.id}_integration",
            **self._place(method),
            type="AWS",
            integration_http_method="POST",
            uri=self._uri,
            credentials=self._role.arn,
            # With every media type binary, the body is text here only as base64.
            content_handling="CONVERT_TO_TEXT",
            passthrough_behavior="NEVER",
            request_parameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
            request_templates=dict.fromkeys(CONTENT_TYPES, send_message(provider)),
            # Without it, requests would be refused until the permission is there.
            depends_on=[self._policy],
        )
        self._api.freeze(integration)
        plain = {"Content-Type": "'text/plain; charset=utf-8'"} if answer.body is not None else {}
        said = answer.body if answer.body is not None else f"{{{_CORRELATION}}}"
        self._answer(route, integration, answer.status, said, headers=plain, pattern="200")
        self._answer(route, integration, 503, _REFUSED, headers={}, pattern=None)

    def refuse(self, route: Route) -> None:
        """Add a method that answers 404 to every provider that is not deployed."""
        method = self._api.add_method(route)
        integration = ApiGatewayIntegration(
            self,
            f"{route.id}_integration",
            **self._place(method),
            type="MOCK",
            content_handling="CONVERT_TO_TEXT",
            passthrough_behavior="NEVER",
            request_templates=dict.fromkeys(CONTENT_TYPES, json.dumps({"statusCode": 404})),
        )
        self._api.freeze(integration)
        self._answer(
            route, integration, 404, f'{{"error":"unknown_provider",{_CORRELATION}}}', headers={}, pattern=None
        )

    def _answer(
        self,
        route: Route,
        integration: ApiGatewayIntegration,
        status: int,
        body: str,
        *,
        headers: Mapping[str, str],
        pattern: str | None,
    ) -> None:
        headers = {"X-Correlation-Id": "context.requestId", **headers}
        place = {
            "rest_api_id": integration.rest_api_id_input,
            "resource_id": integration.resource_id_input,
            "http_method": integration.http_method,
        }
        declared = ApiGatewayMethodResponse(
            self,
            f"{route.id}_{status}",
            **place,
            status_code=str(status),
            response_parameters={f"method.response.header.{name}": True for name in headers},
        )
        mapped = ApiGatewayIntegrationResponse(
            self,
            f"{route.id}_{status}_integration",
            **place,
            status_code=declared.status_code,
            selection_pattern=pattern,
            # Every media type that a sender accepts is binary too, and the text would be taken for base64.
            content_handling="CONVERT_TO_TEXT",
            response_parameters={f"method.response.header.{name}": value for name, value in headers.items()},
            response_templates={"application/json": body},
            depends_on=[integration],
        )
        self._api.freeze(declared, mapped)

    def _place(self, method: ApiGatewayMethod) -> dict[str, str]:
        return {
            "rest_api_id": method.rest_api_id_input,
            "resource_id": method.resource_id_input,
            "http_method": method.http_method,
        }
