"""Looking at how a provider is told to send webhooks, and what is wrong with that."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import EventList, Registration
from lambdas.reconcile.logic import SETTLE_SECONDS
from lambdas.shared import times
from lambdas.shared.errors import describe

# Deliveries of a page.
_MOST = 100
_REGISTRATIONS = "registrations"


def url_of(name: str, given: str | None, options: Mapping[str, str], base_url: str) -> str:
    """Return where webhooks of a provider are received: as it signs it, or as set, or at the API's own address."""
    return options.get("url") or given or f"{base_url}/webhook/{name}"


def ours(found: Collection[Registration], url: str) -> list[Registration]:
    """Return the registrations that send to a URL of ours; other systems may have some beside them."""
    return [one for one in found if _address(one.url) == _address(url)]


def lacking(events: EventList, found: Collection[Registration], types: Collection[str]) -> list[str]:
    """Return what none of these registrations is subscribed to of some types.

    Of a type with ``*``, one that matches it is enough: nobody knows which others there are.
    """
    subscribed = {name for one in found for name in one.types}
    wanted = dict.fromkeys(events.subscription(name) for name in types)
    return [name for name in wanted if "*" not in subscribed and not any(fnmatchcase(has, name) for has in subscribed)]


def look(events: EventList, *, url: str, types: Collection[str], every: float, now: float) -> dict[str, Any] | None:
    """Return how a provider is registered, for the report: ``url``, ``undelivered``, ``problems``.

    Whatever goes wrong is a problem, so that nothing else fails with it. None for a provider that does not show it.

    Parameters
    ----------
    url : str
        Where webhooks of this provider are received.
    types : Collection[str]
        Types of events that are routed; ``*`` stands for any characters.
    every, now : float
        Seconds since the last run, whose failed deliveries are told, and the time, seconds since the epoch.
    """
    if not events.shows_registrations:
        return None
    problems, undelivered, what = [], None, _REGISTRATIONS
    # What was under way when the last run looked is looked at now.
    until = now - SETTLE_SECONDS
    since = until - every
    try:
        found = events.registrations()
        here = ours(found, url)
        enabled = [one for one in here if one.enabled]
        if not here:
            problems.append(f"none of {len(found)} registrations sends to {url}")
        elif not enabled:
            problems.append(f"{', '.join(one.id for one in here)}: disabled, nothing is sent")
        elif missing := lacking(events, enabled, types):
            problems.append(f"{', '.join(one.id for one in enabled)}: not subscribed to {', '.join(missing)}")
        if enabled:
            what = "failed deliveries"
            alone = all(one in here for one in found if one.enabled)
            undelivered = events.undelivered(since, until, alone=alone)
        if undelivered:
            count = undelivered if undelivered < _MOST else f"{_MOST} or more"
            problems.append(f"{count} events since {times.iso(since)} could not be delivered, says {events.host}")
    except Exception as error:
        problems.append(_unread(events, what, error))
    return {"url": url, "undelivered": undelivered, "problems": problems}


def _unread(events: EventList, what: str, error: Exception) -> str:
    why = describe(error)
    if what == _REGISTRATIONS and isinstance(error, ApiError) and error.status == 403 and not error.limited:
        return f"the API key may not read registrations, {why}: {events.registration_doc}"
    return f"{what} cannot be read: {why}"


def _address(url: str) -> tuple[str, str]:
    """Return what of a URL decides where it leads."""
    read = urlsplit(url)
    return f"{read.scheme}://{read.netloc}".lower().removesuffix(":443"), read.path or "/"
