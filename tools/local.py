"""The whole stack on a local AWS: synthesized, applied by real Terraform, its secrets filled, an operator created."""

import json
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from main import build_app
from tools import senders
from tools.ministack import REGION, LocalAws
from tools.senders import SentWebhook, new_secret
from tools.terraform import Workspace

ROOT = Path(__file__).resolve().parent.parent
OPERATOR = "webhook-operator"
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


@dataclass
class LocalStack:
    """A deployed stack on a local AWS.

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
    secrets : dict[str, str]
        Provider to the signing secret that was put into Secrets Manager; a deployed provider that is not here has none.
    operator : Operator
        Who calls status and replay.
    """

    environment: str
    aws: LocalAws
    workspace: Workspace
    outputs: Mapping[str, Any]
    secrets: dict[str, str]
    operator: Operator

    @classmethod
    def deploy(
        cls,
        aws: LocalAws,
        folder: Path,
        environment: str = "local",
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> Self:
        """Synthesize an environment, apply it, fill the providers' secrets and create an operator.

        Parameters
        ----------
        folder : Path
            Where the synthesized stack, Terraform's work and its state go.
        on_event : Callable
            Told of Terraform's progress.
        """
        app = build_app(environment, folder / "synth")
        app.synth()
        workspace = Workspace.create(folder / "synth" / "stacks" / f"webhooks-{environment}", folder, aws.environment())
        workspace.apply(on_event)
        outputs = workspace.outputs()
        secrets = {name: new_secret(name) for name in senders.providers()}
        manager = aws.client("secretsmanager")
        for name, secret in secrets.items():
            manager.put_secret_value(
                SecretId=outputs["secret_arns"][name], SecretString=json.dumps({"secrets": [secret]})
            )
        return cls(
            environment, aws, workspace, outputs, secrets, _create_operator(aws, outputs["operator_policy_json"])
        )

    @property
    def base_url(self) -> str:
        """Base URL of the API on the local AWS, which has no names of its own for it."""
        api_id, stage = (
            self.outputs["endpoint_url"].split("//")[1].split(".")[0],
            self.outputs["endpoint_url"].rsplit("/")[-1],
        )
        return f"{self.aws.url}/restapis/{api_id}/{stage}/_user_request_"

    def post(self, webhook: SentWebhook) -> requests.Response:
        """Send a webhook as its provider would."""
        return requests.post(
            self.base_url + webhook.path,
            data=webhook.body,
            headers=dict(webhook.headers),
            verify=str(self.aws.certificate_authority),
            timeout=REQUEST_TIMEOUT_SECONDS,
        )

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, operator: Operator | None = None
    ) -> requests.Response:
        """Call an operators' endpoint, signed with the operator's key."""
        who = operator or self.operator
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = AWSRequest(method=method, url=self.base_url + path, data=data, headers=headers)
        SigV4Auth(Credentials(who.key, who.secret), "execute-api", REGION).add_auth(request)
        return requests.request(
            method,
            self.base_url + path,
            data=data,
            headers=dict(request.headers),
            verify=str(self.aws.certificate_authority),
            timeout=REQUEST_TIMEOUT_SECONDS,
        )

    def status(self, transaction_id: str) -> dict[str, Any] | None:
        """Return a transaction's status, or None while it is unknown."""
        answer = self.call("GET", f"/status/{quote(transaction_id, safe='')}")
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        status: dict[str, Any] = answer.json()
        return status

    def stranger(self) -> Operator:
        """Create an IAM user without any policy and return its key."""
        iam = self.aws.client("iam")
        name = f"stranger-{uuid.uuid4()}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Operator(key["AccessKeyId"], key["SecretAccessKey"])

    def shorten_retries(self, seconds: int) -> None:
        """Shorten the main queue's visibility timeout, so that three receives take seconds, not a quarter of an hour.

        It stays as long as the functions' time-out, so that a message is not received again while it is processed.
        """
        self.aws.client("sqs").set_queue_attributes(
            QueueUrl=self.outputs["queue_url"], Attributes={"VisibilityTimeout": str(seconds)}
        )


def wait_for(
    what: str, look: Callable[[], T | None], timeout: float, on_wait: Callable[[float], None] | None = None
) -> T:
    """Return what `look` finds, once it finds anything.

    Raises
    ------
    TimeoutError
        When that takes too long.
    """
    started = time.monotonic()
    while (found := look()) is None:
        waited = time.monotonic() - started
        if waited > timeout:
            raise TimeoutError(f"waited {timeout:.0f} s for {what}")
        if on_wait:
            on_wait(waited)
        time.sleep(0.2)
    return found


def _create_operator(aws: LocalAws, policy: str) -> Operator:
    iam = aws.client("iam")
    iam.create_user(UserName=OPERATOR)
    iam.put_user_policy(UserName=OPERATOR, PolicyName="operate", PolicyDocument=policy)
    key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    return Operator(key["AccessKeyId"], key["SecretAccessKey"])


def clean(folder: Path) -> Path:
    """Return a folder that is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
