"""Environment variables: names and addresses, never a secret."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lambdas.inbound.providers.registry import REGISTRY
from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document

_SECRET_NAME = re.compile(
    "SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|APIKEY|PRIVATEKEY|ACCESSKEY|SIGNINGKEY|ENCRYPTIONKEY|HMACKEY|"
    "WEBHOOKKEY|SHAREDKEY|AUTHKEY|MASTERKEY"
)
# Only as words of their own: BYPASS and COMPASS are none.
_SECRET_WORDS = frozenset({"PASS", "PASSCODE", "PWD"})
# A name that ends in one of these says where a secret is, or something about it, and not the secret.
_ADDRESS = frozenset(
    {
        "ARN",
        "ARNS",
        "BUCKET",
        "ENDPOINT",
        "HEADER",
        "HOST",
        "INDEX",
        "ISSUER",
        "NAME",
        "NAMES",
        "PATH",
        "PREFIX",
        "QUEUE",
    }
    | {"TABLE", "TOPIC", "URL", "URLS"}
)
_MEASURE = frozenset({"ALGORITHM", "BYTES", "COUNT", "DAYS", "LENGTH", "LIMIT", "MINUTES", "SECONDS", "TTL", "VERSION"})
_KNOWN_SECRETS = {
    "a webhook signing secret": r"whsec_",
    "a Stripe key": r"[sr]k_(?:live|test)_",
    "an AWS access key": r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    "a GitHub token": r"gh[a-z]_[A-Za-z0-9]|github_pat_",
    "a GitLab token": r"glpat-",
    "a Slack token": r"xox[abeprs]-",
    "a Google API key": r"AIza[\w-]{30}",
    "a SendGrid key": r"SG\.[\w-]{16}",
    "a JSON web token": r"eyJ[\w-]{8,}\.eyJ",
    "a PEM block": r"-----BEGIN",
    "a bearer token": r"[Bb]earer \S",
    "a password in a URL": r"[a-z0-9+]+://[^/\s:@]*:[^/\s:@]+@",
}
_ARN = re.compile(r"arn:[\w-]+:[\w-]+:")
_REFERENCE = re.compile(r"\$\{[^}]*\}")
# Nothing, a switch, or a small number.
_HARMLESS = re.compile(r"|true|false|\d{1,4}", re.IGNORECASE)
# A UUID, or an id as AWS makes them up: subnet-0a1b2c3d4e5f60718.
_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[a-z]+-[0-9a-f]{17}\b", re.IGNORECASE)
_LONG = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
# Random hexadecimal digits have 3.4 bits a character at this length, base64 more than 4; repetitions less than 3.
_RANDOM_BITS = 3.2
# Attributes that are a secret's value and not its address.
_SECRET_ATTRIBUTES = frozenset(
    {
        ("aws_api_gateway_api_key", "value"),
        ("aws_iam_access_key", "secret"),
        ("aws_secretsmanager_secret_version", "secret_string"),
        ("aws_secretsmanager_secret_version", "secret_binary"),
        ("aws_ssm_parameter", "value"),
        ("random_password", "result"),
        ("tls_private_key", "private_key_pem"),
    }
)


@rule(
    "secret-in-variable",
    "No environment variable of a function holds a secret.",
    where=Where.BOTH,
    remedy="Keep the value in Secrets Manager, hand on the secret's ARN, and let the function read it. If a real "
    "secret stood here, replace it: it is in files by now.",
    source="SIG-2; https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)
def _secret_in_variable(stack: Document) -> Iterator[Found]:
    for function in stack.all("aws_lambda_function"):
        variables = function.block("environment").get("variables")
        if isinstance(variables, str):
            yield function, "its variables are an expression, so that they cannot be read"
            continue
        for name, value in (variables or {}).items():
            for part, text in _parts(name, value):
                if why := _looks_secret(stack, part, text):
                    yield function, f"variable {part} {why}"


def _parts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield a variable's name and text; of a variable that is JSON, each text in it under the path to it."""
    if isinstance(value, str):
        with suppress(ValueError):
            inner = json.loads(value)
            value = inner if isinstance(inner, dict | list) else value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(f"{name}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(name, item)
    elif value is not None:
        yield name, str(value)


def _looks_secret(stack: Document, name: str, text: str) -> str:
    """Say why a value looks like a secret, without the value; nothing where it does not."""
    for target, attribute in stack.referred_to(text):
        if (target.type.removeprefix("data."), attribute) in _SECRET_ATTRIBUTES:
            return f"is the value of a secret, {attribute} of {target.path}; hand on its ARN instead"
    for kind, pattern in _KNOWN_SECRETS.items():
        if re.search(rf"(?<![A-Za-z0-9]){pattern}", text):
            return f"has a value that looks like {kind}"
    if _is_named_like_a_secret(name):
        if re.search(r"\$\{(var|local|module)\.", text):
            return "is named like a secret, and its value comes from outside the stack"
        if not _HARMLESS.fullmatch(_REFERENCE.sub("", text).strip()) and not _ARN.match(text):
            return "is named like a secret, and its value is neither a reference nor an ARN"
    if any(text == secret.get("name") for secret in stack.all("aws_secretsmanager_secret")):
        return ""
    # Names end in the environment, which may be any letters and digits.
    for environment in stack.environments:
        text = text.replace(f"-{environment}", "")
    return "has a value that is long and looks random" if _is_random(text) else ""


def _is_named_like_a_secret(name: str) -> bool:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name.rpartition(".")[2])
    upper = [word.upper() for word in words]
    named = _SECRET_NAME.search("".join(upper)) or _SECRET_WORDS.intersection(upper)
    return bool(named) and upper[-1] not in _ADDRESS | _MEASURE


def _is_random(text: str) -> bool:
    if _ARN.match(text) or text in REGISTRY:
        return False
    for run in _LONG.findall(_IDENTIFIER.sub("", _REFERENCE.sub(" ", text))):
        # Names are words and numbers with something between them.
        parts = [part for part in re.split(r"[-_/]", run) if len(part) > 4]
        mixed = any(re.search(r"\d", part) and re.search(r"[A-Za-z]", part) for part in parts)
        mixed = mixed or any(re.search(r"[a-z][A-Z].*[a-z][A-Z].*[a-z][A-Z]", part) for part in parts)
        if mixed and _bits_per_character(run) >= _RANDOM_BITS:
            return True
    return False


def _bits_per_character(text: str) -> float:
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
