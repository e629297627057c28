"""A provider's signing secret in Secrets Manager: setting it, and rotating it with an overlap. It is never printed."""

import getpass
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.request import WebhookRequest
from lambdas.shared.secrets import parse_secret
from tools.senders import SENDERS, Signing
from tools.target import NoTargetError, Target, run


def read_secrets(manager: Any, arn: str) -> Sequence[str]:
    """Return the valid secrets, the newest first; none where the secret was never filled."""
    try:
        return parse_secret(manager.get_secret_value(SecretId=arn).get("SecretString", ""))
    except UnavailableError:
        return ()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return ()


def rotate(manager: Any, arn: str, newest: str) -> Sequence[str]:
    """Make a secret the newest one and keep the one before it valid; return those that are valid now."""
    valid = [newest, *[old for old in read_secrets(manager, arn) if old != newest][:1]]
    manager.put_secret_value(SecretId=arn, SecretString=json.dumps({"secrets": valid}))
    return valid


def finish(manager: Any, arn: str) -> Sequence[str]:
    """End an overlap: only the newest secret stays valid; return it.

    Raises
    ------
    NoTargetError
        When there is none.
    """
    valid = read_secrets(manager, arn)[:1]
    if not valid:
        raise NoTargetError("there is no secret yet")
    manager.put_secret_value(SecretId=arn, SecretString=json.dumps({"secrets": list(valid)}))
    return valid


def check_usable(entry: str, options: Mapping[str, str], secret: str) -> None:
    """Check that a provider's signatures can be verified with a secret, on a webhook that is signed with another one.

    Raises
    ------
    NoTargetError
        When it is of another form: stored beside the older one, it would have every webhook answered 503.
    """
    sender, provider, now = SENDERS[entry], REGISTRY[entry].configured(options), int(time.time())
    sent = sender.webhook(Signing(secret=sender.new_secret(), now=now, number=1, options={**sender.options, **options}))
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    try:
        provider.scheme.verify(WebhookRequest(body=sent.body, headers=headers, received_at=now), [secret])
    except UnavailableError:
        raise NoTargetError(
            f"what was entered is no secret of {provider.title}, which is {provider.key_doc}; the secret is as it was"
        ) from None
    except SignatureRefusedError:
        return


def main() -> int:
    """Set or rotate the secret of the provider named first; with ``finish``, end the overlap."""
    provider, *more = sys.argv[1:]
    target = Target.chosen()
    entry = target.entry_of(provider)
    if not REGISTRY[entry].needs_secret:
        raise NoTargetError(f"PROVIDER: {provider!r} has no secret: {REGISTRY[entry].key_doc.removeprefix('none: ')}")
    manager, arn = target.client("secretsmanager"), target.outputs["secret_arns"][provider]
    if more == ["finish"]:
        finish(manager, arn)
        print(f"{provider}: one secret is valid now")
        return 0
    prompt = f"new signing secret of {provider}: "
    newest = (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not newest:
        raise NoTargetError("nothing was entered; the secret is as it was")
    check_usable(entry, target.settings.provider_options.get(provider, {}), newest)
    valid = rotate(manager, arn, newest)
    overlap = "" if len(valid) == 1 else "; when the sender has switched: make secret PROVIDER=... FINISH=1"
    print(f"{provider}: {len(valid)} valid now, the newest first{overlap}")
    return 0


if __name__ == "__main__":
    run(main)
