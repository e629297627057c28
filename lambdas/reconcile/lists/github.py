"""GitHub's list of a hook's deliveries, for a token that may read the hooks of the repository or organization.

A delivery shows its payload as JSON and not as bytes. They are made anew in the form in which GitHub writes them, and
the signature among the shown headers proves that they are the bytes that were sent.
Source: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook,
https://docs.github.com/en/rest/orgs/webhooks#list-deliveries-for-an-organization-webhook,
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api,
https://docs.github.com/en/rest/repos/webhooks#get-a-repository-webhook
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus, unquote

from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    MAX_ID,
    EventList,
    Fetched,
    NotAListError,
    Page,
    Registration,
    compact,
    text_in,
    texts_in,
)
from lambdas.shared import times

_NEXT = re.compile(r'<[^>]*[?&]cursor=([^&>]+)[^>]*>; rel="next"', re.ASCII)
# What of a JSON text is an escape, and which GitHub writes in upper case:
# https://github.com/octokit/webhooks-methods.js, as its verifier makes the bytes anew.
_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})")
# What a single delivery is refused with, besides 5xx, while others are shown.
_DELIVERY_GONE = frozenset({400, 404, 410, 422})
_FORM = "application/x-www-form-urlencoded"


class GitHubDeliveries(EventList):
    """Pages from the newest to the oldest. Each delivery is one more call."""

    hosts = ("api.github.com", "api.github.com")
    retention_seconds = 3 * DAY_SECONDS
    # Few, because the progress is kept after each page.
    page_size = 30
    one_by_one = True
    # 5,000 an hour are allowed.
    per_second = 1.0
    key_doc = "a fine-grained token that may read webhooks of the one repository or organization"
    needs_hook = True
    signed = True
    registration_doc = "give it the permission Webhooks: Read-only"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        path = f"/{self._hook}/deliveries"
        with self._listing(after):
            deliveries, following = self.deliveries(after, self.page_size)
        # A redelivery is a delivery of its own, of the same event.
        numbers: dict[str, int] = {}
        first_sent: dict[str, float] = {}
        older = False
        for delivery in deliveries:
            guid, number, at = read_delivery(delivery)
            older = older or at < since
            if since <= at < until:
                numbers.setdefault(guid, number)
                if delivery.get("redelivery") is not True:
                    first_sent[guid[:MAX_ID]] = at
        events, unreadable = self._deliveries({guid: f"{path}/{number}" for guid, number in numbers.items()})
        events = [replace(event, at=first_sent.get(event.id)) for event in events]
        return Page(events=events, after=None if older else following, unreadable=unreadable)

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`: the one hook, or none if it is gone."""
        self.authorize()
        try:
            hook = self._api.get(f"/{self._hook}").document
        except ApiError as error:
            if error.status != 404:
                raise
            return []
        return [registration_of(self._hook, hook)]

    def undelivered(self, since: float, until: float, *, alone: bool) -> int:
        """See `EventList.undelivered`. A delivery that was made again is judged by its last attempt."""
        del until, alone
        return len(failed(self.deliveries()[0], since))

    def deliveries(self, after: str | None = None, size: int = 100) -> tuple[list[Any], str | None]:
        """Return a page of the hook's deliveries, from the newest to the oldest, and where the next one begins.

        Raises
        ------
        ApiError
            When GitHub does not answer.
        NotAListError
            When the answer is something else.
        """
        query: dict[str, str | int] = {"per_page": size, **({"cursor": after} if after else {})}
        answer = self._api.get(f"/{self._hook}/deliveries", query)
        if not isinstance(answer.document, list):
            raise NotAListError("no array of deliveries")
        following = _NEXT.search(answer.link)
        return answer.document, unquote(following[1]) if following else None

    @staticmethod
    def subscription(event_type: str) -> str:
        """See `EventList.subscription`. A hook is subscribed to all actions of an event."""
        return event_type.partition(".")[0]

    def authorize(self) -> None:
        """See `EventList.authorize`."""
        super().authorize()
        self._api.headers["X-GitHub-Api-Version"] = "2022-11-28"

    def _deliveries(self, paths: Mapping[str, str]) -> tuple[list[Fetched], list[str]]:
        """Return the deliveries, and the ids of those that cannot be read.

        Raises
        ------
        ApiError
            When GitHub refuses the key, or is out.
        """
        events, unreadable, outages = [], [], list[ApiError]()
        for guid, path in paths.items():
            try:
                events.append(self._delivery(guid[:MAX_ID], path))
            except NotAListError:
                unreadable.append(guid[:MAX_ID])
            except ApiError as error:
                if error.status < 500 and error.status not in _DELIVERY_GONE:
                    raise
                outages += [error] if error.status >= 500 else []
                unreadable.append(guid[:MAX_ID])
        if len(outages) > 1 and not events:
            raise outages[-1]
        return events, unreadable

    def _delivery(self, guid: str, path: str) -> Fetched:
        document = self._api.get(path).document
        request = document.get("request") if isinstance(document, dict) else None
        shown = request if isinstance(request, dict) else {}
        if not isinstance(shown.get("headers"), dict) or shown.get("payload") is None:
            raise NotAListError("a delivery without headers or payload")
        headers = {str(name).lower(): str(value) for name, value in shown["headers"].items()}
        body = _ESCAPE.sub(lambda found: found[1] + found[2].upper(), compact(shown["payload"]))
        if headers.get("content-type", "").startswith(_FORM):
            body = b"payload=" + quote_plus(body).encode("ascii")
        return Fetched(body=body, headers=headers, id=guid)


def registration_of(path: str, hook: Any) -> Registration:
    """Return a hook as a registration, with its path as its id.

    Raises
    ------
    NotAListError
        When it is no hook.
    """
    config = hook.get("config") if isinstance(hook, dict) else None
    if not isinstance(config, dict):
        raise NotAListError("a hook without config")
    enabled = hook.get("active") is True
    return Registration(id=path, url=text_in(config, "url"), enabled=enabled, types=texts_in(hook, "events"))


def failed(deliveries: Iterable[Any], since: float) -> dict[str, int]:
    """Return the ids of the events, each with its last delivery, that were sent at a time or later, in vain.

    Raises
    ------
    NotAListError
        When one is no delivery.
    """
    last: dict[str, int] = {}
    delivered = set()
    for delivery in deliveries:
        guid, number, at = read_delivery(delivery)
        if at >= since:
            last.setdefault(guid, number)
        # 0 or null without an answer
        status = delivery.get("status_code")
        if isinstance(status, int) and 200 <= status < 300:
            delivered.add(guid)
    return {guid: number for guid, number in last.items() if guid not in delivered}


def read_delivery(delivery: Any) -> tuple[str, int, float]:
    """Return the id of a delivery's event, its own number, and its time.

    Raises
    ------
    NotAListError
        When it lacks one of them. Without its time nobody knows whether the list goes on.
    """
    read = delivery if isinstance(delivery, dict) else {}
    at, number, guid = times.parse(str(read.get("delivered_at"))), read.get("id"), read.get("guid")
    if at is None or type(number) is not int or not isinstance(guid, str):
        raise NotAListError("a delivery without delivered_at, id or guid")
    return guid, number, at
