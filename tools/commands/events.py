"""``make events``, ``make event`` and ``make deliveries``: a table on a terminal, and JSON in a pipe.

What became of an event in delivery is asked of the delivery stack's own API. So the two stacks need no permission on
each other, and whoever may not read tenants' events still sees the inbound half.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import requests
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lambdas.delivery.domain.inbound_events import inbound_event_id
from lambdas.delivery.domain.model import DeliveryState
from lambdas.inbound.record_items import State
from lambdas.operator.request import DEFAULT_HOURS, INDEX_OF
from lambdas.processing.bus import SOURCE_PREFIX
from lambdas.shared import times
from modules.settings.silence import read_duration
from tools.commands.target_stack import NoTargetError, NotThereError, Target, run, trouble
from tools.local.stack import path_id

DEFAULT_COUNT = 50
# What the table has: a heading, and the field below it.
_COLUMNS = {
    "received": "receivedAt",
    "provider": "provider",
    "event": "eventId",
    "type": "eventType",
    "state": "state",
    "mode": "mode",
    "transaction": "transactionId",
    "last failure": "lastFailure",
}
_DELIVERY_COLUMNS = {
    "updated": "updatedAt",
    "tenant": "tenantId",
    "event": "eventId",
    "type": "eventType",
    "endpoint": "endpointId",
    "state": "state",
    "attempts": "attempts",
    "next attempt": "nextAttemptAt",
    "reason": "reason",
}
_CHOICES: Mapping[str, Sequence[str]] = {"state": list(State), "list": list(INDEX_OF)}
_FILTERS = ("provider", "type", "state", "mode", "account", "transactionId", "correlationId", "list")
_DELIVERY_FILTERS = ("tenantId", "state", "endpointId", "type")

console = Console()


def main() -> int:
    """Print events, one event, or deliveries."""
    parser = argparse.ArgumentParser(prog="make events")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list")
    for name in _FILTERS:
        listing.add_argument(f"--{name}", choices=_CHOICES.get(name))
    deliveries = commands.add_parser("deliveries")
    for name in _DELIVERY_FILTERS:
        deliveries.add_argument(f"--{name}", choices=list(DeliveryState) if name == "state" else None)
    for parser_of_list in (listing, deliveries):
        parser_of_list.add_argument("--since", type=_seconds, help="how long ago, such as 30m, 2h or 7d")
        parser_of_list.add_argument("--count", type=_whole, default=DEFAULT_COUNT, help="how many at most")
    commands.add_parser("show").add_argument("event", help="<provider>:<event id>")
    arguments = parser.parse_args()
    target = Target.chosen()
    if arguments.command == "show":
        event = whole_event(target, arguments.event)
        if "deliveryError" in event:
            print(f"what became of it in delivery is not shown: {event['deliveryError']}", file=sys.stderr)
        show_event(event)
        return 0
    filters = _FILTERS if arguments.command == "list" else _DELIVERY_FILTERS
    query = {name: value for name in filters if (value := getattr(arguments, name))}
    if arguments.since:
        query["from"] = times.iso(time.time() - arguments.since)
    if arguments.command == "list":
        if arguments.provider and arguments.provider not in target.settings.providers:
            _note(f"{arguments.provider!r} is not deployed; deployed: {', '.join(target.settings.providers)}")
        if not query.keys() & {"from", "list", "transactionId"}:
            _note(f"received in the last {DEFAULT_HOURS} hours; SINCE=7d goes further back")
        pages = _pages(lambda cursor: target.ask(_path("/internal/events", query, cursor)), "next")
        show_events(_first(arguments.count, pages, "events"))
    elif (api := target.delivery_url()) is None:
        raise NoTargetError("there is no delivery stack beside this one: its environment's settings have no delivery")
    else:
        pages = _pages(lambda cursor: target.ask(_path("/operator/deliveries", query, cursor), api), "cursor")
        _show(_first(arguments.count, pages, "deliveries"), "deliveries")
    return 0


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _first(count: int, pages: Iterator[dict[str, Any]], member: str) -> list[dict[str, Any]]:
    """Return as many, over as many pages as that takes, and say if there may be more."""
    found: list[dict[str, Any]] = []
    for page in pages:
        found += page[member]
        if len(found) > count or (len(found) == count and page["next"] is not None):
            _note(f"there may be more than {count}; COUNT={10 * count} shows more")
            break
    return found[:count]


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> int:
    if (seconds := read_duration(text)) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 30m, 2h or 7d")
    return seconds


def _path(path: str, query: Mapping[str, str], cursor: Mapping[str, str]) -> str:
    return f"{path}?{urlencode({**query, **cursor}, quote_via=quote)}"


def _pages(ask: Callable[[Mapping[str, str]], dict[str, Any]], cursor: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list; the next one is asked for by what the answer has in ``next``."""
    page = ask({})
    yield page
    while page["next"] is not None:
        page = ask({cursor: page["next"]})
        yield page


