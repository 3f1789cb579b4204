"""The address in 227: the right one for each client, also behind address translation (B9)."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from ftpstwist.dtp.advertised import AddressRule, AdvertisedAddresses, look_up_ipv4
from ftpstwist.interfaces import ErrorKind, FtpError

from .dtp_support import started


class AtOnce:
    """``WorkerThreads`` without threads: looking up is part of the test."""

    async def run(self, function, *args):
        return function(*args)


class Advertised(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.answers: list[str | OSError] = []
        self.asked: list[str] = []

    def look_up(self, name: str) -> str:
        self.asked.append(name)
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def addresses(self, *rules: AddressRule) -> AdvertisedAddresses:
        return AdvertisedAddresses(rules, threads=AtOnce(), clock=self.clock, refresh_seconds=60, look_up=self.look_up)

    def ask(self, addresses: AdvertisedAddresses, peer="192.0.2.9", host="192.0.2.1", *, tls=False) -> str:
        return self.successResultOf(started(addresses.for_client(peer, host, under_tls=tls)))

    def refusal(self, addresses: AdvertisedAddresses, peer="192.0.2.9") -> FtpError:
        return self.failureResultOf(started(addresses.for_client(peer, "192.0.2.1", under_tls=False)), FtpError).value

    def test_own_address(self) -> None:
        """Without any setting it is the address the client knows already."""
        assert self.ask(self.addresses()) == "192.0.2.1"

    def test_by_network(self) -> None:
        """Clients inside get the inner address, all others the public one."""
        addresses = self.addresses(AddressRule("", ip_network("10.0.0.0/8")), AddressRule("198.51.100.7"))
        assert self.ask(addresses, peer="10.1.1.1", host="10.0.0.1") == "10.0.0.1"
        assert self.ask(addresses) == "198.51.100.7"

    def test_under_tls(self) -> None:
        """A router that changes replies in clear by itself needs the true address only where it can not read."""
        inner = AddressRule("", ip_network("10.0.0.0/8"))
        addresses = self.addresses(inner, AddressRule("198.51.100.7", under_tls=True), AddressRule(""))
        assert self.ask(addresses) == "192.0.2.1"
        assert self.ask(addresses, tls=True) == "198.51.100.7"
        assert self.ask(addresses, peer="10.1.1.1", host="10.0.0.1", tls=True) == "10.0.0.1"

    def test_name_is_looked_up_again(self) -> None:
        """A dynamic address is right again a minute after it changed, and is not looked up for each PASV."""
        addresses = self.addresses(AddressRule("ftp.example.org"))
        self.answers = ["198.51.100.7", "198.51.100.8"]
        assert [self.ask(addresses), self.ask(addresses)] == ["198.51.100.7"] * 2
        self.clock.advance(61)
        assert self.ask(addresses) == "198.51.100.8"
        assert self.asked == ["ftp.example.org"] * 2

    def test_name_server_fails(self) -> None:
        """The last answer is used on while the name server is away."""
        addresses = self.addresses(AddressRule("ftp.example.org"))
        self.answers = ["198.51.100.7", OSError("no answer")]
        self.ask(addresses)
        self.clock.advance(61)
        assert self.ask(addresses) == "198.51.100.7"

    def test_name_without_address(self) -> None:
        """With no answer at all PASV is refused, and works as soon as there is one."""
        addresses = self.addresses(AddressRule("ftp.example.org"))
        self.answers = [OSError("unknown name"), "198.51.100.7"]
        assert self.refusal(addresses).kind is ErrorKind.NO_DATA_PORT
        assert self.ask(addresses) == "198.51.100.7"

    def test_ipv6_client(self) -> None:
        """PASV can not name an IPv6 address: the client is told to use EPSV."""
        error = self.refusal(self.addresses(AddressRule("198.51.100.7")), peer="2001:db8::1")
        assert error.kind is ErrorKind.NO_DATA_PORT
        assert "EPSV" in error.hint

    def test_system_resolver(self) -> None:
        """The default look-up answers in IPv4."""
        assert look_up_ipv4("127.0.0.1") == "127.0.0.1"
