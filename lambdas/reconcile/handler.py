"""Lambda entry point of reconciliation: a provider's name in, the report of the run out.

The event is ``{"provider": "stripe"}``, with ``"since"``, a time, for a catch-up, and ``"dryRun": true``.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.inbound.archive import Archive
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.services import SecretsManager
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.metrics import RECONCILIATION_FAILURES, RECOVERED, WINDOWS_CLOSED
from lambdas.inbound.providers.fields import TEST
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.inbound.secrets import SecretStore
from lambdas.reconcile.api import Api, connect
from lambdas.reconcile.environment import ReconcileEnvironment
from lambdas.reconcile.lists.registry import LISTS
from lambdas.reconcile.logic import Reconciled, Reconciliation
from lambdas.reconcile.progress import OvertakenError, ProgressStore
from lambdas.shared import times
from lambdas.shared.aws import client
from lambdas.shared.errors import WebhookRefusedError, describe
from lambdas.shared.observability import logger, metrics, tracer


def _count(metric: str, provider: str, count: int) -> None:
    """Write a metric at once: what is handed over must be told even if the process ends then."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=count)
    metrics.add_dimensions(service=metrics.service, provider=provider)
    metrics.flush_metrics()


def _report_missing(provider: str, events: Sequence[WebhookEvent]) -> None:
    for event in events:
        logger.warning("event recovered", provider=provider, event_id=event.event_id, event_type=event.event_type)
    _count(RECOVERED, provider, len(events))


_environment = ReconcileEnvironment.from_environment()
_deployed: dict[str, dict[str, Any]] = json.loads(_environment.providers)
_secrets_manager = SecretsManager(RoleCredentials())
_api_keys, _signing = (
    SecretStore(_secrets_manager, {name: given[member] for name, given in _deployed.items() if member in given})
    for member in ("apiSecretArn", "secretArn")
)
_reconciliation = Reconciliation(
    records=Records(client("dynamodb"), _environment.table_name),
    queries=RecordQueries(client("dynamodb"), _environment.table_name),
    progress=ProgressStore(client("dynamodb"), _environment.table_name),
    queue=MainQueue(client("sqs"), _environment.queue_url, _environment.message_group_by),
    archive=Archive(client("s3"), _environment.bucket_name),
    clock=time.time,
    on_missing=_report_missing,
)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Go on with a provider; return the report, or ``{"provider", "error"}``."""
    name = event["provider"]
    try:
        report = _reconciliation.run(
            _reconciled(name),
            lambda: context.get_remaining_time_in_millis() / 1000,
            since=times.parse(event["since"]) if "since" in event else None,
            dry_run=event.get("dryRun") is True,
        )
    except OvertakenError as error:
        logger.info("reconciliation overtaken", provider=name, reason=str(error))
        return {"provider": name, "error": str(error)}
    except Exception as error:
        why = error.reason if isinstance(error, WebhookRefusedError) else describe(error)
        logger.error("reconciliation failed", provider=name, reason=why)
        _count(RECONCILIATION_FAILURES, name, 1)
        return {"provider": name, "error": why}
    for problem in report["problems"]:
        unreadable = report["unreadableIds"]
        logger.error("not all of it is reconciled", provider=name, reason=problem, unreadable=unreadable)
    if report["problems"]:
        _count(RECONCILIATION_FAILURES, name, len(report["problems"]))
    if report["complete"] and not report["dryRun"]:
        _count(WINDOWS_CLOSED, name, 1)
    logger.info("reconciled", **{member: value for member, value in report.items() if member != "recoveredIds"})
    return report


def _reconciled(name: str) -> Reconciled:
    given = _deployed[name]
    provider, kind = REGISTRY[given["entry"]].configured(given.get("options", {})), LISTS[given["entry"]]
    key = _api_keys.get(name, max_age=0.0, recheck_seconds=0.0)[0]
    api = Api(kind.hosts[provider.deployed_mode == TEST], kind.per_second, connect=connect)
    return Reconciled(
        name=name,
        provider=provider,
        events=kind(api, key, given.get("hook", "")),
        api_key=key,
        signing_secrets=_signing.get(name, max_age=0.0, recheck_seconds=0.0) if kind.signed else (),
        overlap=given["overlap"],
        types=given.get("types", ["*"]),
    )
