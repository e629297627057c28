"""Bundles of deployed functions for which the providers' host names lead to the tests, over TLS as to the providers."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

_LEADS_HERE = '''\
"""Of the tests: every name but the local ones leads to them."""

import os
import socket

os.environ["SSL_CERT_FILE"] = {trusted!r}
_resolve = socket.getaddrinfo


def _lead(host, port, *more, **named):
    if host not in ("127.0.0.1", "localhost"):
        host, port = "127.0.0.1", {port}
    return _resolve(host, port, *more, **named)


socket.getaddrinfo = _lead
'''


def leads_to(port: int, trusted: Path) -> str:
    """Return a module that has every name lead to a port of the tests, and TLS trust only their authority."""
    return _LEADS_HERE.format(trusted=str(trusted), port=port)


def replaced(bundle: Path, files: Mapping[str, str]) -> None:
    """Replace modules of a bundle, and drop their bytecode so that the source counts."""
    with zipfile.ZipFile(bundle) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    for name, source in files.items():
        assert name in content
        content[name] = source.encode()
        folder, _, module = name.removesuffix(".py").rpartition("/")
        for compiled in [one for one in content if one.startswith(f"{folder}/__pycache__/{module}.")]:
            del content[compiled]
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
