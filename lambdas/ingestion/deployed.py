"""Ingestion with what this deployment gives it: providers, secrets, queue and archive."""

import json

from lambdas.inbound.archive import Archive
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.services import S3, SecretsManager, Sqs
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.secrets import SecretStore
from lambdas.ingestion.logic import Ingestion
from lambdas.shared.environment import setting


def _build() -> Ingestion:
    deployed = json.loads(setting("PROVIDERS"))
    credentials = RoleCredentials()
    bucket = setting("BUCKET_NAME")
    return Ingestion(
        providers={
            name: REGISTRY[provider["entry"]].configured(provider.get("options", {}))
            for name, provider in deployed.items()
        },
        secrets=SecretStore(
            SecretsManager(credentials),
            {name: provider["secretArn"] for name, provider in deployed.items() if "secretArn" in provider},
        ),
        queue=MainQueue(Sqs(credentials), setting("QUEUE_URL"), setting("MESSAGE_GROUP_BY")),
        archive=Archive(S3(credentials, bucket), bucket),
        max_body_bytes=int(setting("MAX_BODY_BYTES")),
    )


# Clients are made while the function initialises, when Lambda gives it a whole CPU.
INGESTION = _build()
