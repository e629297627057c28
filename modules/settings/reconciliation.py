"""Which providers' lists of events are compared with the records, and how often: the members of ``reconciliation``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.lists.registry import LISTS
from modules.settings.sections import RoutingSettings
from modules.settings.validation import SettingsError

_UNITS = {"m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_MEMBERS = ("every", "overlap", "types", "hook", "url")
# `*` stands for any characters, as in the names of Stripe's events.
_TYPE = re.compile(r"[A-Za-z0-9._*-]{1,128}", re.ASCII)
# https://docs.github.com/en/rest/repos/webhooks, https://docs.github.com/en/rest/orgs/webhooks
_HOOK = re.compile(r"(repos/[\w.-]{1,100}/[\w.-]{1,100}|orgs/[\w.-]{1,100})/hooks/[1-9][0-9]{0,15}", re.ASCII)
_URL = re.compile(r"https://[!-~]{1,500}", re.ASCII)
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
    url : str | None
        Where the provider sends to, if that is not the API's own address.
    routed : tuple[str, ...]
        Types of events that rules match on, besides `types`: they are handed over too.
    """

    every: int
    overlap: int
    types: tuple[str, ...]
    hook: str | None
    url: str | None
    routed: tuple[str, ...]


def read_reconciled(name: str, given: Any, entry: str, routing: RoutingSettings) -> Reconciled:
    """Read the settings of a provider.

    Parameters
    ----------
    name : str
        The name under which it is deployed, for errors.
    entry : str
        Its entry.
    routing : RoutingSettings
        What subscribers match on.

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
    url = given.get("url")
    if url is not None and "url" in REGISTRY[entry].options:
        raise SettingsError(
            f"{field}.url: {url!r} is not allowed for {title}; what is registered is provider_options.{name}.url"
        )
    if url is not None and not _matches(_URL, url):
        raise SettingsError(
            f"{field}.url: {url!r} is not allowed; allowed: the https URL that is registered with {title}, such as "
            f"https://webhooks.example.com/webhook/{name}"
        )
    return Reconciled(
        every=_seconds(f"{field}.every", given["every"], 300, 86_400),
        overlap=_seconds(f"{field}.overlap", given.get("overlap", DEFAULT_OVERLAP), 600, kind.retention_seconds // 2),
        types=tuple(types),
        hook=hook,
        url=url,
        routed=tuple(one for one in _routed(name, routing) if one not in types),
    )


def _routed(name: str, routing: RoutingSettings) -> Iterator[str]:
    """Yield the types of a provider's events that rules match on; ``*`` stands for any characters."""
    for subscriber, match in routing.matches.items():
        for wanted in match.get("eventType", ()) if routing.provider_of[subscriber] == name else ():
            if isinstance(wanted, str):
                yield wanted
            elif "prefix" in wanted:
                yield f"{wanted['prefix']}*"


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
            "every": one.every,
            "overlap": one.overlap,
            "types": list(one.types),
            **({"routed": list(one.routed)} if one.routed else {}),
            **({"url": one.url} if one.url else {}),
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
