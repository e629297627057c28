"""What the console's pages ask for: the operators' APIs, signed with the operator's credentials, and AWS itself.

Nothing is changed but by the operators' APIs, which record it, and nothing is kept here.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import requests
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.delivery.domain.metrics import SweeperMetric, WorkerMetric
from lambdas.inbound.batch_object import NotABatchObjectError
from lambdas.inbound.metric_values import Metric, metric_values, refusals
from lambdas.inbound.metrics import ACCEPTED, REFUSED
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.statement.chain import NotAStatementError, days_of
from modules.constructs.naming import DELIVERY_PREFIX, PREFIX, Names
from modules.constructs.webhook_function import NAMESPACE
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.commands.events import whole_event
from tools.commands.secret import read_secrets
from tools.commands.target_stack import NotAllowedError, NoTargetError, NotThereError, Target, trouble
from tools.commands.verify_archive import archived_certificate, keys_of
from tools.commands.verify_statements import read_statement, statement_keys, totals
from tools.local.stack import path_id

BYTES = "application/octet-stream"
_HOUR, _DAY = 3_600, 86_400
_PERIOD = 300
# Of a page; each is read.
_STATEMENTS = 14
_QUEUES = ("inbox_url", "inbox_dead_letter_queue_url", "queue_url", "dead_letter_queue_url")
# What operators do with what is there. Tenants and signing keys are made elsewhere.
_ACTIONS = {
    *("suspend", "activate", "pause", "disable"),
    *("requeue", "redrive", "replays", "cancel"),
    *("tokens", "portal-links"),
}
# A boto3 session makes one client at a time.
_SERVICES = ("cloudwatch", "secretsmanager", "s3", "sqs", "sts")


@dataclass(frozen=True)
class Answer:
    """An answer of the console's server.

    Attributes
    ----------
    status : int
        HTTP status.
    body : bytes
        Its body.
    content_type : str
        The body's media type.
    """

    status: int
    body: bytes
    content_type: str = "application/json"


class Answers:
    """Answers about one environment.

    Attributes
    ----------
    environment : str
        Its name.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.environment = target.settings.environment
        self._aws = {name: target.client(name) for name in _SERVICES}
        self._names = Names(self.environment)
        self._delivery_names = Names(self.environment, DELIVERY_PREFIX)
        self._own = {
            "about": self._about,
            "alarms": self._alarms,
            "queues": self._queues,
            "deliveries": self._deliveries,
            "providers": self._providers,
        }

    def answer(self, path: str, query: str) -> Answer:
        """Return what there is under a path; an error says what is wrong, and with what.

        Parameters
        ----------
        path : str
            Without its beginning ``/api/``; the parts are percent-encoded.
        query : str
            Query string.
        """
        return _answered(lambda: self._find(_parts(path), _query(query)))

    def act(self, method: str, path: str, query: str, body: Mapping[str, Any] | None) -> Answer:
        """Do what a path says, and return what the API answers; parameters and errors are those of `answer`."""
        return _answered(lambda: self._act(method, _parts(path), _query(query), body))

    def _find(self, parts: Sequence[str], query: str) -> bytes | dict[str, Any]:
        match parts:
            case [what] if what in self._own:
                found = self._own[what]()
            case ["events" | "counts" | "audit" as what]:
                found = self._target.ask(f"/internal/{what}{query}")
            case ["operator", *_]:
                found = self._target.ask(_path(parts, query), self._delivery())
            case ["events", key]:
                found = whole_event(self._target, key)
            case ["inbound", key]:
                found = self._target.ask(f"/internal/events/{path_id(key)}")
            case ["payloads", key]:
                return self._target.read(f"/internal/payloads/{path_id(key)}{query}")
            case ["evidence", key]:
                found = self._evidence(key, dict(parse_qsl(query.removeprefix("?"))).get("record"))
            case ["statements", *days] if len(days) < 2:
                found = self._statements(query, *days)
            case ["secrets", provider]:
                found = self._secret(provider)
            case _:
                raise NotThereError("the console knows no such answer")
        return found

    def _act(self, method: str, parts: Sequence[str], query: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        match [method, *parts]:
            case ["POST", "replay" | "redrive" | "erase" as what]:
                return self._target.act(f"/internal/{what}", body)
            case ["POST", "operator", *_, last] if last in _ACTIONS:
                return self._target.act(_path(parts, query), body, self._delivery())
            case ["DELETE", "operator", *_, "payload" | "portal-links"] | ["DELETE", "operator", *_, "tokens", _]:
                return self._target.act(_path(parts, query), body, self._delivery(), method)
            case _:
                raise NotThereError("the console knows no such action")

    def _about(self) -> dict[str, Any]:
        settings = self._target.settings
        return {
            "environment": self.environment,
            "region": settings.region,
            "isLocal": self._target.is_local,
            "hasDelivery": settings.delivery is not None,
            "hasIngestQueue": "inbox_dead_letter_queue_url" in self._target.outputs,
            "providers": {name: REGISTRY[entry].title for name, entry in settings.providers.items()},
        }

    def _delivery(self) -> str:
        if (api := self._target.delivery_url()) is None:
            raise NotThereError("there is no delivery stack beside this one")
        return api

    def _evidence(self, key: str, name: str | None) -> dict[str, Any]:
        """Verify the archived payload of a record anew, as ``make verify-archive`` does."""
        records = self._target.ask(f"/internal/events/{path_id(key)}")["records"]
        record = next((each for each in records if each["record"] == name), None)
        if record is None:
            raise NotThereError(f"record: {name!r} is none of this event")
        place, provider = record.get("archive"), record["provider"]
        if place is None:
            raise NoTargetError("its payload is not archived, so that there is no evidence")
        try:
            answer = self._aws["s3"].get_object(Bucket=self._target.outputs["bucket_name"], Key=place["key"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidObjectState":
                raise
            return {"proof": Proof.IN_GLACIER}
        try:
            payloads = ArchivedPayload.of_object(place["key"], answer["Body"].read(), answer["Metadata"])
        except NotABatchObjectError:
            return {"proof": Proof.CHANGED}
        wanted = (provider, place["sha256"])
        payload = next((each for each in payloads if (each.provider, each.sha256) == wanted), None)
        if payload is None:
            return {"proof": Proof.MISPLACED}
        proof = prove(payload, keys_of(self._target, provider), lambda id_: archived_certificate(self._target, id_))
        return {"proof": proof, "evidence": payload.evidence and payload.evidence.to_document()}

    def _alarms(self) -> dict[str, Any]:
        topics = [self._target.outputs["alarm_topic_arn"]]
        if self._target.settings.delivery is not None:
            # Both stacks are in one account and region.
            place, _ = topics[0].rsplit(":", 1)
            topics.append(f"{place}:{self._delivery_names('alarms')}")
        notified = set[str]()
        pages = self._aws["cloudwatch"].get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{PREFIX}-")
        alarms = []
        for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
            if own := set(topics).intersection(alarm.get("AlarmActions", ())):
                notified |= own
                alarms.append(
                    {
                        "name": alarm["AlarmName"],
                        "state": alarm["StateValue"],
                        "meaning": alarm.get("AlarmDescription", ""),
                        "since": _iso(alarm["StateUpdatedTimestamp"]),
                    }
                )
        silent = [topic for topic in topics if topic not in notified]
        return {"alarms": alarms, "trouble": self._why_silent(silent) if silent else None}

    def _why_silent(self, topics: Sequence[str]) -> str:
        account = topics[0].split(":")[4]
        own = self._aws["sts"].get_caller_identity()["Account"]
        why = (
            "None is deployed, or each notifies something else."
            if own == account
            else f"Your credentials are of account {own}, and the stack is in account {account}."
        )
        return f"No alarm notifies {', '.join(topics)}. {why}"

    def _queues(self) -> dict[str, Any]:
        outputs = self._target.outputs
        urls = [outputs[name] for name in _QUEUES if outputs.get(name)]
        if self._target.settings.delivery is not None:
            # Both stacks are in one account and region.
            place, _ = outputs["queue_url"].rsplit("/", 1)
            urls += [f"{place}/{self._delivery_names(name)}" for name in ("queue", "dlq")]
        names = [url.rsplit("/", 1)[-1] for url in urls]
        oldest = self._sums(
            [Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, "Maximum") for name in names],
            _HOUR // 4,
        )
        return {
            "queues": [
                {"name": name, **self._counted(url), "oldestSeconds": _latest(ages)}
                for url, name, ages in zip(urls, names, oldest, strict=True)
            ]
        }

    def _counted(self, url: str) -> dict[str, Any]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            counts = self._aws["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        except ClientError as error:
            # Whoever may see one stack's queues need not be allowed to see the other's.
            return {"refused": trouble(error)}
        return {"waiting": int(counts[names[0]]), "inWork": int(counts[names[1]])}

    def _deliveries(self) -> dict[str, Any]:
        """Return what became of attempts in the last hour and the last day, and how late the oldest delivery is."""
        counted = {
            "delivered": WorkerMetric.DELIVERED,
            "failedAttempts": WorkerMetric.FAILED_ATTEMPTS,
            "givenUp": WorkerMetric.DEAD_LETTERED,
        }
        worker, sweeper = ({"service": self._delivery_names(name)} for name in ("worker", "sweeper"))
        totals = _totals(self._sums([Metric(NAMESPACE, name, worker) for name in counted.values()], _DAY))
        (late,) = self._sums([Metric(NAMESPACE, SweeperMetric.OLDEST_OVERDUE, sweeper, "Maximum")], _HOUR // 4)
        return {**dict(zip(counted, totals, strict=True)), "oldestOverdueSeconds": _latest(late)}

    def _providers(self) -> dict[str, Any]:
        """Return what was accepted and refused of each provider in the last hour and the last day."""
        service = {"service": self._names("ingestion")}
        providers = self._target.settings.providers
        reasons = refusals(self._aws["cloudwatch"], NAMESPACE, service["service"], providers)
        asked = [{**service, "provider": name} for name in providers]
        values = self._sums(
            [Metric(NAMESPACE, ACCEPTED, dimensions) for dimensions in asked]
            + [Metric(NAMESPACE, REFUSED, dimensions) for dimensions in reasons],
            _DAY,
        )
        totals = _totals(values)
        refused: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for dimensions, total in zip(reasons, totals[len(asked) :], strict=True):
            if total["day"]:
                refused[dimensions["provider"]].append({"reason": dimensions["reason"], **total})
        return {
            "providers": [
                {"name": name, "accepted": total, "refused": refused[name]}
                for name, total in zip(providers, totals, strict=False)
            ]
        }

    def _statements(self, query: str, day: str | None = None) -> dict[str, Any]:
        """Return the statement of a day, or totals of some days, the newest first."""
        days = days_of(statement_keys(self._target))
        if day is not None:
            if day not in days:
                raise NotThereError(f"there is no statement of {day}")
            statement = read_statement(self._target, day)
            return {**statement.said, "sha256": statement.sha256}
        before = dict(parse_qsl(query.removeprefix("?"))).get("next")
        days = [each for each in days if before is None or each < before]
        shown = days[: -_STATEMENTS - 1 : -1]
        return {
            "statements": [totals(read_statement(self._target, each)) for each in shown],
            "next": shown[-1] if len(days) > len(shown) else None,
        }

    def _secret(self, provider: str) -> dict[str, Any]:
        """Return how many secrets of a provider are valid; the secrets stay here."""
        entry = REGISTRY[self._target.entry_of(provider)]
        arn = self._target.outputs["secret_arns"].get(provider)
        if not entry.needs_secret or arn is None:
            return {"needed": False, "valid": 0}
        return {"needed": True, "valid": len(read_secrets(self._aws["secretsmanager"], arn))}

    def _sums(self, metrics: Sequence[Metric], seconds: int) -> list[dict[float, float]]:
        """Return the values of metrics, of each by the time in seconds: what came in the last so many seconds."""
        now = datetime.fromtimestamp(time.time(), UTC)
        return metric_values(self._aws["cloudwatch"], metrics, now - timedelta(seconds=seconds), now, _PERIOD)


def _totals(values: Sequence[Mapping[float, float]]) -> list[dict[str, float]]:
    hour_ago = time.time() - _HOUR
    return [
        {"hour": sum(value for at, value in found.items() if at >= hour_ago), "day": sum(found.values())}
        for found in values
    ]


def _latest(values: Mapping[float, float]) -> float | None:
    return values[max(values)] if values else None


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/")]


def _query(query: str) -> str:
    # As it is signed: botocore takes a query as it is.
    return f"?{urlencode(parse_qsl(query, keep_blank_values=True), quote_via=quote)}" if query else ""


def _path(parts: Sequence[str], query: str) -> str:
    """Return a path of an API; no part may lead out of its place."""
    if set(parts) & {"", ".", ".."}:
        raise NotThereError("the console knows no such answer")
    return f"/{'/'.join(quote(part, safe='') for part in parts)}{query}"


def _answered(find: Callable[[], bytes | dict[str, Any]]) -> Answer:
    try:
        found = find()
    except NotThereError as error:
        return _json(404, {"error": str(error)})
    except NotAllowedError as error:
        return _json(403, {"error": str(error)})
    except (NoTargetError, NotAStatementError) as error:
        return _json(400, {"error": str(error)})
    except (ClientError, BotoCoreError, requests.RequestException) as error:
        return _json(502, {"error": trouble(error)})
    return Answer(200, found, BYTES) if isinstance(found, bytes) else _json(200, found)


def _json(status: int, found: Any) -> Answer:
    return Answer(status, json.dumps(found).encode())


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
