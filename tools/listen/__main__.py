"""``make listen``: forwards an environment's events with their original bytes and signed headers."""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from lambdas.inbound.providers.fields import LIVE, TEST, is_identifier
from lambdas.inbound.providers.registry import REGISTRY
from tools.commands.target_stack import NoTargetError, Target, run
from tools.listen.arrivals import ArchiveReader, Arrival, NotForwardableError, Wanted, received_since
from tools.listen.place import LIFETIME_SECONDS, take_place
from tools.listen.receiver import NoAnswerError, NobodyThereError, Receiver
from tools.smoke.look import said
from tools.smoke.own_queue import RULE_SECONDS, OwnQueue, stopped_by_signals

MAX_SINCE_SECONDS = 7 * 86_400
WAIT_SECONDS = 20
RETRY_SECONDS = 1
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

T = TypeVar("T")


class DayIsOverError(Exception):
    """The listener has lived as long as one may."""


@dataclass(kw_only=True)
class Listener:
    """Forwards the webhooks of events, each once.

    Attributes
    ----------
    target : Target
        The environment.
    wanted : Wanted
        Which events.
    receiver : Receiver
        Where to.
    until : float
        When it must have ended, seconds since the epoch.
    forwarded, refused : int
        How many webhooks were sent, and how many of them were not answered 2xx.
    """

    target: Target
    wanted: Wanted
    receiver: Receiver
    until: float
    forwarded: int = 0
    refused: int = 0
    _archive: ArchiveReader = field(init=False)
    _window: int | None = field(init=False)
    # Webhook to the ids of its events that are told.
    _told: dict[tuple[str, str, str | None], set[str]] = field(default_factory=dict)
    _warned: bool = False

    def __post_init__(self) -> None:
        self._archive = ArchiveReader(self.target, self.wanted.provider)
        self._window = replay_window(self.target, self.wanted.provider)

    def run(self, since: float) -> None:
        """Forward what was received since a time, and then what comes, until the day is over.

        The rule is there before the records are read: whatever is routed later comes from it, and whatever comes from
        both is forwarded once.

        Raises
        ------
        DayIsOverError
            When it is over.
        """
        with ExitStack() as cleanup:
            cleanup.callback(self._sum_up)
            self._listen(take_place(self.target, self.wanted.pattern(), cleanup), since)

    def _sum_up(self) -> None:
        print(f"{self.forwarded} forwarded, {self.refused} of them not answered with 2xx", flush=True)

    def _listen(self, queue: OwnQueue, since: float) -> None:
        if not self.target.is_local:
            tell(f"waiting {RULE_SECONDS} s, since a new rule of EventBridge matches after a while only")
            time.sleep(RULE_SECONDS)
        arrivals = self._patiently(lambda: received_since(self.target, self.wanted, since, time.time()))
        tell(f"{len(arrivals)} events came since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(since))}")
        for arrival in arrivals:
            self.handle(arrival)
        tell("listening; Ctrl-C ends it")
        while True:
            for arrival in self._taken(queue):
                self.handle(arrival)

    def _taken(self, queue: OwnQueue) -> Iterator[Arrival]:
        """Yield the events of a batch of messages, the first received first, and delete each when it is handled."""
        sqs = self.target.client("sqs")
        asked = {"QueueUrl": queue.url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": WAIT_SECONDS}
        messages = self._patiently(lambda: sqs.receive_message(**asked)).get("Messages", [])
        arrivals = [(Arrival.read(json.loads(message["Body"])["detail"]), message) for message in messages]
        for arrival, message in sorted(arrivals, key=lambda pair: pair[0].received_at if pair[0] else ""):
            if arrival is None:
                tell("left out: an event on the bus that is none of a webhook")
            else:
                yield arrival
            handled = {"QueueUrl": queue.url, "ReceiptHandle": message["ReceiptHandle"]}
            self._patiently(partial(sqs.delete_message, **handled))

    def handle(self, arrival: Arrival) -> None:
        """Forward an event's webhook, unless it was forwarded, and tell what came of it."""
        told = self._told.setdefault(arrival.webhook, set())
        if arrival.event_id in told:
            return
        told.add(arrival.event_id)
        note = "replayed" if arrival.replay_id else ""
        if len(told) > 1:
            tell_of("-", arrival, f"in a webhook that was forwarded already{f', {note}' if note else ''}")
            return
        try:
            body, evidence = self._patiently(lambda: self._archive.read(arrival))
        except NotForwardableError as reason:
            tell_of("not sent", arrival, str(reason))
            return
        if self._window is not None and time.time() - evidence.received_at > self._window:
            self._warn()
            note = f"received {arrival.received_at}"
        # Of what came, these are kept: what was signed, and what the body is.
        status = self._post(body, {**evidence.headers, "content-type": arrival.content_type})
        self.forwarded += 1
        if not status.startswith("2"):
            self.refused += 1
            note = f"{note}, not sent again".removeprefix(", ")
        tell_of(status, arrival, note)

    def _warn(self) -> None:
        if not self._warned:
            tell(
                f"what was received more than {self._window} s ago is forwarded as it was signed then: a receiver that "
                "checks the time refuses it, unless its tolerance is larger"
            )
        self._warned = True

    def _post(self, body: bytes, headers: dict[str, str]) -> str:
        waits = False
        while True:
            try:
                return str(self.receiver.post(body, headers))
            except NoAnswerError as error:
                return f"no answer ({error})"
            except NobodyThereError as error:
                if not waits:
                    tell(f"nobody is at FORWARD ({error}): waiting, and nothing is lost meanwhile")
                waits = True
            self._pause(RETRY_SECONDS)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call AWS, until the network is there."""
        while True:
            self._pause(0)
            try:
                return call()
            except (HTTPClientError, NoConnectionError) as error:
                tell(f"AWS does not answer ({type(error).__name__}); trying again")
            self._pause(RETRY_SECONDS)

    def _pause(self, seconds: float) -> None:
        if time.time() > self.until:
            raise DayIsOverError
        time.sleep(seconds)


def replay_window(target: Target, provider: str) -> int | None:
    """Return the seconds for which a provider's signatures are taken; None if it signs no time."""
    options = target.settings.provider_options.get(provider, {})
    scheme = REGISTRY[target.entry_of(provider)].configured(options).scheme
    # Some schemes sign a time only where they have a header for it.
    signs_time = getattr(scheme, "timestamp_header", "") is not None
    return getattr(scheme, "tolerance_seconds", None) if signs_time else None


def tell(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def tell_of(status: str, arrival: Arrival, note: str) -> None:
    """Print a line about an event; never its payload, nor what the receiver answered."""
    tell(f"{status:<10}  {arrival.event_type}  {arrival.event_id}{f'  {note}' if note else ''}")


def read_since(text: str) -> int:
    """Return the seconds of a text such as ``2h``.

    Raises
    ------
    NoTargetError
        When it is none, or too long.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text, re.ASCII)
    seconds = int(match[1]) * _UNITS[match[2]] if match else MAX_SINCE_SECONDS + 1
    if seconds > MAX_SINCE_SECONDS:
        raise NoTargetError(f"SINCE: {text!r} is not allowed; allowed: up to 7d, such as 90s, 30m, 2h or 1d")
    return seconds


def read_wanted(target: Target, provider: str, types: str, mode: str) -> Wanted:
    """Read what is listened to.

    Raises
    ------
    NoTargetError
        With the name and the value of what is wrong.
    """
    target.entry_of(provider)
    for one in types.split():
        if not is_identifier(one) or "*" in one[:-1] or one == "*":
            raise NoTargetError(f"TYPE: {one!r} is not an event type, nor the beginning of one and *")
    if mode not in ("", LIVE, TEST):
        raise NoTargetError(f"MODE: {mode!r} is not {LIVE} or {TEST}")
    routed = target.settings.routing.modes.get(provider)
    if mode and routed not in (None, mode):
        raise NoTargetError(f"MODE: events of {provider!r} that are not {routed} are held, so that none would come")
    return Wanted(provider=provider, types=types.split(), mode=mode or None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Listen until a signal comes, or the day is over."""
    parser = argparse.ArgumentParser(prog="make listen")
    parser.add_argument("--provider", required=True, help="deployed name")
    parser.add_argument("--forward", required=True, help="URL of the receiver")
    parser.add_argument("--since", default="0s", help="what came before is sent first: 90s, 30m, 2h, 1d")
    parser.add_argument("--types", default="", help="event types, with a * at the end for all that begin so")
    parser.add_argument("--mode", default="", help="live or test")
    chosen = parser.parse_args(arguments)
    receiver, since = Receiver.at(chosen.forward), read_since(chosen.since)
    target = Target.chosen()
    wanted = read_wanted(target, chosen.provider, chosen.types, chosen.mode)
    now = time.time()
    listener = Listener(target=target, wanted=wanted, receiver=receiver, until=now + LIFETIME_SECONDS)
    with stopped_by_signals("listen"):
        try:
            listener.run(now - since)
        except DayIsOverError:
            print("listen ends after a day; start it again, with SINCE for what came meanwhile")
        except ClientError as error:
            raise NoTargetError(said(error, "listen")) from error
    return 0


if __name__ == "__main__":
    run(main)