def whole_event(target: Target, key: str) -> dict[str, Any]:
    """Return an event, and what became of it in delivery, or in ``deliveryError`` why that cannot be seen."""
    event = target.ask(f"/internal/events/{path_id(key)}")
    try:
        return {**event, "deliveryEvents": delivery_events(target, event["records"])}
    except (NoTargetError, requests.RequestException) as error:
        said = str(error) if isinstance(error, NoTargetError) else trouble(error)
        return {**event, "deliveryEvents": [], "deliveryError": said}


def delivery_events(target: Target, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of tenants that the records of an event became, with deliveries and attempts.

    Tenants are those that the environment's settings name, and their ids of the event follow from it.
    """
    if target.settings.delivery is None or (api := target.delivery_url()) is None:
        return []
    asked = {
        (tenant, inbound_event_id(tenant, [SOURCE_PREFIX + provider, provider, record["eventId"], replay], occurred))
        for record in records
        for provider, occurred in [(record["provider"], record.get("occurredAt") or "")]
        for account, tenants in target.settings.delivery.tenants_of.get(provider, {}).items()
        if account in {None, record.get("account")}
        for tenant in tenants
        for replay in ["", *(step["replayId"] for step in record["timeline"] if "replayId" in step)]
    }
    found = []
    for tenant, event_id in sorted(asked):
        with suppress(NotThereError):
            found.append({"tenantId": tenant, **target.ask(f"/operator/tenants/{tenant}/events/{event_id}", api)})
    return found


def show_events(events: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of events, or in a pipe a line of JSON for each."""
    _show(events, "events")


def _show(found: Sequence[Mapping[str, Any]], what: str) -> None:
    if not console.is_terminal:
        for one in found:
            print(json.dumps(one))
        return
    columns = {"events": _COLUMNS, "deliveries": _DELIVERY_COLUMNS}[what]
    table = Table(*columns)
    for one in found:
        table.add_row(*(_cell(one.get(field)) for field in columns.values()))
    console.print(table)
    console.print(f"{len(found)} {what}", highlight=False)


def show_event(event: Mapping[str, Any]) -> None:
    """Print an event: each record with its timeline, and the other events of its transaction; in a pipe as JSON."""
    if not console.is_terminal:
        print(json.dumps(event))
        return
    for record in event["records"]:
        rows = Table("field", "value", title=Text(f"{event['event']} {record['record']}"))
        for name, value in record.items():
            if name != "timeline":
                rows.add_row(name, _cell(value))
        console.print(rows)
    steps = Table("at", "where", "step", "details", title="from receipt to the last attempt, the newest first")
    for row in sorted(_steps(event), reverse=True):
        steps.add_row(*map(Text, row))
    console.print(steps)
    transaction = event["transaction"]
    more = ", and more" if transaction["hasMore"] else ""
    console.print(f"other events of {transaction['transactionId']}{more}", markup=False, highlight=False)
    show_events(transaction["otherEvents"])


def _steps(event: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield every step of an event: when, in which half, which, and more about it."""
    for record in event["records"]:
        for step in record["timeline"]:
            details = {name: value for name, value in step.items() if name not in {"at", "step"}}
            yield step["at"], "inbound", step["step"], ", ".join(f"{name} {value}" for name, value in details.items())
    for found in event["deliveryEvents"]:
        tenant = found["tenantId"]
        yield found["createdAt"], tenant, "accepted", found["eventId"]
        for attempt in found["attempts"]:
            result = f"{attempt['endpointId']}, {attempt['outcome']}, {attempt['durationMs']} ms"
            yield attempt["at"], tenant, f"attempt {attempt['number']}", result
        for delivery in found["deliveries"]:
            more = {"reason": delivery["reason"], "next attempt": delivery["nextAttemptAt"]}
            about = [delivery["endpointId"], *(f"{name} {value}" for name, value in more.items() if value)]
            yield delivery["updatedAt"], tenant, delivery["state"], ", ".join(about)


def _cell(value: Any) -> Text:
    text = value.get("reason") or json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)
    # Nothing that a provider sent is markup.
    return Text(text)


if __name__ == "__main__":
    run(main)
