"""What the console's pages ask for: the operators' APIs, signed with the operator's credentials, and AWS itself.

Nothing is changed but by the operators' APIs, which record it, and nothing is kept here.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import requests
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.inbound.batch_object import NotABatchObjectError
from lambdas.inbound.metrics import ACCEPTED, REFUSED
from lambdas.inbound.providers.registry import REGISTRY
from modules.constructs.naming import DELIVERY_PREFIX, PREFIX, Names
from modules.constructs.webhook_function import NAMESPACE
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.commands.events import whole_event
from tools.commands.secret import read_secrets
from tools.commands.target_stack import NoTargetError, NotThereError, Target, trouble
from tools.commands.verify_archive import archived_certificate, keys_of
from tools.local.stack import path_id

BYTES = "application/octet-stream"
_HOUR, _DAY = 3_600, 86_400
_PERIOD = 300
_MAX_QUERIES = 500
_QUEUES = ("inbox_url", "inbox_dead_letter_queue_url", "queue_url", "dead_letter_queue_url")
# What operators do with what is there. Tokens and keys are not made here: a browser would have them.
_ACTIONS = {"suspend", "activate", "pause", "disable", "requeue"}
# A boto3 session makes one client at a time.
_SERVICES = ("cloudwatch", "secretsmanager", "s3", "sqs")


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
    """Answers about one environment."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._aws = {name: target.client(name) for name in _SERVICES}
        self._names = Names(target.settings.environment)

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

    def act(self, path: str, query: str, body: Mapping[str, Any] | None) -> Answer:
        """Do what a path says, and return what the API answers; parameters and errors are those of `answer`."""
        return _answered(lambda: self._act(_parts(path), _query(query), body))

    def _find(self, parts: Sequence[str], query: str) -> bytes | dict[str, Any]:
        match parts:
            case ["about"]:
                found = self._about()
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
            case ["alarms"]:
                found = self._alarms()
            case ["queues"]:
                found = self._queues()
            case ["providers"]:
                found = self._providers()
            case ["secrets", provider]:
                found = self._secret(provider)
            case _:
                raise NotThereError("the console knows no such answer")
        return found

    def _act(self, parts: Sequence[str], query: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        match parts:
            case ["replay"]:
                return self._target.act("/internal/replay", body)
            case ["operator", *_, last] if last in _ACTIONS:
                return self._target.act(_path(parts, query), body, self._delivery())
            case _:
                raise NotThereError("the console knows no such action")

    def _about(self) -> dict[str, Any]:
        settings = self._target.settings
        return {
            "environment": settings.environment,
            "region": settings.region,
            "isLocal": self._target.is_local,
            "hasDelivery": settings.delivery is not None,
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
        # A name's end is not enough: that of `dev` is also the end of `eu-dev`.
        topics = {self._names("alarms"), Names(self._target.settings.environment, DELIVERY_PREFIX)("alarms")}
        pages = self._aws["cloudwatch"].get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{PREFIX}-")
        alarms = [
            {
                "name": alarm["AlarmName"],
                "state": alarm["StateValue"],
                "meaning": alarm.get("AlarmDescription", ""),
                "since": _iso(alarm["StateUpdatedTimestamp"]),
            }
            for page in pages
            for alarm in page["MetricAlarms"]
            if any(action.rsplit(":", 1)[-1] in topics for action in alarm.get("AlarmActions", ()))
        ]
        return {"alarms": alarms}

    def _queues(self) -> dict[str, Any]:
        outputs = self._target.outputs
        urls = [outputs[name] for name in _QUEUES if outputs.get(name)]
        names = [url.rsplit("/", 1)[-1] for url in urls]
        oldest = self._sums(
            [("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, "Maximum") for name in names],
            _HOUR // 4,
        )
        queues = []
        for url, name, ages in zip(urls, names, oldest, strict=True):
            counts = self._aws["sqs"].get_queue_attributes(
                QueueUrl=url,
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )["Attributes"]
            queues.append(
                {
                    "name": name,
                    "waiting": int(counts["ApproximateNumberOfMessages"]),
                    "inWork": int(counts["ApproximateNumberOfMessagesNotVisible"]),
                    "oldestSeconds": ages[max(ages)] if ages else None,
                }
            )
        return {"queues": queues}

    def _providers(self) -> dict[str, Any]:
        """Return what was accepted and refused of each provider in the last hour and the last day."""
        service = {"service": self._names("ingestion")}
        providers = self._target.settings.providers
        pages = (
            self._aws["cloudwatch"]
            .get_paginator("list_metrics")
            .paginate(
                Namespace=NAMESPACE,
                MetricName=REFUSED,
                Dimensions=[{"Name": name, "Value": value} for name, value in service.items()] + [{"Name": "reason"}],
            )
        )
        listed = [
            {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            for page in pages
            for metric in page["Metrics"]
        ]
        reasons = [dimensions for dimensions in listed if dimensions.get("provider") in providers]
        asked = [{**service, "provider": name} for name in providers]
        values = self._sums(
            [(NAMESPACE, ACCEPTED, dimensions, "Sum") for dimensions in asked]
            + [(NAMESPACE, REFUSED, dimensions, "Sum") for dimensions in reasons],
            _DAY,
        )
        hour_ago = time.time() - _HOUR
        totals = [
            {"hour": sum(value for at, value in found.items() if at >= hour_ago), "day": sum(found.values())}
            for found in values
        ]
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

    def _secret(self, provider: str) -> dict[str, Any]:
        """Return how many secrets of a provider are valid; the secrets stay here."""
        entry = REGISTRY[self._target.entry_of(provider)]
        arn = self._target.outputs["secret_arns"].get(provider)
        if not entry.needs_secret or arn is None:
            return {"needed": False, "valid": 0}
        return {"needed": True, "valid": len(read_secrets(self._aws["secretsmanager"], arn))}

    def _sums(
        self, metrics: Sequence[tuple[str, str, Mapping[str, str], str]], seconds: int
    ) -> list[dict[float, float]]:
        """Return the values of metrics, of each by the time in seconds: what came in the last so many seconds."""
        now = time.time()
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": name,
                        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                    },
                    "Period": _PERIOD,
                    "Stat": statistic,
                },
            }
            for number, (namespace, name, dimensions, statistic) in enumerate(metrics)
        ]
        found: list[dict[float, float]] = [{} for _ in metrics]
        paginator = self._aws["cloudwatch"].get_paginator("get_metric_data")
        for first in range(0, len(queries), _MAX_QUERIES):
            pages = paginator.paginate(
                MetricDataQueries=queries[first : first + _MAX_QUERIES],
                StartTime=datetime.fromtimestamp(now - seconds, UTC),
                EndTime=datetime.fromtimestamp(now, UTC),
            )
            for result in (each for page in pages for each in page["MetricDataResults"]):
                times = [at.timestamp() for at in result["Timestamps"]]
                found[int(result["Id"][1:])].update(zip(times, result["Values"], strict=True))
        return found


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
    except NoTargetError as error:
        return _json(400, {"error": str(error)})
    except (ClientError, BotoCoreError, requests.RequestException) as error:
        return _json(502, {"error": trouble(error)})
    return Answer(200, found, BYTES) if isinstance(found, bytes) else _json(200, found)


def _json(status: int, found: Any) -> Answer:
    return Answer(status, json.dumps(found).encode())


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
