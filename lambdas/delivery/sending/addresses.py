"""Which IP addresses an endpoint may have: public unicast ones, and none that leads back to us or into a cloud.

An address is refused for the first of these that holds; of IPv6 nothing passes but global unicast, ``2000::/3``. An
address that carries an IPv4 address in itself is refused whatever that is: nobody publishes a receiver under one, and a
gateway on the way may take it for the other.
Sources: https://www.iana.org/assignments/iana-ipv4-special-registry/,
https://www.iana.org/assignments/iana-ipv6-special-registry/, RFC 6890, RFC 6052, RFC 3056, RFC 4380, RFC 4291.
"""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_METADATA = "cloud metadata"

REFUSED: Sequence[tuple[str, str]] = (
    # Before the wider ranges that some of them lie in, for the reason they are refused for.
    ("169.254.169.254/32", _METADATA),  # AWS, Azure, Google, and most others
    ("169.254.169.253/32", _METADATA),  # AWS: resolver
    ("169.254.169.123/32", _METADATA),  # AWS: time
    ("169.254.170.2/32", _METADATA),  # AWS: credentials of containers
    ("169.254.170.23/32", _METADATA),  # AWS: credentials of EKS pods
    ("100.100.100.200/32", _METADATA),  # Alibaba
    ("168.63.129.16/32", _METADATA),  # Azure: a public address, answered by the host
    ("192.0.0.192/32", _METADATA),  # Oracle
    ("fd00:ec2::/32", _METADATA),  # AWS
    ("fd20:ce::254/128", _METADATA),  # Google
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared address space"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "reserved"),
    ("192.52.193.0/24", "reserved"),
    ("192.88.99.0/24", "6to4"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::ffff:0:0:0/96", "IPv4-translated"),
    ("::/96", "IPv4-compatible"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64"),
    ("100::/64", "discard-only"),
    ("2001::/32", "Teredo"),
    ("2001:db8::/32", "documentation"),
    ("2001::/23", "reserved"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "reserved"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "reserved"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
_TABLE: Sequence[tuple[IPv4Network | IPv6Network, str]] = tuple(
    (ipaddress.ip_network(network), reason) for network, reason in REFUSED
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """Return why an address is refused; None when it may be connected to."""
    # A zone names a link of this machine, and is part of no network above.
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "link-local"
    for network, reason in _TABLE:
        if address.version == network.version and address in network:
            return reason
    if isinstance(address, IPv6Address):
        if address not in _GLOBAL_UNICAST:
            return "reserved"
        # ISATAP, RFC 5214: an IPv4 address in the interface identifier.
        if (int(address) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE:
            return "ISATAP"
    return None if address.is_global else "reserved"
