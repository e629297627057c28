"""The inbound stack on a local AWS: its secrets filled, an operator created, the delivery stack beside it."""

import base64
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from tools import senders
from tools.local.aws import LocalAws
from tools.local.calls import REQUEST_TIMEOUT_SECONDS, Operator, call_signed, create_operator, local_base_url
from tools.local.delivery import LocalDelivery
from tools.local.terraform import Workspace
from tools.senders import SentWebhook, kept, new_secret

# What the demo and the tests deploy, in the form of ``cdktf.json``.
ENVIRONMENTS = Path(__file__).with_name("environments.json")
OPERATOR = "webhook-operator"
# Outputs with the URLs of the main queue and its dead letter queue.
BOTH_QUEUES = ("queue_url", "dead_letter_queue_url")


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
    delivery: LocalDelivery | None = None

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
