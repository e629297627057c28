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
from tools.local.calls import (
    REQUEST_TIMEOUT_SECONDS,
    DeployedStack,
    Operator,
    create_operator,
)
from tools.local.delivery import LocalDelivery
from tools.local.terraform import Workspace
from tools.senders import SentWebhook, kept, new_secret

# What the demo and the tests deploy, in the form of ``cdktf.json``.
ENVIRONMENTS = Path(__file__).with_name("environments.json")
OPERATOR = "webhook-operator"
# Outputs with the URLs of the main queue and its dead letter queue.
BOTH_QUEUES = ("queue_url", "dead_letter_queue_url")


@dataclass(kw_only=True)
class LocalStack(DeployedStack):
    """A deployed inbound stack on a local AWS.

    Attributes
    ----------
    secrets : dict[str, str]
        Provider to the signing secret that was put into Secrets Manager; a deployed provider that is not here has none.
    delivery : LocalDelivery | None
        The delivery stack beside it, where that was deployed too.
    """

    secrets: dict[str, str]
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
        return cls(
            environment=environment, aws=aws, workspace=workspace, outputs=outputs, operator=operator, secrets=secrets
        )

    def post(self, webhook: SentWebhook) -> requests.Response:
        """Send a webhook as its provider would, with the API key where the stack asks for one."""
        return post_webhook(self.base_url, self.outputs, str(self.aws.certificate_authority), webhook)

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
        return create_operator(self.aws, f"stranger-{uuid.uuid4()}")

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
    """Return the path of a transaction's status."""
    return f"/status/{path_id(transaction_id)}"


def path_id(text: str) -> str:
    """Return an id as the last part of a path, see `lambdas.inbound.requests.read_path_id`."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", text, re.ASCII):
        return text
    return "~" + base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


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
