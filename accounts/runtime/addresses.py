"""Where requests come from."""

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# The smallest network that is given out: whoever has one address has 2**64.
IPV6_PREFIX = 64
UNKNOWN_IP = "0.0.0.0"  # nosec B104 # noqa: S104  A web server on a socket names no address.


def client_ip(request: HttpRequest) -> str:
    """The machine that asks. Where a proxy of ours stands in front (settings trust its
    X-Forwarded-Proto), it is the last address that proxy added; what a client sent counts never."""
    last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    if settings.SECURE_PROXY_SSL_HEADER and _is_address(last):
        return last
    return request.META.get("REMOTE_ADDR") or UNKNOWN_IP


def machine(ip: str) -> str:
    """What an address is counted as: one of IPv6 as its /64, which each machine has whole."""
    address = _address(ip)
    if address is None or address.version == 4:
        return str(address or ip)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False).network_address)


def read_network(text: str) -> Network:
    """An address, or a network as `203.0.113.0/24`. What is neither raises ValueError.

    So do addresses that `is_within` would never find: those with a zone, and IPv4 as IPv6.
    """
    network = ipaddress.ip_network(text)
    if "%" in text or getattr(network.network_address, "ipv4_mapped", None):
        raise ValueError(text)
    return network


def is_within(ip: str, networks: Iterable[Network]) -> bool:
    """Whether the address is in one of the networks. What is no address is in none."""
    address = _address(ip)
    return address is not None and any(address in network for network in networks)


def _is_address(text: str) -> bool:
    return _address(text) is not None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both kinds writes the old ones as ::ffff:203.0.113.9.
    return getattr(address, "ipv4_mapped", None) or address
