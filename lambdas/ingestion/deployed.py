"""Ingestion as it is deployed: with its providers, secrets, queue and archive."""

import json

from lambdas.inbound.archive import Archive
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.services import S3, SecretsManager, Sqs
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.secrets import SecretStore
from lambdas.ingestion.environment import IngestionEnvironment
from lambdas.ingestion.logic import Ingestion

_environment = IngestionEnvironment.from_environment()


def _build(environment: IngestionEnvironment) -> Ingestion:
    deployed = json.loads(environment.providers)
    credentials = RoleCredentials()
    bucket = environment.bucket_name
    return Ingestion(
        providers={
            name: REGISTRY[provider["entry"]].configured(provider.get("options", {}))
            for name, provider in deployed.items()
        },
        secrets=SecretStore(
            SecretsManager(credentials),
            {name: provider["secretArn"] for name, provider in deployed.items() if "secretArn" in provider},
        ),
        queue=MainQueue(Sqs(credentials), environment.queue_url, environment.message_group_by),
        archive=Archive(S3(credentials, bucket), bucket),
        max_body_bytes=environment.max_body_bytes,
    )


# Clients are created while the function initialises, because Lambda gives it a whole CPU then.
INGESTION = _build(_environment)
EXPECTED: frozenset[str] = frozenset(json.loads(_environment.expected or "[]"))
