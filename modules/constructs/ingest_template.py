"""What API Gateway itself writes to the ingest queue: a mapping template, rendered for each request.

`lambdas.ingestion.ingest_message` reads the message. Nothing of the request needs to be escaped in it: the body is
base64, and `$util.urlEncode` leaves nothing of a header that means anything in JSON. `$util.escapeJavaScript` would put
a backslash before an apostrophe, which JSON does not know.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from urllib.parse import quote

from lambdas.ingestion.ingest_message import KEPT_OUT, VERSION

# Names are in the case in which they were sent, which HTTP leaves to the sender and a look-up by name does not.
_HEADERS = (
    "#foreach($name in $input.params().header.keySet())"
    f'#if(!$name.toLowerCase().matches("{"|".join(KEPT_OUT)}"))'
    "{name}%3D{value}%26"
    "#end"
    "#end"
)


def send_message(provider: str) -> str:
    """Return the template of a call of SendMessage, form-encoded as SQS takes it.

    Parameters
    ----------
    provider : str
        The provider whose path it is; empty where a header of the request says which.
    """
    headers = _HEADERS.replace("{name}", _twice("$name")).replace(
        "{value}", _twice("$input.params().header.get($name)")
    )
    members = {
        "v": quote(VERSION),
        "provider": quote(provider),
        "correlationId": "$context.requestId",
        "receivedAt": "$context.requestTimeEpoch",
        "headers": headers,
        "body": "$util.urlEncode($input.body)",
    }
    # What stands between the members' values is encoded here, for the call; the values are encoded by the template.
    said = quote(",").join(quote(f'"{name}":"') + value + quote('"') for name, value in members.items())
    return "Action=SendMessage&MessageBody=" + quote("{") + said + quote("}")


def _twice(expression: str) -> str:
    """Return what encodes a text for the message, and the message for the call."""
    return f"$util.urlEncode($util.urlEncode({expression}))"
