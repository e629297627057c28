"""The tables of ``docs/`` and ``bench/`` that follow from the code, or from what ``make bench`` measured."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass
from pathlib import Path
from typing import Any

from lambdas.delivery.domain import retry_schedules
from lambdas.inbound.identity import WithoutId
from lambdas.inbound.providers.documents import JsonBody
from lambdas.inbound.providers.entry import COMMON_OPTIONS, SEND_AGAIN, Provider
from lambdas.inbound.providers.fields import HeaderField, Unsigned
from lambdas.inbound.providers.registry import REGISTRY
from modules.delivery.stack import DeliveryStack
from modules.inbound.stack import WebhookStack
from modules.rules.rule import Where
from modules.rules.table import RULES
from modules.settings.environments import build_settings
from modules.settings.presets import PRESETS
from modules.settings.reference import all_settings
from modules.settings.rules import MAX_DIRECT_BODY_BYTES
from modules.settings.validation import rule_of
from modules.synth.cdk import Testing
from tools import ROOT
from tools.audit.rules import rules
from tools.generate import reviewed_stacks
from tools.generate.markdown import anchor_of, figure_text, show, table

_RUNS = {Where.SYNTH: "at synth", Where.PLAN: "on a plan", Where.BOTH: "both"}
RUNBOOKS = Path("docs/operating.md")
_RUNBOOK = r"(?m)^### (\d+)\. (.+)\n\n(Alarms?: (?:.+\n)+)"


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """What to do about an alarm.

    Attributes
    ----------
    number : int
        Its number, from 1 on.
    anchor : str
        Anchor of its heading.
    """

    number: int
    anchor: str


def main() -> None:
    """Write the tables into the pages."""
    for path, text in with_tables(pages(), synthesized()).items():
        path.write_text(text, encoding="utf-8")


def pages() -> dict[Path, str]:
    """Return the pages with tables, and others in ``docs/``, as they are."""
    paths = (*sorted(ROOT.glob("docs/*.md")), ROOT / "bench" / "README.md")
    return {path: path.read_text(encoding="utf-8") for path in paths}


def synthesized() -> dict[str, Any]:
    """Return the Terraform JSON of stacks that have everything: API key, network, ingest queue; receiver, domain."""
    values = {
        "preset": "burst",
        "api": {"ingest": "direct", "max_body_bytes": MAX_DIRECT_BODY_BYTES},
        "providers": {"name": "generic"},
        "routing": {"subscribers": {"name": "name"}},
        "monitoring": {"expect_every": {"name": "2h"}},
    }
    settings = build_settings("dev", values)
    reviewed = reviewed_stacks.values_of(reviewed_stacks.DELIVERY)
    by_account = {"subscriptions": {"name": {"account": "acme"}}}
    delivery = build_settings("dev", {**reviewed, "delivery": {**reviewed["delivery"], **by_account}})
    inbound = json.loads(Testing.synth(WebhookStack(Testing.app(), "webhooks-dev", settings)))
    # In a VPC nothing is reconciled.
    reconciliation = {"name": {"every": "1h", "types": ["*"]}}
    reconciling = build_settings("dev", {"providers": {"name": "stripe"}, "reconciliation": reconciliation})
    other = json.loads(Testing.synth(WebhookStack(Testing.app(), "webhooks-dev", reconciling)))
    inbound["output"] |= other["output"]
    inbound["resource"]["aws_cloudwatch_metric_alarm"] |= other["resource"]["aws_cloudwatch_metric_alarm"]
    return {
        "inbound": inbound,
        "delivery": json.loads(Testing.synth(DeliveryStack(Testing.app(), "delivery-dev", delivery))),
    }


def with_tables(texts: Mapping[Path, str], stacks: dict[str, Any]) -> dict[Path, str]:
    """Return the pages with the tables as the code has them now, each where its place is.

    Raises
    ------
    ValueError
        When a table has no place or several, a place has no table, or an alarm has no runbook.
    """
    runbooks = runbooks_in(texts[ROOT / RUNBOOKS])
    tables = {
        "providers": providers_table(),
        "identities": identities_table(),
        "options": options_table(),
        "money": money_table(),
        "settings": settings_table(),
        "rules": rules_table(),
        "outputs": outputs_table(stacks["inbound"]),
        "alarms": alarms_table(stacks["inbound"], runbooks),
        "delivery-schedules": schedules_table(),
        "delivery-outputs": outputs_table(stacks["delivery"]),
        "delivery-alarms": alarms_table(stacks["delivery"], runbooks),
        "goals": goals_table(),
    }
    places = sorted(name for text in texts.values() for name in re.findall(r"<!-- table: ([\w-]+) -->\n", text))
    if places != sorted(tables):
        raise ValueError(f"each of the tables {sorted(tables)} has one place in docs/ or bench/, not: {places}")
    return {path: _filled(text, tables) for path, text in texts.items()}


def _filled(text: str, tables: Mapping[str, str]) -> str:
    place = r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end: \2 -->)"
    return re.sub(place, lambda match: match[1] + tables[match[2]] + match[3], text, flags=re.DOTALL)


def settings_table() -> str:
    """Return every setting with its presets, unit and range."""
    rows = []
    for path, declared in all_settings():
        rule = rule_of(declared)
        values = [_preset_value(preset, path, declared) for preset in PRESETS]
        if len(set(values)) == 1:
            values = [values[0], "", ""]
        rows.append([f"`{path}`", *values, rule.allowed(), rule.doc])
    return table(["setting", *(f"`{preset}`" for preset in PRESETS), "allowed", "meaning"], rows)


def schedules_table() -> str:
    """Return the attempts of each retry schedule."""
    return "\n".join(
        f"`{name}`:\n\n{retry_schedules.table(schedule)}" for name, schedule in retry_schedules.SCHEDULES.items()
    )


def rules_table() -> str:
    """Return the rules: those that run at synth, and then those that run on a plan alone."""
    found = [*RULES, *(rule for rule in rules() if rule not in RULES)]
    return table(
        ["rule", "runs", "what must hold", "source"],
        [[f"`{rule.id}`", _RUNS[rule.where], rule.title.removesuffix("."), rule.source] for rule in found],
    )


def outputs_table(stack: dict[str, Any]) -> str:
    """Return the stack's outputs."""
    rows = [[f"`{name}`", output["description"]] for name, output in stack["output"].items()]
    return table(["output", "what it is"], sorted(rows))


