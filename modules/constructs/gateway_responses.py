"""What API Gateway itself answers, without any function."""

from collections.abc import Mapping
from dataclasses import dataclass

from modules.settings.formats import HEADER
from modules.settings.validation import SettingRule, Validated, setting
from modules.synth.cdk import ApiGatewayGatewayResponse, Construct

# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_CASES = (
    *("ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE"),
    *("BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN"),
    *("INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE"),
    *("MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED"),
    *("UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED"),
)
# They stand in a text of JSON, in a template.
_PLAIN = SettingRule(pattern=r'[^"\\$#\x00-\x1f]*', words="a line without quotes, backslashes, $ and #")

# It stands in quotes.
_QUOTED = SettingRule(pattern=r"[^'\x00-\x1f]+", words="a line without apostrophes")


@dataclass(frozen=True, kw_only=True)
class GatewayResponse(Validated):
    """An answer of API Gateway itself.

    Raises
    ------
    SettingsError
        When API Gateway has no such case, or cannot give this answer.
    """

    response_type: str = setting(doc="API Gateway's name of the case.", choices=_CASES)
    status: int = setting(doc="HTTP status.", low=100, high=599)
    message: str = setting(doc="Text of the answer.", rule=_PLAIN)
    retry_after: int | None = setting(
        None, unit="s", low=0, doc="When the sender should try again; None where that would not help."
    )
    headers: Mapping[str, str] = setting(factory=dict, doc="Other headers of the answer.", rule=HEADER)
    code: str = setting(
        "", doc="What programs know the case by; without one, the text stands in its place.", rule=_PLAIN
    )

    def __post_init__(self) -> None:
        """Check each part, and the values of the headers."""
        super().__post_init__()
        for name, value in self.headers.items():
            _QUOTED.check(f"headers.{name}", value)


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
