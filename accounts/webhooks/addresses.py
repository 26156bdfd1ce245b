"""Where we may connect to: names over HTTPS whose every address belongs to the public internet.

Asked when an endpoint is saved and again at each try; who connects uses the addresses answered
here, so that a name which leads elsewhere a moment later gains nothing.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from accounts import limits
from accounts.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Networks of machines, houses and providers, and those of protocols: addresses that carry another
# one inside them, or lead to whoever answers first. Python's own list changes with its releases.
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: metadata of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocols
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "2001::/23",  # Teredo, ORCHID and other protocols
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)
# The only block of IPv6 that anybody is reached at: without IPv4-mapped ones, NAT64, link-local,
# unique local and multicast.
_UNICAST = ipaddress.ip_network("2000::/3")
_NAME = re.compile(
    r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])", re.ASCII
)
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)


class Unreachable(Exception):
    """We do not connect there. The text says why, to whoever set it."""


@dataclass(frozen=True)
class Target:
    """An address that is well formed; whether we may connect is said by `resolve`."""

    host: str
    port: int
    path: str
    is_secure: bool

    @property
    def authority(self) -> str:
        """As the header Host names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.is_secure else 80
        return host if self.port == usual else f"{host}:{self.port}"


def read(url: str) -> Target:
    """The parts of an address. Raises Invalid for what no endpoint may be."""
    problem = ""
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError:
        raise _wrong("That is no address. Enter one like https://example.com/webhooks") from None
    local = settings.WEBHOOKS_MAY_STAY_HERE and _is_loopback(host)
    if not _PRINTABLE.fullmatch(url) or len(url) > limits.WEBHOOK_URL_LENGTH or "\\" in url:
        problem = "Enter an address without spaces, of at most 500 plain characters"
    elif parts.scheme != "https" and not (local and parts.scheme == "http"):
        problem = "Enter an address that begins with https://"
    elif "@" in parts.netloc:
        problem = "Enter the address without a user name or password"
    elif parts.fragment:
        problem = "Enter the address without # and what follows it"
    elif not local and not _is_host(host):
        problem = "Enter the name of a server in the public internet, like example.com"
    elif not local and (port or 443) not in limits.WEBHOOK_PORTS:
        problem = "Use port 443 or 8443"
    if problem:
        raise _wrong(problem)
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port or (443 if secure else 80), path, secure)


def read_host(url: str) -> str:
    """The server an address leads to, whether it may be used or not."""
    return urlsplit(url).hostname or ""


def resolve(target: Target) -> list[str]:
    """The addresses to connect to, each of them checked. Asks the network.

    Raises Unreachable when there is none, or when any of them is not public.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("The name of the server was not found.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(may_reach(one) for one in addresses):
        raise Unreachable("The address leads into a network that is not public.")
    return addresses


def may_reach(text: str) -> bool:
    """Whether we connect to this address: the one place that decides."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # With a scope: of one link alone.
        return False
    if settings.WEBHOOKS_MAY_STAY_HERE and address.is_loopback:
        return True
    return is_public(address)


def is_public(address: Address) -> bool:
    """Whether it belongs to somebody in the internet, and to nobody's own network."""
    if address.version == 6 and (address not in _UNICAST or address.scope_id):
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    if special or not address.is_global:
        return False
    return not any(
        address in network for network in _NOT_PUBLIC if network.version == address.version
    )


def _is_host(host: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(host))
    except ValueError:
        return bool(_NAME.fullmatch(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(text: str) -> Invalid:
    return Invalid(f"{text}.", fields={"url": text})
