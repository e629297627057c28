"""Lambda entry point of reconciliation: a provider's name in, the report of the run out, and of its registration.

The event is ``{"provider": "stripe"}``, with ``"since"``, a time, for a catch-up, and ``"dryRun": true``.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from lambdas.inbound.archive import Archive
from lambdas.inbound.aws_calls.credentials import RoleCredentials
from lambdas.inbound.aws_calls.services import SecretsManager
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.metrics import RECONCILIATION_FAILURES, RECOVERED, REGISTRATION_PROBLEMS, WINDOWS_CLOSED
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
from lambdas.reconcile.watch import look, url_of
from lambdas.shared import times
from lambdas.shared.aws import client
from lambdas.shared.errors import WebhookRefusedError, describe
from lambdas.shared.observability import count_at_once, logger, tracer


def _report_missing(provider: str, events: Sequence[WebhookEvent]) -> None:
    for event in events:
        logger.warning("event recovered", provider=provider, event_id=event.event_id, event_type=event.event_type)
    count_at_once(RECOVERED, len(events), provider=provider)


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
    """Go on with a provider; return the report, or ``{"provider", "error", "registration"}``."""
    name, dry_run, registration = event["provider"], event.get("dryRun") is True, None
    try:
        one = _reconciled(name)
        # First, since a run may end before its list does.
        registration = _registration(one, dry_run=dry_run)
        report = _reconciliation.run(
            one,
            lambda: context.get_remaining_time_in_millis() / 1000,
            since=times.parse(event["since"]) if "since" in event else None,
            dry_run=dry_run,
            registration=registration,
        )
    except OvertakenError as error:
        logger.info("reconciliation overtaken", provider=name, reason=str(error))
        return {"provider": name, "error": str(error), "registration": registration}
    except Exception as error:
        why = error.reason if isinstance(error, WebhookRefusedError) else describe(error)
        logger.error("reconciliation failed", provider=name, reason=why)
        count_at_once(RECONCILIATION_FAILURES, 1, provider=name)
        return {"provider": name, "error": why, "registration": registration}
    for problem in report["problems"]:
        unreadable = report["unreadableIds"]
        logger.error("not all of it is reconciled", provider=name, reason=problem, unreadable=unreadable)
    if report["problems"]:
        count_at_once(RECONCILIATION_FAILURES, len(report["problems"]), provider=name)
    if report["complete"] and not report["dryRun"]:
        count_at_once(WINDOWS_CLOSED, 1, provider=name)
    logger.info("reconciled", **{member: value for member, value in report.items() if member != "recoveredIds"})
    return report


def _registration(one: Reconciled, *, dry_run: bool) -> dict[str, Any] | None:
    given = _deployed[one.name]
    found = look(
        one.events,
        url=url_of(one.name, given.get("url"), given.get("options", {}), _environment.base_url),
        types=one.types,
        every=given["every"],
        now=time.time(),
    )
    problems = found["problems"] if found else []
    for problem in problems:
        logger.error("the registration is not right", provider=one.name, reason=problem)
    if problems and not dry_run:
        count_at_once(REGISTRATION_PROBLEMS, len(problems), provider=one.name)
    return found


def _reconciled(name: str) -> Reconciled:
    given = _deployed[name]
    provider, kind = REGISTRY[given["entry"]].configured(given.get("options", {})), LISTS[given["entry"]]
    key = _api_keys.get(name, max_age=0.0, recheck_seconds=0.0)[0]
    kind.check_mode(key, provider.deployed_mode)
    api = Api(kind.hosts[provider.deployed_mode == TEST], kind.per_second, connect=connect)
    return Reconciled(
        name=name,
        provider=provider,
        events=kind(api, key, given.get("hook") or given.get("options", {}).get("webhook_id", "")),
        api_key=key,
        signing_secrets=_signing.get(name, max_age=0.0, recheck_seconds=0.0) if kind.signed else (),
        overlap=given["overlap"],
        types=[*given.get("types", ["*"]), *given.get("routed", ())],
    )
