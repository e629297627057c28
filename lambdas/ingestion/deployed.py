"""Ingestion as it is deployed: with its providers, secrets, queue and archive."""

import json
import time

from lambdas.inbound.archive import Archive
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.services import S3, DynamoDb, SecretsManager, Sqs
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.quarantine import Allowance, Quarantine
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.secrets import SecretStore
from lambdas.ingestion.environment import IngestionEnvironment
from lambdas.ingestion.logic import Ingestion


def _build() -> Ingestion:
    environment = IngestionEnvironment.from_environment()
    deployed = json.loads(environment.providers)
    credentials = RoleCredentials()
    archive = Archive(S3(credentials, environment.bucket_name), environment.bucket_name)
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
        archive=archive,
        max_body_bytes=environment.max_body_bytes,
        quarantine=_quarantine(environment, archive, credentials),
    )


def _quarantine(environment: IngestionEnvironment, archive: Archive, credentials: RoleCredentials) -> Quarantine | None:
    per_hour, table = environment.quarantine_per_hour, environment.table_name
    if per_hour is None or table is None:
        return None
    return Quarantine(archive=archive, allowance=Allowance(DynamoDb(credentials), table, per_hour, time.time))


# Clients are created while the function initialises, because Lambda gives it a whole CPU then.
INGESTION = _build()
