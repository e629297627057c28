"""A place among the listeners of an environment: a queue and a rule on the bus, under one of their few names."""

import fcntl
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, TextIO

from botocore.exceptions import ClientError

from modules.constructs.naming import Names
from modules.inbound.listen_policy import LISTENERS, listener_names
from tools import ROOT
from tools.commands.target_stack import NoTargetError, Target
from tools.smoke.own_queue import GONE, OwnQueue

# A listener ends by then, so that everybody may remove what is older.
LIFETIME_SECONDS = 86_400
_SLACK_SECONDS = 3_600
# Longer than anything waits for the receiver; the longest that SQS has.
_HIDDEN_SECONDS = 43_200
_TAKEN = ("QueueAlreadyExists", "QueueNameExists")
# What this checkout's listeners hold: a file by the queue's name, locked by the listener as long as it lives.
FOLDER = ROOT / ".local" / "listen"


def take_place(target: Target, pattern: Mapping[str, Any], cleanup: ExitStack) -> OwnQueue:
    """Remove what killed listeners have left, and make a queue that gets the events with a pattern.

    Raises
    ------
    NoTargetError
        When all places are taken.
    """
    names = listener_names(Names(target.settings.environment))
    for name in [name for name in names if _is_free(target, name)]:
        file = _lock(name)
        if file is None:
            continue
        # SQS refuses to make a queue that exists with another value: of two listeners at once, one gets the name.
        mark = str(LIFETIME_SECONDS + secrets.randbelow(_SLACK_SECONDS))
        _write(file, mark)
        queue = _queue(target, name, MessageRetentionPeriod=mark, VisibilityTimeout=str(_HIDDEN_SECONDS))
        if not _create(queue):
            file.close()
            continue
        cleanup.enter_context(file)
        cleanup.callback(_leave, queue, file)
        queue.subscribe(pattern)
        return queue
    raise NoTargetError(
        f"{LISTENERS} listen to {target.settings.environment!r} already, or have ended less than a minute ago"
    )


def _is_free(target: Target, name: str) -> bool:
    """Return whether nobody has a place; what a killed listener has left of one is removed, and it is free later."""
    file = _lock(name)
    if file is None:
        return False
    with file:
        found = _attributes(target, name)
        if found is None:
            return True
        file.seek(0)
        is_own = file.read() == found["MessageRetentionPeriod"]
        if is_own or time.time() - int(found["CreatedTimestamp"]) > LIFETIME_SECONDS + _SLACK_SECONDS:
            queue = _queue(target, name)
            queue.remove()
            print(*(queue.left or [f"removed what a killed listener had left: {name}"]), sep="\n", flush=True)
    return False


def _attributes(target: Target, name: str) -> dict[str, str] | None:
    sqs = target.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        asked = ["CreatedTimestamp", "MessageRetentionPeriod"]
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
    return found


def _create(queue: OwnQueue) -> bool:
    try:
        return queue.create() is not None
    except ClientError as error:
        if error.response["Error"]["Code"] in _TAKEN:
            return False
        raise


def _queue(target: Target, name: str, **attributes: str) -> OwnQueue:
    return OwnQueue(target=target, name=name, command="listen", attributes=attributes)


def _leave(queue: OwnQueue, file: TextIO) -> None:
    queue.remove()
    for each in queue.left:
        print(f"listen: {each}", file=sys.stderr)
    if not queue.left:
        _write(file, "")


def _lock(name: str) -> TextIO | None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = (FOLDER / name).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _write(file: TextIO, text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()
