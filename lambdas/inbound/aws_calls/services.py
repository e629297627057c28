"""The four operations that ingestion needs, with the names and arguments of boto3's clients."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lambdas.inbound.aws_calls import endpoints
from lambdas.inbound.aws_calls.caller import Caller
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.errors import AwsUnreachableError
from lambdas.inbound.aws_calls.signing import Scope

# Not escaped, because text other than ASCII is shorter that way.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def _caller(service: str, id_: str, credentials: RoleCredentials) -> Caller:
    region = endpoints.region()
    endpoint = endpoints.overridden(id_) or endpoints.of_service(service, region)
    return Caller(endpoint, Scope(region, service), credentials)


def _json_call(caller: Caller, operation: str, target: str, version: str, arguments: Mapping[str, Any]) -> Any:
    headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{target}.{operation}"}
    response = caller.call(operation, "POST", "/", headers, _ENCODER.encode(arguments).encode())
    try:
        return json.loads(response.body.decode())
    except (ValueError, RecursionError) as error:
        raise AwsUnreachableError(operation, "a response that is not JSON") from error


class Sqs:
    """Amazon SQS."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._caller = _caller("sqs", "SQS", credentials)

    def send_message(self, **arguments: str) -> Mapping[str, Any]:
        """Send a message; it is durable when this returns.

        It may be in the queue twice, if the response to an earlier attempt was lost. SQS delivers at least once anyway,
        and processing finds duplicate events.

        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html

        Raises
        ------
        AwsError
            When it may not be durable.
        """
        response = _json_call(self._caller, "SendMessage", "AmazonSQS", "1.0", arguments)
        if not isinstance(response, dict) or not response.get("MessageId"):
            raise AwsUnreachableError("SendMessage", "a response without the message's id")
        return response


class SecretsManager:
    """AWS Secrets Manager."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._caller = _caller("secretsmanager", "SECRETS_MANAGER", credentials)

    def get_secret_value(self, **arguments: str) -> Mapping[str, Any]:
        """Return a secret's value and its metadata.

        Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html

        Raises
        ------
        AwsError
            When it cannot be read.
        """
        response = _json_call(self._caller, "GetSecretValue", "secretsmanager", "1.1", arguments)
        if not isinstance(response, dict):
            raise AwsUnreachableError("GetSecretValue", "a response that is not an object")
        return response


class DynamoDb:
    """Amazon DynamoDB."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._caller = _caller("dynamodb", "DYNAMODB", credentials)

    def update_item(self, **arguments: Any) -> Mapping[str, Any]:
        """Change an item, if its condition holds.

        It may have been changed twice, if the response to an earlier attempt was lost.
        Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html

        Raises
        ------
        AwsError
            When it may not be changed; ``ConditionalCheckFailedException`` if the condition does not hold.
        """
        response = _json_call(self._caller, "UpdateItem", "DynamoDB_20120810", "1.0", arguments)
        if not isinstance(response, dict):
            raise AwsUnreachableError("UpdateItem", "a response that is not an object")
        return response


class S3:
    """Amazon S3, for one bucket.

    Parameters
    ----------
    bucket : str
        Its name. It is part of the host's name, except with another endpoint, or with a dot in it: certificates do not
        cover such a host.
    """

    def __init__(self, credentials: RoleCredentials, bucket: str) -> None:
        region = endpoints.region()
        other = endpoints.overridden("S3")
        endpoint = other or endpoints.of_service("s3", region)
        self._bucket = bucket
        self._in_path = "." in bucket or other is not None
        if not self._in_path:
            endpoint = endpoint.replace("https://", f"https://{bucket}.", 1)
        self._caller = Caller(endpoint, Scope(region, "s3"), credentials)

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803 (names of boto3)
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        ContentType: str,  # noqa: N803
        Metadata: Mapping[str, str],  # noqa: N803
        IfNoneMatch: str,  # noqa: N803
    ) -> Mapping[str, Any]:
        """Store an object; it is durable when this returns.

        The digest of the body is signed, so S3 refuses any other body.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html

        Raises
        ------
        AwsError
            When it may not be durable.
        """
        if Bucket != self._bucket:
            raise ValueError("another bucket than this client's")
        headers = {"content-type": ContentType, "if-none-match": IfNoneMatch}
        headers |= {f"x-amz-meta-{name.lower()}": value for name, value in Metadata.items()}
        path = f"/{quote(Key, safe='/~')}"
        self._caller.call("PutObject", "PUT", f"/{Bucket}{path}" if self._in_path else path, headers, Body)
        return {}
