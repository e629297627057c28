"""PayPal's list of event notifications, for an app's client id and secret, joined with a colon.

The list has what was sent to the webhooks of that app alone: with another app's credentials it is empty.

Source: https://developer.paypal.com/api/webhooks/v1/webhooks-events-list,
https://developer.paypal.com/api/rest/authentication/, https://developer.paypal.com/api/rest/webhooks/events-dashboard
"""

import base64
from urllib.parse import urlsplit

from lambdas.reconcile.event_list import DAY_SECONDS, EventList, NotAListError, Page, objects_in, shown
from lambdas.shared import times


class PayPalEvents(EventList):
    """Pages with a link to the next one."""

    hosts = ("api-m.paypal.com", "api-m.sandbox.paypal.com")
    retention_seconds = 30 * DAY_SECONDS
    # PayPal publishes no limit.
    per_second = 2.0
    key_pattern = "[!-9;-~]{8,256}:[!-~]{8,256}"
    key_doc = "client id and secret of the app that the webhook webhook_id belongs to, joined with a colon"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        if "Authorization" not in self._api.headers:
            self._api.headers["Authorization"] = f"Bearer {self._token()}"
        query: dict[str, str | int] = {
            "page_size": self.page_size,
            "start_time": times.iso(since),
            "end_time": times.iso(until),
        }
        path = "/v1/notifications/webhooks-events"
        with self._listing(after):
            document = (self._api.get(after) if after else self._api.get(path, query)).document
        events = objects_in(document, "events")
        links = objects_in(document, "links", optional=True)
        following = [link.get("href") for link in links if link.get("rel") == "next"]
        # Of the link only the path: the token goes to no other host.
        address = urlsplit(str(following[0])) if following and events else None
        if address is not None and not address.path.startswith(path):
            raise NotAListError("the link to the next page leads elsewhere")
        return Page(
            events=[shown(event) for event in events],
            after=f"{address.path}?{address.query}" if address else None,
        )

    def _token(self) -> str:
        credentials = base64.b64encode(self._key.encode()).decode("ascii")
        answer = self._api.post_form(
            "/v1/oauth2/token", {"grant_type": "client_credentials"}, {"Authorization": f"Basic {credentials}"}
        )
        token = answer.document.get("access_token") if isinstance(answer.document, dict) else None
        if not isinstance(token, str):
            raise NotAListError("no access token")
        return token
