"""A statement as a page: one file without a script, which loads nothing."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from lambdas.inbound.record_items import UNREADABLE
from lambdas.statement.chain import Statement
from lambdas.statement.counting import HAS, NUMBERS
from lambdas.statement.differences import OF_A_LIST

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:60rem;padding:0 1rem}"
    "div{overflow-x:auto}table{border-collapse:collapse}"
    "th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #888}"
    "th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}"
    "code,td{overflow-wrap:anywhere}.difference{border-left:.3rem solid #b00;padding-left:.7rem}"
    "@media print{body{font-size:10px;margin:0;max-width:none}h2{break-after:avoid}div{overflow:visible}}"
)
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)
_HEADINGS = {
    HAS: "provider has",
    "deadLettered": "dead-lettered",
    "failedAttempts": "failed attempts",
    "givenUp": "given up",
}
_UNKNOWN = "not asked"


def page_of(statement: Statement) -> str:
    """Return the page of a statement."""
    said = statement.said
    day, previous = escape(statement.day), said["previous"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Statement of {day}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>Statement of {day}</h1>",
        "<p>Webhooks that were received on this day, in UTC, and what became of them until the statement was made.</p>",
        *_differences(said["differences"]),
        *(part for one in said["providers"] if _has_something(one) for part in _provider(one)),
        *_items("Not covered", map(escape, said["notCovered"]), 2),
        "<h2>Chain</h2>",
        f"<p>SHA-256 of this statement: <code>{statement.sha256}</code></p>",
        "<p>It is the first one.</p>"
        if previous is None
        else f"<p>Before it: <code>{escape(previous['key'])}</code>, <code>{escape(previous['sha256'])}</code></p>",
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _differences(found: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if not found:
        return ["<p>No differences were found.</p>"]
    told = [f"{escape(one['provider'] or 'the chain')}: {escape(one['what'])}" for one in found]
    return ['<section class="difference">', *_items("Differences", told, 2), "</section>"]


def _has_something(said: Mapping[str, Any]) -> bool:
    # Dead letters that cannot be read are a provider of their own, and are rare.
    return said["provider"] != UNREADABLE or any(said[name] for name in ("accounts", "open", "settled", "later"))


def _provider(said: Mapping[str, Any]) -> Iterable[str]:
    yield f"<h2>{escape(said['provider'])}</h2>"
    listed = said["list"]
    has = _UNKNOWN
    if listed is not None:
        numbers = ", ".join(f"{listed[name]:,} {name}" for name in OF_A_LIST)
        time = f"{escape(listed['since'])} to {escape(listed['until'])}"
        has = f"{numbers}; {time}, {listed['windows']} windows, which overlap"
    refused = said["refused"]
    reasons = "none"
    if refused:
        reasons = ", ".join(f"{number:,} {escape(reason)}" for reason, number in sorted(refused.items()))
    yield "<ul>"
    yield f"<li>The provider's list: {has}</li>"
    yield f"<li>Accepted, with repetitions: {_number(said['accepted'])}</li>"
    yield f"<li>Refused: {_UNKNOWN if refused is None else reasons}</li>"
    yield f"<li>In the quarantine: {_number(said['quarantined'])}</li>"
    yield "</ul>"
    yield from _table(("account", "mode", HAS, *NUMBERS), said["accounts"])
    # Of a statement of an earlier version there are none.
    if of := said.get("delivered"):
        yield "<h3>Delivered to tenants</h3>"
        rows = [{**one, "accounts": ", ".join(one["accounts"] or ("any",))} for one in of]
        yield from _table(("tenant", "accounts", "delivered", "failedAttempts", "givenUp"), rows)
    named = [
        f"<code>{escape(one['event'])}</code> of {escape(one['day'])}: {escape(one['state'])}" for one in said["open"]
    ]
    if said["openNotNamed"]:
        named.append(f"and {said['openNotNamed']:,} more")
    yield from _items("Open", named)
    yield from _items(
        "Open before, and what became of it",
        (
            f"<code>{escape(one['event'])}</code> of {escape(one['day'])}: {escape(one['was'])}, "
            f"now {escape(one['is'] or 'without a record')}"
            for one in said["settled"]
        ),
    )
    # Of a statement of an earlier version there is none.
    yield from _items(
        "The provider has of days before, besides what their statements say",
        (f"{_place(one)}: {one[HAS]:,}" for one in said.get("providerHasLater", ())),
    )
    yield from _items(
        "Recorded after its day was closed",
        (
            f"{_place({**one, 'day': later['day']})}: {one['received']:,}, of them recovered: {one['recovered']:,}"
            for later in said["later"]
            for one in later["accounts"]
        ),
    )


def _place(one: Mapping[str, Any]) -> str:
    return f"{escape(one['day'])}, {escape(one['account'] or 'no account')}, {escape(one['mode'] or 'no mode')}"


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if not rows:
        yield "<p>Nothing was received.</p>"
        return
    yield "<div><table><thead><tr>"
    yield "".join(f'<th scope="col">{escape(_HEADINGS.get(name, name))}</th>' for name in columns)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in columns) + "</tr>"
    yield "</tbody></table></div>"


def _items(heading: str, items: Iterable[str], level: int = 3) -> Iterable[str]:
    found = list(items)
    if found:
        yield f"<h{level}>{heading}</h{level}><ul>"
        yield from (f"<li>{item}</li>" for item in found)
        yield "</ul>"


def _cell(value: str | int | None) -> str:
    return "-" if value is None else escape(value) if isinstance(value, str) else f"{value:,}"


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"
