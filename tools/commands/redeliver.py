"""``make redeliver``: ask a provider to send events again, which come as webhooks and are verified as always.

It is the second way of filling a gap, beside reconciliation.
"""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import NotAListError, Registration, check_moved, text_in
from lambdas.reconcile.lists.github import GitHubDeliveries, failed, read_delivery
from lambdas.reconcile.lists.paddle import PaddleEvents, event_of
from lambdas.reconcile.watch import ours
from tools.commands.provider_api import Provider
from tools.commands.reconcile import invoke
from tools.commands.target_stack import NoTargetError, Target, run, time_of


class Redelivery(ABC):
    """Has a provider send events again.

    Parameters
    ----------
    provider : Provider
        The provider.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider, self.api = provider, provider.api

    def since(self, target: Target, since: str) -> Iterable[str]:
        """Return the ids of the events since a time of which there is no record, as a dry run finds them.

        Raises
        ------
        NoTargetError
            When the provider is not reconciled, or the run fails.
        """
        if self.provider.name not in target.settings.reconciliation:
            raise NoTargetError(f"PROVIDER: {self.provider.name!r} is not in the setting reconciliation; give ID")
        report = invoke(target, {"provider": self.provider.name, "since": since, "dryRun": True})
        if "error" in report:
            raise NoTargetError(f"{self.provider.name}: {report['error']}")
        for problem in report["problems"]:
            print(f"{self.provider.name}: {problem}")
        if not report["complete"] or report["recovered"] > len(report["recoveredIds"]):
            print(f"{self.provider.name}: not all that is missing is known by its id; run this again afterwards")
        found: list[str] = report["recoveredIds"]
        return found

    def registration(self) -> Registration:
        """Return the enabled registration that sends to us; raise `NoTargetError` without one."""
        here = [one for one in ours(self.provider.events.registrations(), self.provider.url) if one.enabled]
        if not here:
            raise NoTargetError(
                f"no enabled endpoint of {self.provider.name} sends to {self.provider.url}: make register"
            )
        return here[0]

    @abstractmethod
    def send(self, ids: Iterable[str]) -> Iterator[str]:
        """Have events sent again, and yield the id of each when that is asked for."""


class StripeRedelivery(Redelivery):
    """The call of Stripe's own command line, which its API's reference does not have: Stripe may change it.

    Source: https://docs.stripe.com/cli/events/resend,
    https://github.com/stripe/stripe-cli/blob/master/pkg/cmd/resource/events_resend.go
    """

    def send(self, ids: Iterable[str]) -> Iterator[str]:
        """See `Redelivery.send`."""
        here = self.registration()
        for id_ in ids:
            self.api.send_form("POST", f"/v1/events/{quote(id_, safe='')}/retry", {"webhook_endpoint": here.id})
            yield id_


class PayPalRedelivery(Redelivery):
    """Source: https://developer.paypal.com/docs/api/webhooks/v1/#webhooks-events_resend."""

    def send(self, ids: Iterable[str]) -> Iterator[str]:
        """See `Redelivery.send`."""
        self.provider.events.authorize()
        for id_ in ids:
            path = f"/v1/notifications/webhooks-events/{quote(id_, safe='')}/resend"
            self.api.send("POST", path, {"webhook_ids": [self.provider.hook]})
            yield id_


class LithicRedelivery(Redelivery):
    """Source: https://github.com/lithic-com/lithic-python/blob/main/src/lithic/resources/events/event_subscriptions.py."""

    def send(self, ids: Iterable[str]) -> Iterator[str]:
        """See `Redelivery.send`."""
        here = quote(self.registration().id, safe="")
        for id_ in ids:
            self.api.send("POST", f"/v1/events/{quote(id_, safe='')}/event_subscriptions/{here}/resend")
            yield id_


