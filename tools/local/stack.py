"""The whole stack on a local AWS: synthesized, applied by real Terraform, its secrets filled, an operator created."""

import base64
import json
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambdas.inbound.providers.registry import REGISTRY
from modules.constructs.bundling import BUNDLES
from modules.settings.environments import load_settings
from tools import senders
from tools.build.bundle import bundles_for_this_machine
from tools.local.aws import REGION, LocalAws, LocalEndpoint
from tools.local.terraform import TerraformError, Workspace
from tools.senders import SentWebhook, kept, new_secret

if TYPE_CHECKING:
    from tools.local.delivery import LocalDelivery

# What the demo and the tests deploy, in the form of ``cdktf.json``.
ENVIRONMENTS = Path(__file__).with_name("environments.json")
OPERATOR = "webhook-operator"
# Outputs with the URLs of the main queue and its dead letter queue.
BOTH_QUEUES = ("queue_url", "dead_letter_queue_url")
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
    delivery : LocalDelivery | None
        The delivery stack beside it, where that was deployed too.
    """

    environment: str
    aws: LocalAws
    workspace: Workspace
    outputs: Mapping[str, Any]
    secrets: dict[str, str]
    operator: Operator
    delivery: "LocalDelivery | None" = None

    @classmethod
    def take_over(
        cls, aws: LocalAws, workspace: Workspace, environment: str, outputs: Mapping[str, Any] | None = None
    ) -> Self:
        """Fill the secrets of a stack that was just applied, but those of providers nobody can send for.

        Parameters
        ----------
        outputs : Mapping[str, Any] | None
            The stack's outputs, where they are not those of the workspace.
        """
        outputs = workspace.outputs() if outputs is None else outputs
        secrets = {name: new_secret(name) for name in senders.providers() if name in outputs["secret_arns"]}
        manager = aws.client("secretsmanager")
        for name, secret in secrets.items():
            manager.put_secret_value(
                SecretId=outputs["secret_arns"][name], SecretString=json.dumps({"secrets": [kept(name, secret)]})
            )
        operator = create_operator(aws, f"{OPERATOR}-{environment}", outputs["operator_policy_json"])
        return cls(environment, aws, workspace, outputs, secrets, operator)

    @property
    def base_url(self) -> str:
        """Base URL of the API on the local AWS, which has no names of its own for it."""
        return local_base_url(self.aws, self.outputs["endpoint_url"])

    def post(self, webhook: SentWebhook) -> requests.Response:
        """Send a webhook as its provider would, with the API key where the stack asks for one."""
        return post_webhook(self.base_url, self.outputs, str(self.aws.certificate_authority), webhook)

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, operator: Operator | None = None
    ) -> requests.Response:
        """Call an operators' endpoint, signed with the operator's key."""
        return call_signed(self.aws, method, self.base_url + path, operator or self.operator, body)

    def status(self, transaction_id: str) -> dict[str, Any] | None:
        """Return a transaction's status, or None while it is unknown."""
        answer = self.call("GET", status_path(transaction_id))
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

    def shorten_retries(self, seconds: int, queues: Sequence[str] = ("queue_url",)) -> None:
        """Shorten a queue's visibility timeout, so that three receives take seconds, not a quarter of an hour.

        It stays as long as the functions' time-out, so that a message is not received again while it is processed.

        Parameters
        ----------
        queues : Sequence[str]
            Outputs with the URLs of the queues; the main queue where nothing is said.
        """
        for queue in queues:
            self.aws.client("sqs").set_queue_attributes(
                QueueUrl=self.outputs[queue], Attributes={"VisibilityTimeout": str(seconds)}
            )


def status_path(transaction_id: str) -> str:
    """Return the path of a transaction's status, see `lambdas.status.logic.read_transaction_id`."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", transaction_id, re.ASCII):
        return f"/status/{transaction_id}"
    return "/status/~" + base64.urlsafe_b64encode(transaction_id.encode()).decode("ascii").rstrip("=")


def call_signed(
    aws: LocalEndpoint, method: str, url: str, who: Operator, body: Mapping[str, Any] | None = None
) -> requests.Response:
    """Call a route that asks for IAM, signed with an access key."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = AWSRequest(method=method, url=url, data=data, headers=headers)
    SigV4Auth(Credentials(who.key, who.secret), "execute-api", REGION).add_auth(request)
    return requests.request(
        method,
        url,
        data=data,
        headers=dict(request.headers),
        verify=str(aws.certificate_authority),
        timeout=REQUEST_TIMEOUT_SECONDS,
    )


def post_webhook(
    base_url: str, outputs: Mapping[str, Any], verify: str | bool, webhook: SentWebhook
) -> requests.Response:
    """Send a webhook to a stack, with the API key where its outputs have one.

    Parameters
    ----------
    verify : str | bool
        What the API's certificate is verified against.
    """
    key = {"x-api-key": outputs["api_key"]} if "api_key" in outputs else {}
    return requests.post(
        base_url + webhook.path,
        data=webhook.body,
        headers={**key, **webhook.headers},
        verify=verify,
        timeout=REQUEST_TIMEOUT_SECONDS,
    )


def local_base_url(aws: LocalEndpoint, endpoint_url: str) -> str:
    """Return the base URL of an API on the local AWS, which has no names of its own for it."""
    api_id, stage = endpoint_url.split("//")[1].split(".", maxsplit=1)[0], endpoint_url.rsplit("/", maxsplit=1)[-1]
    return f"{aws.url}/restapis/{api_id}/{stage}/_user_request_"


def synthesize(environment: str, outdir: Path) -> Path:
    """Synthesize an environment and return the folder of its inbound stack; its delivery stack's is beside it."""
    settings = load_settings(ENVIRONMENTS, environment)
    native = settings.delivery is not None or any(REGISTRY[entry].native for entry in settings.providers.values())
    bundles = bundles_for_this_machine() if native else BUNDLES
    # Importing it takes a second, and not everything here synthesizes.
    from main import build_app  # noqa: PLC0415

    build_app(environment, outdir, bundles, ENVIRONMENTS).synth()
    return outdir / "stacks" / f"webhooks-{environment}"


def apply(
    workspace: Workspace,
    aws: LocalAws,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    *,
    prepared: bool = False,
) -> None:
    """Apply a stack to a local AWS, or what was prepared of it.

    Raises
    ------
    TerraformError
        When that fails, with what Terraform said, and what the server said of errors.
    """
    try:
        workspace.apply(on_event, prepared=prepared)
    except TerraformError as error:
        said = "\n".join(aws.complaints()) or "nothing of errors"
        raise TerraformError(f"{error}\nthe local AWS said:\n{said}") from error


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


def create_operator(aws: LocalAws, name: str, policy: str) -> Operator:
    """Create an IAM user who may do what a policy says, and return its key."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="operate", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Operator(key["AccessKeyId"], key["SecretAccessKey"])


def clean(folder: Path) -> Path:
    """Return a folder that is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