def alarms_table(stack: dict[str, Any], runbooks: Mapping[str, Runbook]) -> str:
    """Return the alarms, each with its runbook.

    Raises
    ------
    ValueError
        When an alarm has no runbook.
    """
    rows = []
    for alarm in stack["resource"]["aws_cloudwatch_metric_alarm"].values():
        name = f"{alarm['alarm_name'].removesuffix('-dev').replace('-name', '-<name>')}-<suffix>"
        runbook = runbook_of(name, runbooks)
        description = alarm["alarm_description"].replace(" name", " `<name>`")
        rows.append([f"`{name}`", description, f"[{runbook.number}]({RUNBOOKS.name}#{runbook.anchor})"])
    return table(["alarm", "goes off when", "runbook"], sorted(rows))


def runbooks_in(text: str) -> dict[str, Runbook]:
    """Return the runbooks of a page by the alarms that they name, in which ``<function>`` stands for any function.

    Raises
    ------
    ValueError
        When a runbook has not the next number, or names an alarm that another one names.
    """
    found: dict[str, Runbook] = {}
    for expected, (number, title, alarms) in enumerate(re.findall(_RUNBOOK, text), 1):
        if int(number) != expected:
            raise ValueError(f"{RUNBOOKS}: runbook {number} comes where {expected} is expected")
        runbook = Runbook(number=expected, anchor=anchor_of(f"{number}. {title}"))
        for alarm in re.findall(r"`([^`]+)`", alarms):
            if alarm in found:
                raise ValueError(f"{RUNBOOKS}: two runbooks are about {alarm}")
            found[alarm] = runbook
    return found


def runbook_of(alarm: str, runbooks: Mapping[str, Runbook]) -> Runbook:
    """Return the runbook of an alarm.

    Raises
    ------
    ValueError
        When there is none.
    """
    for name, runbook in runbooks.items():
        if is_about(name, alarm):
            return runbook
    raise ValueError(f"{alarm} has no runbook: write one in {RUNBOOKS}")


def is_about(name: str, alarm: str) -> bool:
    """Tell whether the name that a runbook gives is an alarm's."""
    return re.fullmatch(re.escape(name).replace("<function>", "[a-z-]+"), alarm) is not None


def goals_table() -> str:
    """Return the goals of the measurements, as the last ``make bench`` found them."""
    rows = [
        [
            goal["what"],
            goal["peer"],
            figure_text(goal["limit"]),
            "" if goal["before"] is None else figure_text(goal["before"]),
            figure_text(goal["now"]),
            "reached" if goal["reached"] else "**missed**",
        ]
        for goal in json.loads((ROOT / "bench" / "results" / "goals.json").read_text(encoding="utf-8"))["goals"]
    ]
    return table(["what", "peer", "limit", "before", "now", ""], rows)


def providers_table() -> str:
    """Return the registry's entries."""
    rows = []
    for name, entry in REGISTRY.items():
        options = [f"`{option}`{' (required)' if rule.required else ''}" for option, rule in entry.options.items()]
        rows.append(
            [
                f"`{name}`",
                entry.title,
                f"`{entry.scheme.name}`",
                f"{window} s" if (window := replay_window(entry)) else "none",
                exposure_of(entry),
                ", ".join(options) or "none",
                entry.transaction,
                "yes" if entry.sends_api_key else "no",
                entry.retries + (f"; waits {entry.answer_within} s" if entry.answer_within else ""),
                _links(entry.sources),
            ]
        )
    header = ["entry", "provider", "signature", "replay window", "who sees one request can", "options"]
    caveats = [f"\n`{name}`: {entry.caveat}\n" for name, entry in REGISTRY.items() if entry.caveat]
    return table([*header, "transaction id", "sends an API key", "sends again", "sources"], rows) + "".join(caveats)


