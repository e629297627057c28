"""GitHub's list of a hook's deliveries, for a token that may read the hooks of the repository or organization.

A delivery shows its payload as JSON and not as bytes. They are made anew in the form in which GitHub writes them, and
the signature among the shown headers proves that they are the bytes that were sent.
Source: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook,
https://docs.github.com/en/rest/orgs/webhooks#list-deliveries-for-an-organization-webhook,
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import re
from typing import Any
from urllib.parse import quote_plus

from lambdas.reconcile.event_list import DAY_SECONDS, EventList, Fetched, NotAListError, Page, compact
from lambdas.shared import times

_NEXT = re.compile(r'<[^>]*[?&]cursor=([^&>]+)[^>]*>; rel="next"', re.ASCII)
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

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self._api.headers |= {"Authorization": f"Bearer {self._key}", "X-GitHub-Api-Version": "2022-11-28"}
        path = f"/{self._hook}/deliveries"
        answer = self._api.get(path, {"per_page": self.page_size, **({"cursor": after} if after else {})})
        if not isinstance(answer.document, list):
            raise NotAListError("no array of deliveries")
        # A redelivery is a delivery of its own, of the same event.
        first_ids: dict[str, Any] = {}
        older = False
        for delivery in answer.document:
            at = times.parse(str(delivery["delivered_at"])) or 0.0
            older = older or at < since
            if since <= at < until:
                first_ids.setdefault(str(delivery["guid"]), delivery["id"])
        following = _NEXT.search(answer.link)
        return Page(
            events=[self._delivery(f"{path}/{int(number)}") for number in first_ids.values()],
            after=following[1] if following and not older else None,
        )

    def _delivery(self, path: str) -> Fetched:
        request = self._api.get(path).document["request"]
        headers = {str(name).lower(): str(value) for name, value in request["headers"].items()}
        body = compact(request["payload"])
        if headers.get("content-type", "").startswith(_FORM):
            body = b"payload=" + quote_plus(body).encode("ascii")
        return Fetched(body=body, headers=headers)
