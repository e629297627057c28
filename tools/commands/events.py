"""``make events`` and ``make event``: what the operators' lists say, as a table on a terminal and as JSON in a pipe."""

import argparse
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lambdas.inbound.record_items import State
from lambdas.shared import times
from tools.commands.target_stack import Target, run
from tools.local.stack import path_id

DEFAULT_COUNT = 50
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
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
_FILTERS = ("provider", "type", "state", "mode", "account", "transactionId", "correlationId")

console = Console()


def main() -> int:
    """Print events, or one event."""
    parser = argparse.ArgumentParser(prog="make events")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list")
    for name in _FILTERS:
        listing.add_argument(f"--{name}", choices=list(State) if name == "state" else None)
    listing.add_argument("--since", type=_seconds, help="how long ago, such as 30m, 2h or 7d")
    listing.add_argument("--count", type=int, default=DEFAULT_COUNT, help="how many at most")
    commands.add_parser("show").add_argument("event", help="<provider>:<event id>")
    arguments = parser.parse_args()
    target = Target.chosen()
    if arguments.command == "show":
        show_event(target.ask(f"/internal/events/{path_id(arguments.event)}"))
    else:
        query = {name: value for name in _FILTERS if (value := getattr(arguments, name))}
        if arguments.since:
            query["from"] = times.iso(time.time() - arguments.since)
        show_events(listed(target, query, arguments.count))
    return 0


def _seconds(text: str) -> float:
    if not (match := re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text, re.ASCII)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 30m, 2h or 7d")
    return int(match[1]) * _UNITS[match[2]]


def listed(target: Target, query: Mapping[str, str], count: int) -> list[dict[str, Any]]:
    """Return the newest events, over as many pages as that takes."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = target.ask("/internal/events?" + urlencode({**query, **cursor}, quote_via=quote))
        found += page["events"]
        if len(found) >= count or page["next"] is None:
            return found[:count]
        cursor = {"next": page["next"]}


def show_events(events: Sequence[Mapping[str, Any]]) -> None:
    """Print a table, or in a pipe a line of JSON for each event."""
    if not console.is_terminal:
        for event in events:
            print(json.dumps(event))
        return
    table = Table(*_COLUMNS)
    for event in events:
        table.add_row(*(_cell(event.get(field)) for field in _COLUMNS.values()))
    console.print(table)
    console.print(f"{len(events)} events", highlight=False)


def show_event(event: Mapping[str, Any]) -> None:
    """Print an event: each record with its timeline, and the other events of its transaction; in a pipe as JSON."""
    if not console.is_terminal:
        print(json.dumps(event))
        return
    for record in event["records"]:
        rows = Table("field", "value", title=Text(event["event"]))
        for name, value in record.items():
            if name != "timeline":
                rows.add_row(name, _cell(value))
        steps = Table("at", "step", "details", title="timeline")
        for step in record["timeline"]:
            details = {name: value for name, value in step.items() if name not in {"at", "step"}}
            steps.add_row(step["at"], step["step"], ", ".join(f"{name} {value}" for name, value in details.items()))
        console.print(rows, steps)
    transaction = event["transaction"]
    more = ", and more" if transaction["hasMore"] else ""
    console.print(f"other events of {transaction['transactionId']}{more}", markup=False, highlight=False)
    show_events(transaction["otherEvents"])


def _cell(value: Any) -> Text:
    text = value.get("reason") or json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)
    # Nothing that a provider sent is markup.
    return Text(text)


if __name__ == "__main__":
    run(main)