def exposure_of(entry: Provider) -> str:
    """Return what somebody can do who sees one request of an entry."""
    without_id = entry.identity.without_id
    if without_id is None or replay_window(entry):
        return entry.exposure
    undated = "time" if without_id.dated_by else "id"
    return entry.exposure.replace(SEND_AGAIN, f"{SEND_AGAIN}, or, if the body has no {undated}, as a marked event")


def identities_table() -> str:
    """Return what identifies the events of each entry, and what is done with each kind of repetition."""
    rows = [
        [f"`{name}`", entry.identity.told, *_repetitions(entry), _links(entry.identity.sources)]
        for name, entry in REGISTRY.items()
    ]
    header = ["entry", "what identifies an event", "ids are unique", "same id, same bytes", "same id, other bytes"]
    return table([*header, "other id, same bytes", "no id", "sources"], rows)


def _repetitions(entry: Provider) -> list[str]:
    rule = entry.identity
    if rule.event_id:
        unique, other = "no", "conflict"
        if rule.unique:
            unique, other = "yes", "duplicate, noted: the event was rendered anew"
        elif rule.content:
            other = "duplicate, noted, if all that is signed of the event is the same; otherwise a conflict"
        in_header = any(isinstance(field, HeaderField) for field in rule.event_id)
        in_body = isinstance(entry.body_format, JsonBody) and not in_header
        same_bytes = "cannot be: the id is in the bytes" if in_body else "two events"
        first = [unique, "duplicate", other, same_bytes]
    else:
        first = ["no id", "", "", ""]
    return [*first, "400" if rule.without_id is None else _without_id(rule.without_id, entry)]


def _without_id(rule: WithoutId, entry: Provider) -> str:
    another = "signed time" if replay_window(entry) else "request"
    if rule.delivery:
        another = "delivery id"
    marked = f"another {another} is another event, routed and marked"
    if rule.dated_by:
        return f"same bytes: duplicate, if the body has a time; without one, {marked}"
    return f"same bytes: {marked}"


def _links(sources: Sequence[str]) -> str:
    return " ".join(f"[{number}]({url})" if url.startswith("http") else url for number, url in enumerate(sources, 1))


def options_table() -> str:
    """Return the options that each entry takes when it is deployed."""
    rows = [
        [f"`{name}`", f"`{option}`", "yes" if rule.required else "no", rule.doc]
        for name, entry in REGISTRY.items()
        for option, rule in entry.options.items()
    ]
    rows += [["every entry", f"`{option}`", "no", rule.doc] for option, rule in COMMON_OPTIONS.items()]
    return table(["entry", "option", "required", "what it is"], rows)


def money_table() -> str:
    """Return where each entry has the mode, the account and the time of an event, and how it counts amounts."""
    rows = [
        [
            f"`{name}`",
            "the option `environment`" if entry.environments else _places(entry.mode),
            _places(entry.account),
            _places(entry.occurred_at),
            _amounts(entry),
        ]
        for name, entry in REGISTRY.items()
    ]
    return table(["entry", "mode", "account", "occurredAt", "amounts"], rows)


def _amounts(entry: Provider) -> str:
    if entry.amount is None:
        return "none"
    own = [
        f"{currency}: {'not documented' if digits is None else digits}"
        for currency, digits in entry.amount.digits.items()
    ]
    return f"{entry.amount.unit} units" + (f"; digits of its own: {', '.join(own)}" if own else "")


def _places(fields: Sequence[Any]) -> str:
    return ", ".join(dict.fromkeys(place for field in fields for place in _places_of(field))) or "none"


def _places_of(field: Any) -> Iterator[str]:
    """Yield the paths and headers that a field reads, or else what its class says of it."""
    inside = (*getattr(field, "fields", ()), *([field.field] if hasattr(field, "field") else []))
    mark = " (not signed)" if isinstance(field, Unsigned) else ""
    for one in inside:
        yield from (place + mark for place in _places_of(one))
    if not inside:
        named = [getattr(field, name) for name in ("array", "path", "member", "name") if hasattr(field, name)]
        yield (
            f"`{'.'.join(named)}`"
            if named
            else (type(field).__doc__ or "").split(".\n")[0].strip(".").replace("``", "`")
        )


def replay_window(entry: Provider) -> int | None:
    """Return the seconds of an entry's replay window, or None where its scheme signs no time."""
    if getattr(entry.scheme, "timestamp_header", "signed") is None:
        return None
    return getattr(entry.scheme, "tolerance_seconds", None)


def _preset_value(preset: str, path: str, declared: "Field[Any]") -> str:
    if path == "preset":
        return "`standard`"
    section, _, name = path.rpartition(".")
    overridden = PRESETS[preset].get(section, {}) if section else PRESETS[preset]
    if name in overridden:
        return show(overridden[name])
    if declared.default_factory is not MISSING:
        return show(tuple(declared.default_factory()))
    return "required" if declared.default is MISSING else show(declared.default)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if with_tables(pages(), synthesized()) == pages() else "the tables are old: run 'make docs'")
    main()
