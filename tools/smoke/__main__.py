"""``make smoke``: looks at everything, prints a page, and ends with 1 when anything is not as it must be."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from tools.commands.target_stack import Target, run
from tools.local.calls import wait_for
from tools.smoke.look import Look, Result, look_at
from tools.smoke.own_queue import RULE_SECONDS, MarkedQueue, stopped_by_signals
from tools.smoke.page import show
from tools.smoke.surroundings import check_alarms, check_log_retention, check_too_large
from tools.smoke.trial import FORGED, MARK, Trial

# The alarm refused-signatures goes off when more than 20 signatures are refused in five minutes.
FORGED_AT_MOST = 10
SETTLE_SECONDS = 120
JSON, WITH_CHARSET = "application/json", "application/json; charset=utf-8"


def main() -> int:
    """Check and print the page; return 1 when anything is not as it must be, or nothing came through."""
    parser = argparse.ArgumentParser(prog="make smoke")
    parser.add_argument("--providers", nargs="+", help="deployed names; all by default")
    names = parser.parse_args().providers
    target = Target.chosen()
    for name in names or ():
        target.entry_of(name)
    with stopped_by_signals("smoke"):
        trials, looks = smoke(target, names or list(target.settings.providers))
    return show(target, trials, looks)


def smoke(target: Target, names: Sequence[str]) -> tuple[list[Trial], list[Look]]:
    """Look at all that can be looked at; return what was found of the providers, and of everything else."""
    direct = target.settings.api.ingest == "direct"
    # Before anything is sent, so that nothing of it is in the alarms.
    looks = [
        look_at("no alarm is on", partial(check_alarms, target)),
        look_at("logs are kept as set", partial(check_log_retention, target)),
    ]
    trials = planned(target, names, direct=direct)
    queue = MarkedQueue.of(target)
    marked = {"detail": {"transactionId": [{"prefix": MARK}]}}
    try:
        with ExitStack() as cleanup:
            looks.append(look_at("the bus takes a rule with a queue", partial(queue.make, marked, cleanup)))
            on_the_bus = queue if looks[-1].result is Result.GOOD else None
            if on_the_bus and not target.is_local:
                print(
                    f"waiting {RULE_SECONDS} s, since a new rule of EventBridge matches after a while only", flush=True
                )
                time.sleep(RULE_SECONDS)
            for trial in trials:
                trial.send()
            follow(trials, on_the_bus)
    finally:
        # Said also when the run was interrupted.
        for each in queue.left:
            print(f"smoke: {each}", file=sys.stderr)
    for trial in trials:
        trial.examine(on_the_bus)
    looks += [Look("all that it made is removed", Result.BAD, each) for each in queue.left]
    if not any(trial.status for trial in trials):
        looks.append(Look("an event comes through", Result.BAD, "none did"))
    return trials, looks + facts(target, trials, direct=direct)


def planned(target: Target, names: Sequence[str], *, direct: bool) -> list[Trial]:
    """Return what is sent for each provider; under direct integration, one event more with another content type."""
    trials = [Trial(target=target, name=name) for name in names]
    for trial in trials:
        trial.plan()
    for trial in [each for each in trials if each.forged][FORGED_AT_MOST:]:
        trial.forged = None
        trial.leave_open("so many would set off the alarm refused-signatures; PROVIDERS= checks a few", FORGED)
    plain = (each.name for each in trials if each.genuine and each.genuine.headers["Content-Type"] == JSON)
    if direct and (name := next(plain, None)):
        another = Trial(target=target, name=name, content_type=WITH_CHARSET)
        another.plan()
        another.forged = None
        trials.append(another)
    return trials


def follow(trials: Sequence[Trial], queue: MarkedQueue | None) -> None:
    """Wait until what was accepted has come to an end and the bus has sent it on; for two minutes at most."""
    genuine = {trial.genuine.transaction_id: trial for trial in trials if trial.genuine and trial.is_accepted}

    def look() -> bool | None:
        for transaction, trial in genuine.items():
            if trial.status is None:
                found = trial.target.status(transaction)
                trial.status = found if found and found["state"] != "PROCESSING" else None
        if queue is not None:
            queue.collect()
        has_come = queue is None or genuine.keys() <= queue.events.keys()
        return True if has_come and all(trial.status for trial in genuine.values()) else None

    # Whatever has not come is found missing one by one.
    look_at("", lambda: str(wait_for("the events", look, SETTLE_SECONDS)))


def facts(target: Target, trials: Sequence[Trial], *, direct: bool) -> list[Look]:
    """Return what AWS does not document, or only AWS does, and what this run has seen of it."""
    found = []
    if not target.is_local:
        came = Result.GOOD if any(trial.status for trial in trials) else Result.OPEN
        found.append(Look("only AWS can tell: the bundles run on arm64, as the events' statuses show", came))
    if direct:
        who = "the local AWS says" if target.is_local else "only AWS can tell"
        too_large = partial(check_too_large, target)
        found.append(look_at(f"{who}: what SQS has no room for is answered 413", too_large))
        charset = [trial.looks["answer"] for trial in trials if trial.content_type]
        found += [Look(f"{who}: {WITH_CHARSET} is taken", each.result, each.found) for each in charset]
    return found


if __name__ == "__main__":
    run(main)
