"""Where requests may go: every form in which an address leads inside, and URLs that are read in more than one way.

The addresses are those of the registries that `lambdas.delivery.sending.addresses` names, of Svix' server's table
(server/svix-server/src/core/webhook_http_client.rs, `is_allowed_test`), and of what cloud providers document.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.delivery.sending.addresses import refusal
from lambdas.delivery.sending.urls import EndpointRefusedError, EndpointRules, check_url, read_url

PUBLIC, LOCAL = EndpointRules(), EndpointRules(local=True)

REFUSED = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "127.0.0.53", "::1"],
    "private": ["10.0.0.1", "10.254.0.0", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.10.65"],
    "shared address space": ["100.64.0.1", "100.100.0.0", "100.127.255.255"],
    # The Lambda runtime's own interface is one of these.
    "link-local": [
        "169.254.0.1",
        "169.254.45.1",
        "169.254.100.1",
        "169.254.78.1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
    ],
    "cloud metadata": [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "169.254.169.253",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::253",
        "fd00:ec2::23",
        "fd20:ce::254",
    ],
    "reserved": [
        "192.0.0.0",
        "192.0.0.8",
        "192.0.0.255",
        "240.0.0.1",
        "250.10.20.30",
        "254.255.255.255",
        "2001:1::1",
        "2001:20::1",
        "2001:10::1",
        "5f00::1",
        "4000::1",
        "8000::1",
        "1::1",
    ],
    "documentation": ["192.0.2.255", "198.51.100.65", "203.0.113.6", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.0", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "broadcast": ["255.255.255.255"],
    "6to4": ["192.88.99.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:a00:1"],
    "IPv4-translated": ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
    "IPv4-compatible": ["::127.0.0.1", "::169.254.169.254", "::8.8.8.8"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::8.8.8.8", "64:ff9b:1::1"],
    "Teredo": ["2001::1", "2001:0:53aa:64c::1"],
    "unique local": ["fc00::1", "fd12:3456::1"],
    "site-local": ["fec0::1", "feff::1"],
    "discard-only": ["100::1"],
    "ISATAP": ["2001:4860::5efe:7f00:1", "2001:4860::200:5efe:808:808"],
}


@pytest.mark.parametrize(
    ("address", "reason"), [(address, reason) for reason, addresses in REFUSED.items() for address in addresses]
)
def test_addresses_that_lead_inside_are_refused_for_what_they_are(address, reason):
    assert refusal(ipaddress.ip_address(address)) == reason
    # And under their registration as endpoints, by literal and by name
    if "%" not in address:
        literal = f"[{address}]" if ":" in address else address
        with pytest.raises(EndpointRefusedError, match=f"address refused: {reason}"):
            check_url(f"https://{literal}/hook", PUBLIC)
    with pytest.raises(EndpointRefusedError, match=f"address refused: {reason}"):
        check_url("https://hooks.example.com/", PUBLIC, resolve=lambda host, port: ["8.8.8.8", address])


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2001:4860:4860::8888", "2606:4700::1"],
)
def test_public_addresses_pass(address):
    assert refusal(ipaddress.ip_address(address)) is None
    check_url("https://hooks.example.com/", PUBLIC, resolve=lambda host, port: [address])


@given(st.integers(0, 2**32 - 1))
def test_no_ipv4_address_passes_that_python_does_not_hold_for_global(number):
    address = ipaddress.IPv4Address(number)
    assert refusal(address) is not None or (address.is_global and not address.is_multicast)


@given(st.integers(0, 2**128 - 1) | st.integers(2**125, 2**126 - 1))
def test_no_ipv6_address_passes_but_global_unicast_without_an_ipv4_address_in_it(number):
    address = ipaddress.IPv6Address(number)
    if refusal(address) is None:
        assert address.is_global
        assert address in ipaddress.IPv6Network("2000::/3")
        assert address.ipv4_mapped is None
        assert address.sixtofour is None
        assert address.teredo is None


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::", "::ffff:", "::ffff:0:", "64:ff9b::", "2002:"]))
def test_no_form_carries_an_ipv4_address_through(number, prefix):
    inside = ipaddress.IPv4Address(number)
    high, low = number >> 16, number & 0xFFFF
    text = f"2002:{high:x}:{low:x}::1" if prefix == "2002:" else f"{prefix}{inside}"
    assert refusal(ipaddress.ip_address(text)) is not None


# --- URLs -----------------------------------------------------------------------------------------------------------

BAD_URLS = [
    # Spellings of addresses that resolvers, browsers or C libraries understand.
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://2130706433/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://8.8.8.8./",
    "https://8.8.8.08/",
    "https://8.8.8.256/",
    "https://1.2.3.4.5/",
    "https://0x/",
    "https://host.0x7f/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "https://[8.8.8.8]/",
    # Names.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://localhost./",
    "https://hooks.example.com./",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://x.onion/",
    "https://intranet/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://-a.example.com/",
    "https://a_b.example.com/",
    "https://a..example.com/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "a." * 130 + "com/",
    # Other letters that normalise to ASCII, and other dots.
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://127\u30020\u30020\u30021/",
    "https://ex\u00e4mple.com/",
    "https://\u24d4xample.com/",
    # Parsers disagree on these.
    "https://user@hooks.example.com/",
    "https://user:password@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://hooks.example.com/#fragment",
    "https:hooks.example.com/",
    "https:/hooks.example.com/",
    "https:///hooks.example.com/",
    "https://hooks.example.com:/",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\r\nHost: evil",
    "https://hooks.example.com/\t",
    " https://hooks.example.com/",
    "https://hooks.example.com/\n",
    "https://hooks.example.com/%",
    "https://hooks.example.com/%0g",
    "https://hooks.example.com/\x00",
    "https://",
    "",
    # Other schemes.
    "http://hooks.example.com/",
    "HTTPS://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "ftp://hooks.example.com/",
    "//hooks.example.com/",
    # Ports.
    "https://hooks.example.com:0/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:25/",
    "https://hooks.example.com:80/",
    "https://hooks.example.com:6000/",
    "https://hooks.example.com:6667/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:-1/",
    "https://hooks.example.com:443:443/",
    "https://hooks.example.com:٤٤٣/",
    "https://hooks.example.com/" + "a" * 2_048,
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_has_more_than_one_reading_or_leads_inside_is_refused(url):
    with pytest.raises(EndpointRefusedError):
        check_url(url, PUBLIC)


GOOD_URLS = {
    "https://hooks.example.com": ("hooks.example.com", 443, "hooks.example.com", "/"),
    "https://Hooks.Example.COM/In/?A=b%20c&d=[1]": (
        "hooks.example.com",
        443,
        "hooks.example.com",
        "/In/?A=b%20c&d=[1]",
    ),
    "https://hooks.example.com?x=/y": ("hooks.example.com", 443, "hooks.example.com", "/?x=/y"),
    "https://hooks.example.com:443/": ("hooks.example.com", 443, "hooks.example.com:443", "/"),
    "https://hooks.example.com:8443/": ("hooks.example.com", 8443, "hooks.example.com:8443", "/"),
    "https://xn--exmple-cua.com/": ("xn--exmple-cua.com", 443, "xn--exmple-cua.com", "/"),
    "https://8.8.8.8/": ("8.8.8.8", 443, "8.8.8.8", "/"),
    "https://[2001:4860:4860::8888]:8443/": ("2001:4860:4860::8888", 8443, "[2001:4860:4860::8888]:8443", "/"),
}


@pytest.mark.parametrize(("url", "parts"), GOOD_URLS.items())
def test_a_plain_url_passes_and_is_read_as_it_stands(url, parts):
    check_url(url, PUBLIC)
    destination = read_url(url, PUBLIC)
    authority = parts[2].removesuffix(":443")
    assert (destination.host, destination.port, destination.authority, destination.target) == (
        *parts[:2],
        authority,
        parts[3],
    )


def test_local_rules_let_loopback_through_and_nothing_else_that_is_inside():
    for url in ("http://127.0.0.1:8080/x", "http://localhost/", "https://[::1]:1/", "http://hooks.example.com/"):
        check_url(url, LOCAL, resolve=lambda host, port: ["127.0.0.1"])
    for url in (
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://0x7f.1/",
    ):
        with pytest.raises(EndpointRefusedError):
            check_url(url, LOCAL)


@pytest.mark.parametrize("local", [True, False])
def test_the_lambda_runtime_s_api_is_refused_whatever_its_address(local):
    rules = EndpointRules(local=local, runtime="127.0.0.1:9001")
    with pytest.raises(EndpointRefusedError, match="Lambda runtime"):
        check_url("https://hooks.example.com:9001/", rules, resolve=lambda host, port: ["127.0.0.1"])
    public = EndpointRules(local=local, runtime="8.8.8.8:9001")
    with pytest.raises(EndpointRefusedError, match="Lambda runtime"):
        check_url("https://8.8.8.8:9001/2018-06-01/runtime/invocation/next", public)
    check_url("https://8.8.8.8:9002/", public)


def test_rules_are_asked_for_by_name(monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    assert EndpointRules.named("public-https") == EndpointRules(runtime="127.0.0.1:9001")
    assert EndpointRules.named("local").local
    with pytest.raises(ValueError, match="ENDPOINT_RULES is 'off'"):
        EndpointRules.named("off")


def test_a_name_without_addresses_for_the_moment_can_be_registered():
    def nothing(host, port):
        raise OSError("no such name")

    check_url("https://hooks.example.com/", PUBLIC, resolve=nothing)
    with pytest.raises(EndpointRefusedError, match="none"):
        check_url("https://hooks.example.com/", PUBLIC, resolve=lambda host, port: [])


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://hooks.example.com/", "https://127.0.0.1"]))
def test_whatever_the_text_it_is_read_or_refused_and_never_with_a_line_break(text, prefix):
    try:
        destination = read_url(prefix + text, PUBLIC)
    except EndpointRefusedError:
        return
    assert destination.secure
    assert destination.target.startswith("/")
    for part in (destination.target, destination.authority):
        assert part.isascii()
        assert part.isprintable()
        assert " " not in part


REFUSING = EndpointRules(refused_hosts=("api1234567.execute-api.*", "hooks.example.com", "*.corp.example"))


@pytest.mark.parametrize(
    "url",
    [
        "https://api1234567.execute-api.eu-central-1.amazonaws.com/live/v1/events",
        "https://API1234567.Execute-API.eu-central-1.AmazonAWS.com/live/v1/events",
        "https://api1234567.execute-api.eu-central-1.amazonaws.com:443/",
        "https://api1234567.execute-api.cn-north-1.amazonaws.com.cn:8443",
        "https://hooks.example.com/v1/events?x=/receiver/acme/ep_1",
        "https://HOOKS.example.com:443",
        "https://deep.in.corp.example/x",
        "https://hooks.example.com/v1/events/../receiver/acme/ep_1",
        "https://hooks.example.com/live/receiver/acme/ep_1/../../v1/events",
        "https://hooks.example.com/receiver/acme/ep_1%2f..%2fv1%2fevents",
        # Refused in any case, since a host has one spelling here.
        "https://hooks.example.com./v1/events",
        "https://hooks\u3002example.com/v1/events",
    ],
)
def test_the_services_own_hosts_are_refused_however_they_are_spelled(url):
    with pytest.raises(EndpointRefusedError):
        read_url(url, REFUSING)


@pytest.mark.parametrize(
    "url",
    [
        # Other APIs of API Gateway are customers' own.
        "https://api7654321.execute-api.eu-central-1.amazonaws.com/live/v1/events",
        "https://hooks.example.com.example.net/",
        "https://corp.example/",
        # The receiver answers and makes nothing of a delivery.
        "https://api1234567.execute-api.eu-central-1.amazonaws.com/live/receiver/acme/ep_01ARZ3NDEKTSV4RRFFQ69G5FAV?fail=30",
        "https://hooks.example.com/receiver/acme/ep_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ],
)
def test_other_hosts_and_the_receiver_are_endpoints(url):
    assert read_url(url, REFUSING).host


def test_hosts_that_are_refused_come_from_the_environment_in_one_text():
    assert EndpointRules.named("public-https", "a.example,*.b.example").refused_hosts == ("a.example", "*.b.example")
    assert EndpointRules.named("public-https").refused_hosts == ()
