"""The endpoints of AWS's services."""

import os

# The domains of other partitions, by the beginning of a region's name. A test compares this with botocore's table.
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}
_NOT_KNOWN_HERE = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


def region() -> str:
    """Return the function's region.

    Raises
    ------
    RuntimeError
        When the environment names none.
    """
    name = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not name:
        raise RuntimeError("environment variable AWS_REGION is not set")
    return name


def overridden(service: str) -> str | None:
    """Return the endpoint that the environment names for a service, or None.

    Parameters
    ----------
    service : str
        The service's id in AWS's SDKs, with ``_`` for blanks: ``SECRETS_MANAGER``.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html

    Raises
    ------
    RuntimeError
        When it is not an HTTP address, or the environment asks for a kind of endpoint that is not supported here: a
        call must not go to another one unnoticed.
    """
    for variable in _NOT_KNOWN_HERE:
        if os.environ.get(variable, "").lower() == "true":
            raise RuntimeError(f"{variable} is set, but ingestion's calls to AWS do not support such endpoints")
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    named = f"AWS_ENDPOINT_URL_{service}"
    url = os.environ.get(named) or os.environ.get("AWS_ENDPOINT_URL")
    if not url:
        return None
    if not url.startswith(("https://", "http://")):
        raise RuntimeError(f"endpoint of {service}: an address that starts with https:// or http:// expected")
    return url.rstrip("/")


def of_service(service: str, of_region: str) -> str:
    """Return the public endpoint of a service in a region."""
    suffix = next((domain for prefix, domain in _SUFFIXES.items() if of_region.startswith(prefix)), "amazonaws.com")
    return f"https://{service}.{of_region}.{suffix}"
