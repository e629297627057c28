"""The page that a reviewer reads: the same facts as JSON and as Markdown, the same bytes from the same plan."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modules.rules.rule import Finding
from modules.terraform_json.document import Document
from modules.terraform_json.statements import PolicyKind, managed_policies, policies
from tools.audit.audit import Audit
from tools.audit.comparison import Comparison
from tools.audit.findings import Section
from tools.audit.model.alarms import alarms
from tools.audit.model.network import paths
from tools.audit.model.routes import routes
from tools.audit.model.words import guards, managed_sentence, network_path, principal_of, sentence

Page = Mapping[str, Any]

_STATEMENTS = {
    PolicyKind.IDENTITY: "What functions and roles may do",
    PolicyKind.RESOURCE: "Who may use a resource",
    PolicyKind.TRUST: "Who may become a role",
    PolicyKind.OFFERED: "Policies in outputs",
}
_CHANGED_PARTS = {
    "statements": "IAM statements",
    "entry_points": "Entry points",
    "providers": "Terraform providers",
    "tags": "Tags of the stack",
    "resources": "Resources",
}


def write(audited: Audit, folder: Path) -> Path:
    """Write both forms of the page, and return where the Markdown lies."""
    folder.mkdir(parents=True, exist_ok=True)
    page = facts(audited)
    text = json.dumps(page, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{audited.name}.json").write_text(text, encoding="utf-8")
    path = folder / f"{audited.name}.md"
    path.write_text(markdown(page), encoding="utf-8")
    return path


def facts(audited: Audit) -> dict[str, Any]:
    """Return what the page says."""
    plan = audited.plan
    return {
        "stack": audited.name,
        "environments": list(plan.environments),
        "verdict": "findings" if audited.open else "clean",
        "checks": [_check(section) for section in audited.sections],
        "findings": [_finding(finding) for finding in audited.open],
        "changes": _changes(audited.comparison),
        "actions": dict(sorted(Counter(_action(item.actions) for item in (*plan.resources(), *plan.leaving)).items())),
        "entry_points": [
            {"call": f"{route.method} {route.path}", "function": _function(route.function), "guards": guards(route)}
            for route in routes(plan)
        ],
        "network": sorted(network_path(path) for path in paths(plan)),
        "statements": {title: dict(_statements(plan, kind)) for kind, title in _STATEMENTS.items()},
        "alarms": [
            {
                "name": alarm.resource.name,
                "means": alarm.resource.get("alarm_description", ""),
                "watches": [f"{metric.name} of {', '.join(metric.subjects)}" for metric in alarm.metrics],
                "when": alarm.condition,
                "no_data": alarm.missing_data,
                "tells": list(alarm.notifies),
            }
            for alarm in alarms(plan)
        ],
        "resources": _resources(plan),
        "excused": _excused(audited.sections),
    }


def _check(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "checked": section.checked,
        "findings": len(section.open),
        "excused": len(section.excused),
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "address": finding.address, "message": finding.message}


def _action(actions: Sequence[str]) -> str:
    return "replace" if set(actions) == {"create", "delete"} else "+".join(actions)


def _function(function: Any) -> str:
    return function.name if function else "none"


def _changes(comparison: Comparison) -> dict[str, Any]:
    return {
        "accepted": comparison.accepted,
        "lists": {
            part: {"added": list(added), "removed": list(removed)}
            for part, (added, removed) in comparison.lists.items()
            if added or removed
        },
        "attributes": [
            {"address": item.address, "attribute": item.attribute, "before": item.before, "after": item.after}
            for item in comparison.changed
        ],
    }


def _statements(plan: Document, kind: PolicyKind) -> Iterator[tuple[str, list[str]]]:
    said: dict[str, list[str]] = {}
    for policy in policies(plan):
        if policy.kind is kind:
            whose = principal_of(plan, policy) if kind is PolicyKind.IDENTITY else policy.owner.label
            said.setdefault(plan.plain(whose), []).extend(sentence(plan, policy, item) for item in policy.statements)
    if kind is PolicyKind.IDENTITY:
        for managed in managed_policies(plan):
            said.setdefault(plan.plain(managed.owner.label), []).append(managed_sentence(plan, managed))
    yield from sorted(said.items())


def _resources(plan: Document) -> dict[str, list[dict[str, str]]]:
    services: dict[str, list[dict[str, str]]] = {}
    for item in sorted(plan.resources(), key=lambda item: (item.kind.service, item.kind.noun, item.name, item.address)):
        entry = {"what": item.kind.noun, "name": plan.plain(item.name), "address": item.address}
        services.setdefault(item.kind.service, []).append({**entry, "action": _action(item.actions)})
    return services


def _excused(sections: Iterable[Section]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for finding in (finding for section in sections for finding in section.excused):
        found.setdefault((finding.check, finding.message, finding.excused), []).append(finding.address)
    return [
        {"check": check, "message": message, "reason": reason, "addresses": addresses}
        for (check, message, reason), addresses in sorted(found.items())
    ]


def markdown(page: Page) -> str:
    """Return the page as Markdown."""
    verdict = "clean" if page["verdict"] == "clean" else f"{len(page['findings'])} findings"
    actions = ", ".join(f"{count} to {action}" for action, count in page["actions"].items())
    lines = [
        f"# Audit of {page['stack']}: {verdict}",
        "",
        f"Environment {', '.join(page['environments']) or 'unknown'}. Terraform's plan: {actions}.",
        "",
        *_table(
            ["check", "looked at", "findings", "excused"],
            [[item["title"], item["checked"], item["findings"], item["excused"]] for item in page["checks"]],
        ),
        *_heading("Findings"),
        *(
            _table(
                ["address", "check", "what is wrong"],
                [[f"`{item['address']}`", item["check"], item["message"]] for item in page["findings"]],
            )
            or ["None."]
        ),
        *_changes_in_words(page["changes"]),
        *_heading("Entry points and what guards them"),
        *_table(
            ["call", "function", "guards"],
            [
                [f"`{item['call']}`", f"`{item['function']}`", "; ".join(item["guards"])]
                for item in page["entry_points"]
            ],
        ),
    ]
    if page["network"]:
        lines += [*_heading("What security groups let through"), *(f"- {_prose(text)}" for text in page["network"])]
    lines += _heading("IAM statements")
    for title, groups in page["statements"].items():
        lines += ["", f"### {title}"] if lines[-1] else [f"### {title}"]
        for whose, sentences in groups.items():
            lines += ["", f"**{_prose(whose)}**", "", *(f"- {_prose(text)}" for text in sentences)]
    lines += [
        *_heading("Alarms"),
        *_table(
            ["alarm", "means", "watches", "goes off", "no data", "tells"],
            [
                [
                    f"`{item['name']}`",
                    item["means"],
                    "<br>".join(item["watches"]),
                    item["when"],
                    item["no_data"],
                    ", ".join(item["tells"]) or "NOBODY",
                ]
                for item in page["alarms"]
            ],
        ),
        *_heading("Resources by service"),
    ]
    for service, items in page["resources"].items():
        lines += ["", f"### {service}", ""] if lines[-1] else [f"### {service}", ""]
        lines += _table(
            ["what", "name", "address", "plan"],
            [[item["what"], f"`{item['name']}`", f"`{item['address']}`", item["action"]] for item in items],
        )
    lines += [
        *_heading("Exceptions in use"),
        *(
            _table(
                ["check", "asks for", "why not here", "resources"],
                [
                    [
                        item["check"],
                        item["message"],
                        item["reason"],
                        "<br>".join(f"`{address}`" for address in item["addresses"]),
                    ]
                    for item in page["excused"]
                ],
            )
            or ["None."]
        ),
    ]
    return "\n".join(lines) + "\n"


def _changes_in_words(changes: Mapping[str, Any]) -> Iterator[str]:
    yield from _heading("Changes against the accepted plan")
    if not changes["accepted"]:
        yield "No plan of this stack is accepted yet. If this page is right, run `make audit-accept`."
        return
    if not changes["lists"] and not changes["attributes"]:
        yield "None."
    for part, title in _CHANGED_PARTS.items():
        if part in changes["lists"]:
            yield from ("", f"### {title}", "")
            yield from (f"- added: {_prose(text)}" for text in changes["lists"][part]["added"])
            yield from (f"- removed: {_prose(text)}" for text in changes["lists"][part]["removed"])
    if changes["attributes"]:
        yield from ("", "### Attributes", "")
        yield from _table(
            ["address", "attribute", "accepted", "now"],
            [
                [f"`{item['address']}`", item["attribute"], f"`{item['before']}`", f"`{item['after']}`"]
                for item in changes["attributes"]
            ],
        )


def _heading(title: str) -> list[str]:
    return ["", f"## {title}", ""]


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    if not rows:
        return []
    lines = [list(header), ["---"] * len(header), *[[str(cell) for cell in row] for row in rows]]
    return [
        f"| {' | '.join(_prose(' '.join(cell.split())).replace('|', chr(92) + '|') for cell in line)} |"
        for line in lines
    ]


def _prose(text: str) -> str:
    """Keep Markdown from reading a ``*`` of a policy, or ``<account>``, as a mark of its own, outside of code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"<(?!br>)|[*\\]", lambda found: chr(92) + found[0], part) for part in parts[::2]]
    return "`".join(parts)
