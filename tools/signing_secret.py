"""A provider's signing secret in Secrets Manager: setting it, and rotating it with an overlap. It is never printed."""

import getpass
import json
import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.errors import UnavailableError
from lambdas.shared.secrets import parse_secret
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


def main() -> int:
    """Set or rotate the secret of the provider named first; with ``finish``, end the overlap."""
    provider, *more = sys.argv[1:]
    target = Target.chosen()
    target.entry_of(provider)
    manager, arn = target.client("secretsmanager"), target.outputs["secret_arns"][provider]
    if more == ["finish"]:
        finish(manager, arn)
        print(f"{provider}: one secret is valid now")
        return 0
    prompt = f"new signing secret of {provider}: "
    newest = (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not newest:
        raise NoTargetError("nothing was entered; the secret is as it was")
    valid = rotate(manager, arn, newest)
    overlap = "" if len(valid) == 1 else "; when the sender has switched: make secret PROVIDER=... FINISH=1"
    print(f"{provider}: {len(valid)} valid now, the newest first{overlap}")
    return 0


if __name__ == "__main__":
    run(main)
