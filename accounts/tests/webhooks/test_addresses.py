"""Where webhooks may lead: never into our own network, whatever it is called."""

import socket

import pytest

from accounts.errors import Invalid
from accounts.webhooks import addresses
from accounts.webhooks.addresses import Unreachable


@pytest.fixture(autouse=True)
def production(settings):
    """As it is without DEBUG."""
    settings.WEBHOOKS_MAY_STAY_HERE = False


PUBLIC = [
    "8.8.8.8",
    "93.184.215.14",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "192.167.255.255",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456:789a::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_reached(address):
    assert addresses.may_reach(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_of_networks_machines_and_protocols_are_not(address):
    assert not addresses.may_reach(address)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://example.com", "example.com", 443, "/", "example.com"),
        ("https://EXAMPLE.com/Hooks?a=B", "example.com", 443, "/Hooks?a=B", "example.com"),
        ("https://example.com:8443/x", "example.com", 8443, "/x", "example.com:8443"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", "8.8.8.8"),
        ("https://[2606:4700::1]/", "2606:4700::1", 443, "/", "[2606:4700::1]"),
        (
            "https://xn--bcher-kva.example/",
            "xn--bcher-kva.example",
            443,
            "/",
            "xn--bcher-kva.example",
        ),
    ],
)
def test_a_usable_address_is_read_into_its_parts(url, host, port, path, authority):
    target = addresses.read(url)

    assert (target.host, target.port, target.path) == (host, port, path)
    assert target.authority == authority
    assert target.is_secure


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://@example.com/",
        "https://example.com@evil.example/",
        "https://example.com/#part",
        "https://example.com:80/",
        "https://example.com:22/",
        "https://example.com:6379/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://localhost/",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://[::1/",
        "https://bücher.example/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: evil",
        "https://exam\tple.com/",
        "https://example.com\\@evil.example/",
        "https://-example.com/",
        "https://example..com/",
        "https://" + "a" * 500 + ".com/",
        "http://localhost:8000/",
        "http://127.0.0.1:8000/",
    ],
)
def test_no_other_address_is_taken(url):
    with pytest.raises(Invalid) as refused:
        addresses.read(url)

    assert set(refused.value.fields) == {"url"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/x", "http://localhost:9/", "http://[::1]:1/"]
)
def test_a_developers_own_machine_is_reached_in_debug_alone(settings, url):
    settings.WEBHOOKS_MAY_STAY_HERE = True

    assert not addresses.read(url).is_secure
    with pytest.raises(Invalid):
        addresses.read(
            url.replace("127.0.0.1", "10.0.0.1").replace("localhost", "x").replace("::1", "fd00::1")
        )
    assert not addresses.may_reach("10.0.0.1")
    assert not addresses.may_reach("169.254.169.254")


def answers(monkeypatch, *found):
    rows = [(0, 0, 0, "", (one, 443)) for one in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)


TARGET = addresses.Target("example.com", 443, "/", is_secure=True)


def test_a_name_is_used_when_all_of_its_addresses_are_public(monkeypatch):
    answers(monkeypatch, "8.8.8.8", "2606:4700::1", "8.8.8.8")

    assert addresses.resolve(TARGET) == ["8.8.8.8", "2606:4700::1"]


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%1"])
def test_a_name_with_one_address_inside_is_not_used_at_all(monkeypatch, bad):
    answers(monkeypatch, "8.8.8.8", bad)

    with pytest.raises(Unreachable):
        addresses.resolve(TARGET)


def test_a_name_that_is_not_found_says_so(monkeypatch):
    def nobody(*args, **kwargs):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nobody)

    with pytest.raises(Unreachable, match="not found"):
        addresses.resolve(TARGET)
