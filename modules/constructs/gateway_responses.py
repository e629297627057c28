"""What API Gateway itself answers, without any function."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modules.synth.cdk import ApiGatewayGatewayResponse, Construct


@dataclass(frozen=True, kw_only=True)
class GatewayResponse:
    """An answer of API Gateway itself.

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


# A function at its reserved concurrency is a 500 by default, although it is a matter of waiting like a throttle. So
# both are a 429 with Retry-After for the sender; the alarms tell them apart by the functions' own throttle metric.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
GATEWAY_RESPONSES = (
    GatewayResponse(response_type="INTEGRATION_FAILURE", status=429, message="busy, try again", retry_after=2),
    GatewayResponse(response_type="THROTTLED", status=429, message="too many requests, try again", retry_after=1),
    GatewayResponse(response_type="INTEGRATION_TIMEOUT", status=504, message="timed out, try again", retry_after=5),
)


def gateway_response(scope: Construct, rest_api_id: str, response: GatewayResponse) -> ApiGatewayGatewayResponse:
    """Create a gateway response."""
    retry = {} if response.retry_after is None else {"Retry-After": response.retry_after}
    headers = {**retry, **response.headers}
    said = f'"error":"{response.code or response.message}"'
    if response.code:
        said += f',"message":"{response.message}"'
    return ApiGatewayGatewayResponse(
        scope,
        response.response_type.lower(),
        rest_api_id=rest_api_id,
        response_type=response.response_type,
        status_code=str(response.status),
        response_parameters={f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()} or None,
        response_templates={
            "application/json": f'{{{said},"correlationId":"$context.requestId"}}',
        },
    )