class PaddleRedelivery(Redelivery):
    """An event is sent again by its notification, if Paddle does not try it any more.

    Source: https://developer.paddle.com/api-reference/notifications/replay-notification
    """

    def send(self, ids: Iterable[str]) -> Iterator[str]:
        """See `Redelivery.send`."""
        events, left = self.provider.events, dict.fromkeys(ids)
        assert isinstance(events, PaddleEvents)
        found = events.notifications(self.registration().id, "delivered,failed") if left else iter(())
        for one in found:
            event_id = event_of(one)
            if event_id in left and one.get("origin") == "event":
                del left[event_id]
                self.api.send("POST", f"/notifications/{quote(text_in(one, 'id'), safe='')}/replay")
                yield event_id
            if not left:
                return
        if left:
            raise NoTargetError(
                f"ID: {next(iter(left))!r} has no notification that can be replayed: Paddle still tries it, sent none "
                "to us, or keeps it no more"
            )


class GitHubRedelivery(Redelivery):
    """An event is named by its delivery's id, X-GitHub-Delivery.

    Source: https://docs.github.com/en/rest/repos/webhooks#redeliver-a-delivery-for-a-repository-webhook
    """

    def since(self, target: Target, since: str) -> Iterable[str]:
        """Return the ids of the events since a time that could not be delivered."""
        del target
        at = time_of("SINCE", since)
        return failed(self._deliveries(at), at)

    def send(self, ids: Iterable[str]) -> Iterator[str]:
        """See `Redelivery.send`."""
        left = dict.fromkeys(ids)
        for delivery in list(self._deliveries(0.0)) if left else ():
            guid, number, _ = read_delivery(delivery)
            if guid in left:
                del left[guid]
                self.api.send("POST", f"/{self.provider.hook}/deliveries/{number}/attempts")
                yield guid
        if left:
            raise NoTargetError(f"ID: {next(iter(left))!r} is no delivery of the last three days")

    def _deliveries(self, since: float) -> Iterator[object]:
        """Yield the deliveries of the hook, from the newest to the oldest."""
        events, after = self.provider.events, None
        assert isinstance(events, GitHubDeliveries)
        if not self.provider.hook:
            raise NoTargetError(f"PROVIDER: {self.provider.name!r} is not in the setting reconciliation, with its hook")
        events.authorize()
        while True:
            page, following = events.deliveries(after)
            check_moved(after, following)
            yield from page
            after = following
            if after is None or (page and read_delivery(page[-1])[2] < since):
                return


REDELIVERIES: Mapping[str, type[Redelivery]] = {
    "stripe": StripeRedelivery,
    "paypal": PayPalRedelivery,
    "github": GitHubRedelivery,
    "lithic": LithicRedelivery,
    "paddle": PaddleRedelivery,
}


def main() -> int:
    """Have events sent again, or only show which; return 0."""
    parser = argparse.ArgumentParser(prog="make redeliver")
    parser.add_argument("provider", help="deployed name")
    parser.add_argument("--id", default="", help="id of an event with the provider")
    parser.add_argument("--since", default="", help="all since this time that are missing, RFC 3339")
    parser.add_argument("--dry-run", action="store_true", help="show only")
    arguments = parser.parse_args()
    target = Target.chosen()
    entry = target.entry_of(arguments.provider)
    if entry not in REDELIVERIES:
        raise NoTargetError(
            f"PROVIDER: {arguments.provider!r} cannot be asked to send again from here; those that can: "
            f"{', '.join(REDELIVERIES)}"
        )
    if bool(arguments.id) == bool(arguments.since):
        raise NoTargetError("one of ID and SINCE is needed: an event's id, or a time such as 2026-01-31T12:00:00Z")
    if arguments.since:
        time_of("SINCE", arguments.since)
    provider = Provider(target, arguments.provider, "", "have events sent again")
    redelivery, count = REDELIVERIES[entry](provider), 0
    try:
        ids = [arguments.id] if arguments.id else list(redelivery.since(target, arguments.since))
        for id_ in ids if arguments.dry_run else redelivery.send(ids):
            count += 1
            print(f"{provider.name}: {id_}")
    except (ApiError, NotAListError) as error:
        raise NoTargetError(f"{provider.name}: {error}; {count} were asked for before") from None
    print(f"{provider.name}: {count} {'would be sent again' if arguments.dry_run else 'are sent again'}")
    return 0


if __name__ == "__main__":
    run(main)
