"""No address in any spelling leads into the house."""

import ipaddress

import pytest

from backend.errors import BadInput
from backend.outbound.addresses import checked_url, may_be_called

INSIDE = [
    "0.0.0.0",  # noqa: S104 - to be refused, not bound
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_a_public_address_is_not_called(address: str) -> None:
    assert not may_be_called(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "198.20.0.1", "172.32.0.1", "2606:4700::1111", "2a00::1"])
def test_public_addresses_are_called(address: str) -> None:
    assert may_be_called(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "ftp://shop.example/",
        "//shop.example/",
        "shop.example",
        "",
        "https://",
        "https://shop.example:80/",
        "https://shop.example:99999/",
        "https://user@shop.example/",
        "https://user:word@shop.example/",
        "https://shop.example/#part",
        "https://shop.example/a b",
        "https://shop.example/\r\nX: y",
        "https://常連.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_urls_that_may_not_be_called(url: str) -> None:
    with pytest.raises(BadInput) as refusal:
        checked_url(url)
    assert refusal.value.field == "url"


@pytest.mark.parametrize("url", ["https://shop.example", "https://shop.example:8443/hook?x=1", "https://8.8.8.8/"])
def test_urls_that_may_be_called(url: str) -> None:
    assert checked_url(url) == url


def test_the_operator_allows_a_host_and_port_and_nothing_beside_it() -> None:
    allowed = {"127.0.0.1:9443"}
    assert checked_url("https://127.0.0.1:9443/hook", allowed=allowed)
    for url in ("https://127.0.0.1:9444/", "https://127.0.0.1/", "http://127.0.0.1:9443/"):
        with pytest.raises(BadInput):
            checked_url(url, allowed=allowed)
