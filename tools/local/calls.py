"""Calls to a deployed stack: an operator's, and those that are repeated until something is there."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tools.local.aws import REGION, LocalAws, LocalEndpoint
from tools.local.terraform import Workspace

REQUEST_TIMEOUT_SECONDS = 60

T = TypeVar("T")


@dataclass(frozen=True)
class Operator:
    """An IAM user that may call the operators' endpoints and nothing else.

    Attributes
    ----------
    key, secret : str
        Its access key.
    """

    key: str
    secret: str


@dataclass(kw_only=True)
class DeployedStack:
    """A stack with an API, deployed to a local AWS.

    Attributes
    ----------
    environment : str
        Environment suffix.
    aws : LocalAws
        The local AWS.
    workspace : Workspace
        Where Terraform ran.
    outputs : Mapping[str, Any]
        The stack's outputs.
    operator : Operator
        Who calls the operators' routes.
    """

    environment: str
    aws: LocalAws
    workspace: Workspace
    outputs: Mapping[str, Any]
    operator: Operator

    @property
    def base_url(self) -> str:
        """Base URL of the API on the local AWS, which has no names of its own for it."""
        return local_base_url(self.aws, self.outputs["endpoint_url"])

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, operator: Operator | None = None
    ) -> requests.Response:
        """Call an operators' route, signed with the operator's key."""
        who = operator or self.operator
        trusted = str(self.aws.certificate_authority)
        return call_signed(method, self.base_url + path, Credentials(who.key, who.secret), verify=trusted, body=body)


def create_operator(aws: LocalAws, name: str, *policies: str) -> Operator:
    """Create an IAM user who may do what policies say, or nothing without one, and return its key."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    for number, policy in enumerate(policies):
        iam.put_user_policy(UserName=name, PolicyName=f"operate-{number}", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Operator(key["AccessKeyId"], key["SecretAccessKey"])


def call_signed(
    method: str,
    url: str,
    credentials: Credentials,
    *,
    verify: str | bool,
    region: str = REGION,
    body: Mapping[str, Any] | None = None,
) -> requests.Response:
    """Call a route that asks for IAM, signed with somebody's credentials; a redirect is an answer like any other."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = AWSRequest(method=method, url=url, data=data, headers=headers)
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    return requests.request(
        method,
        url,
        data=data,
        headers=dict(request.headers),
        verify=verify,
        timeout=REQUEST_TIMEOUT_SECONDS,
        allow_redirects=False,
    )


def local_base_url(aws: LocalEndpoint, endpoint_url: str) -> str:
    """Return the base URL of an API on the local AWS, which has no names of its own for it."""
    api_id, stage = endpoint_url.split("//")[1].split(".", maxsplit=1)[0], endpoint_url.rsplit("/", maxsplit=1)[-1]
    return f"{aws.url}/restapis/{api_id}/{stage}/_user_request_"


def wait_for(
    what: str, look: Callable[[], T | None], timeout: float, on_wait: Callable[[float], None] | None = None
) -> T:
    """Return what `look` finds, once it finds anything.

    It looks once more after the time, because a busy machine may need all of it for one look.

    Raises
    ------
    TimeoutError
        When that takes too long.
    """
    started, waited = time.monotonic(), 0.0
    while (found := look()) is None:
        if waited > timeout:
            raise TimeoutError(f"waited {timeout:.0f} s for {what}")
        waited = time.monotonic() - started
        if on_wait:
            on_wait(waited)
        time.sleep(0.2)
    return found
