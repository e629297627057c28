"""Which providers' lists of events are compared with the records, and how often: the members of ``reconciliation``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.lists.registry import LISTS
from modules.settings.validation import SettingsError

_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_MEMBERS = ("every", "overlap", "types", "hook")
# `*` stands for any characters, as in the names of Stripe's events.
_TYPE = re.compile(r"[A-Za-z0-9._*-]{1,128}", re.ASCII)
# https://docs.github.com/en/rest/repos/webhooks, https://docs.github.com/en/rest/orgs/webhooks
_HOOK = re.compile(r"(repos/[\w.-]{1,100}/[\w.-]{1,100}|orgs/[\w.-]{1,100})/hooks/[1-9][0-9]{0,15}", re.ASCII)
DEFAULT_OVERLAP = "2h"
# The longest that Lambda allows: a catch-up asks for many pages, at the rate that a provider allows.
RUN_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """How a provider is reconciled.

    Attributes
    ----------
    every, overlap : int
        Seconds from one run to the next, and by which their windows overlap.
    types : tuple[str, ...]
        Types of events that are handed over.
    hook : str | None
        Path of the registration, for a provider that has a list for each.
    """

    every: int
    overlap: int
    types: tuple[str, ...]
    hook: str | None


def read_reconciled(name: str, given: Any, entry: str) -> Reconciled:
    """Read the settings of a provider.

    Parameters
    ----------
    name : str
        The name under which it is deployed, for errors.
    entry : str
        Its entry.

    Raises
    ------
    SettingsError
        With the member and the value.
    """
    field, title = f"reconciliation.{name}", REGISTRY[entry].title
    if entry not in LISTS:
        having = ", ".join(LISTS)
        raise SettingsError(f"{field}: {title} has no list of events that is read here; entries with one: {having}")
    kind = LISTS[entry]
    if not isinstance(given, Mapping) or "every" not in given or not set(given) <= set(_MEMBERS):
        raise SettingsError(
            f"{field}: {given!r} is not allowed; allowed: every, a duration such as 1h, with {', '.join(_MEMBERS[1:])}"
        )
    hook = given.get("hook")
    if (hook is not None) != kind.needs_hook or (hook is not None and not _matches(_HOOK, hook)):
        allowed = "such as repos/acme/shop/hooks/123 or orgs/acme/hooks/123" if kind.needs_hook else "none"
        raise SettingsError(f"{field}.hook: {hook!r} is not allowed for {title}; allowed: {allowed}")
    types = given.get("types", None if kind.has_all_types else ["*"])
    if not isinstance(types, list | tuple) or not types or not all(_matches(_TYPE, one) for one in types):
        raise SettingsError(
            f"{field}.types: {types!r} is not allowed; allowed: a list of types such as charge.*, those that the "
            f'endpoint is subscribed to; ["*"] for all that {title} has'
        )
    return Reconciled(
        every=_seconds(f"{field}.every", given["every"], 300, 86_400),
        overlap=_seconds(f"{field}.overlap", given.get("overlap", DEFAULT_OVERLAP), 600, kind.retention_seconds // 2),
        types=tuple(types),
        hook=hook,
    )


def reconciled_variable(
    reconciled: Mapping[str, Reconciled],
    providers: Mapping[str, str],
    options: Mapping[str, Mapping[str, str]],
    *,
    api_keys: Mapping[str, str],
    secrets: Mapping[str, str],
) -> dict[str, Any]:
    """Return what the function knows of its providers; see `lambdas.reconcile.environment`.

    Parameters
    ----------
    api_keys, secrets : Mapping[str, str]
        Deployed name to the name of the secret with the API key, and with the signing secrets. A name is some 70
        characters shorter than an ARN, as in `SecretsLayer.providers_variable`.
    """
    return {
        name: {
            "entry": providers[name],
            "apiSecretArn": api_keys[name],
            "overlap": one.overlap,
            "types": list(one.types),
            **({"hook": one.hook} if one.hook else {}),
            **({"secretArn": secrets[name]} if LISTS[providers[name]].signed else {}),
            **({"options": dict(of)} if (of := options.get(name)) else {}),
        }
        for name, one in reconciled.items()
    }


def _seconds(field: str, given: Any, low: int, high: int) -> int:
    match = _DURATION.fullmatch(given) if isinstance(given, str) else None
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not low <= seconds <= high:
        raise SettingsError(
            f"{field}: {given!r} is not allowed; allowed: a duration of {low // 60}m to {high // 3_600}h, such as 1h"
        )
    return seconds


def _matches(pattern: re.Pattern[str], given: Any) -> bool:
    return isinstance(given, str) and pattern.fullmatch(given) is not None
