"""Network settings against the machine and the world, with the exact words about them."""

import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from ftpstwist.config.load import parse
from ftpstwist.config.rule import can_listen_on, look_up, lowest_port, survey
from ftpstwist.config.summary import summarise
from tests.config.config_support import NOW, about, judge, needs_root

PRIVILEGE = (
    'Start the server as root with "twistd --uid … --gid …", give it CAP_NET_BIND_SERVICE, '
    "hand the socket over by systemd, or use a port above 1023."
)


def test_addresses_of_other_machines_are_refused():
    """A typing error in an interface is told at once, not as a traceback of bind."""
    findings = judge(
        '[server]\nimplicit = ["tcp:990:interface=192.0.2.9"]\n[passive]\ninterfaces = ["127.0.0.1", "192.0.2.9"]',
        has_address=lambda address: address != ip_address("192.0.2.9"),
    )
    assert [str(each) for each in findings.errors] == [
        (
            "ftps.toml:2: server.implicit[0]: this machine has no address 192.0.2.9. "
            "Name an address of this machine, or leave the interface out."
        ),
        (
            "ftps.toml:4: passive.interfaces[1]: this machine has no address 192.0.2.9. "
            "Name an address of this machine, or leave the list empty; "
            "the address that clients see behind a router belongs into address."
        ),
    ]


def test_low_ports_without_privilege_are_warned_about():
    """Whoever tries as an ordinary user reads the four ways to get ports 21 and 990."""
    findings = judge('[passive]\nports = "800-900"', lowest_port=1024)
    assert about(findings, "server", "passive.ports")[:3] == [
        f"ftps.toml: server.explicit[0]: port 21 needs a privilege that this process does not have. {PRIVILEGE}",
        f"ftps.toml: server.implicit[0]: port 990 needs a privilege that this process does not have. {PRIVILEGE}",
        f"ftps.toml:2: passive.ports: port 800 needs a privilege that this process does not have. {PRIVILEGE}",
    ]
    assert about(judge("", lowest_port=21), "server.explicit") == []
    assert len(about(judge("", lowest_port=22), "server.explicit")) == 1


def test_source_ports_that_need_root_for_every_transfer_are_warned_about():
    """Port 20 works in the trial as root, and fails when privileges are dropped: better told before."""
    (said,) = about(judge("[active]\nsource_ports = 20"), "active")
    assert said.startswith("ftps.toml:2: active.source_ports: port 20 is bound for every transfer, and a server that")
    assert about(judge("[active]\nenabled = false\nsource_ports = 20"), "active") == []
    assert about(judge("[active]\nsource_ports = 1024"), "active") == []


def test_few_passive_ports_are_warned_about():
    """A range that is smaller than what one busy address may need is seen before users see 425."""
    (said,) = about(judge('[passive]\nports = "50000-50048"'), "passive.ports")
    assert said == (
        "ftps.toml:2: passive.ports: 49 ports are fewer than the 50 sessions that one address may have; "
        "transfers that begin at the same time take turns. "
        "Take at least 50 ports, or lower sessions_per_address in [limits]."
    )
    assert about(judge('[passive]\nports = "50000-50049"'), "passive.ports") == []
    (said,) = about(judge("[passive]\nports = 0"), "passive.ports")
    assert "the system chooses another port at every start" in said


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
def test_addresses_nobody_can_connect_to_are_refused(address):
    """A wildcard is for listening, not for telling clients."""
    findings = judge(f'[passive]\naddress = "{address}"')
    assert [str(each) for each in findings.errors] == [
        f'ftps.toml:2: passive.address: no client can connect to {address}. Give an address, or "auto".'
    ]


def test_a_private_address_to_advertise_is_warned_about():
    """The commonest fault behind a router: clients on the internet are told 10.x."""
    (said,) = about(judge('[passive]\naddress = "10.0.0.5"'), "passive.address")
    assert said == (
        "ftps.toml:2: passive.address: 10.0.0.5 is not an address of the internet, so clients from there can not "
        "use PASV. If there are such clients, give the public address here, and this one in [passive.addresses] "
        "for the networks near by."
    )
    near_by = judge('[passive]\naddress = "1.1.1.1"\n[passive.addresses]\n"10.0.0.0/8" = "10.0.0.5"')
    assert about(near_by, "passive.address") == []


def test_names_that_do_not_resolve_are_warned_about():
    """A name that is wrong, or a resolver that is down, does not keep the server from starting."""
    text = '[passive]\naddress = "ftp.example.org"\n[passive.addresses]\n"10.0.0.0/8" = "inner.example.org"'
    assert about(judge(text), "passive.address") == [
        (
            "ftps.toml:2: passive.address: the name ftp.example.org has no IPv4 address at the moment "
            "(Name or service not known). Correct the name, or see to it that this machine can look it up; "
            "PASV is refused until then."
        ),
        (
            'ftps.toml:4: passive.addresses."10.0.0.0/8": the name inner.example.org has no IPv4 address at the moment '
            "(Name or service not known). Correct the name, or see to it that this machine can look it up; "
            "PASV is refused until then."
        ),
    ]
    assert about(judge(text, resolve=lambda _: ["203.0.113.5"]), "passive.address") == []


def test_an_impatient_idle_timeout_is_warned_about():
    """RFC 1123 section 4.1.3.2 asks for five minutes (B35)."""
    assert len(about(judge('[server]\nidle_timeout = "299s"'), "server.idle")) == 1
    assert about(judge('[server]\nidle_timeout = "5m"'), "server.idle") == []


def test_the_longest_prefix_decides_what_is_advertised():
    """A rule for one office is not swallowed by the one for the whole company."""
    text = '[passive.addresses]\n"10.0.0.0/8" = "a.example"\n"10.1.0.0/16" = "b.example"\n"2001:db8::/32" = "auto"'
    rules = parse(text, "f").settings.passive.rules
    assert [(str(rule.network), rule.address) for rule in rules] == [
        ("2001:db8::/32", "auto"),
        ("10.1.0.0/16", "b.example"),
        ("10.0.0.0/8", "a.example"),
        ("None", "auto"),
    ]


def test_an_address_under_tls_is_judged_like_the_other():
    """Nobody can connect to no address; one of a private network is worth a word."""
    text = '[passive]\naddress_under_tls = "{}"'
    assert "no client can connect" in "".join(about(judge(text.format("0.0.0.0")), "passive.address_under_tls"))
    assert "not an address of the internet" in "".join(about(judge(text.format("10.0.0.1")), "passive.address_under"))
    assert about(judge(text.format("8.8.8.8")), "passive.address_under_tls") == []
    lines = "\n".join(
        line for part in summarise(parse(text.format("8.8.8.8"), "f").settings, ()) for line in part.lines
    )
    assert "PASV tells all other clients under TLS 8.8.8.8" in lines


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", ["0.0.0.0"]),
        ('[server]\nexplicit = ["tcp6:21"]\nimplicit = []', ["0.0.0.0", "::"]),
        ('[server]\nexplicit = ["systemd:domain=INET:index=0"]', ["0.0.0.0", "::"]),
        (
            "[server]\nexplicit = [\"tcp:21:interface=127.0.0.1\"]\nimplicit = ['tcp6:990:interface=\\:\\:1']",
            ["127.0.0.1", "::1"],
        ),
        ('[passive]\ninterfaces = ["127.0.0.2"]', ["127.0.0.2"]),
    ],
)
def test_passive_ports_listen_where_control_connections_come_in(text, addresses):
    """A server on loopback opens no data ports to the world."""
    assert [str(each) for each in parse(text, "f").settings.passive_addresses] == addresses


def test_this_machine_is_asked_truthfully():
    """What the rules are told about the machine is so."""
    assert can_listen_on(ip_address("127.0.0.1"))
    assert not can_listen_on(ip_address("192.0.2.1"))
    assert not can_listen_on(ip_address("2001:db8::1"))
    assert look_up("127.0.0.1")[0] == "127.0.0.1"
    with pytest.raises(OSError):
        look_up("256.256.256.256")
    assert survey(NOW).now == NOW


@needs_root
def test_root_may_bind_low_ports_and_others_may_not():
    """The warning about ports depends on who runs the check, as the ports do."""
    assert lowest_port() == 1
    script = "from ftpstwist.config.rule import lowest_port; import os; os.setuid(65534); print(lowest_port())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) == int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())


def test_load_balancers_are_named_one_by_one():
    """Who believes everybody can be told any address."""
    findings = judge('[server]\nproxies = ["10.0.0.1/32", "::/0"]\n[active]\nenabled = false')
    assert [str(each) for each in findings.errors] == [
        (
            "ftps.toml:2: server.proxies[1]: ::/0 is everybody, and whoever is believed can take any address. "
            "Write the addresses of the load balancers."
        )
    ]


def test_active_mode_does_not_go_through_load_balancers():
    """Nobody searches for the reason of 425 there."""
    assert any("PORT and EPRT fail" in line for line in about(judge('[server]\nproxies = ["10.0.0.1/32"]'), "active"))
    assert about(judge('[server]\nproxies = ["10.0.0.1/32"]\n[active]\nenabled = false'), "active") == []


def test_every_worker_needs_a_passive_port():
    """At the number of ports it is well, one beyond it the server would have a process that serves nobody."""
    assert about(judge('[server]\nworkers = 4\n[passive]\nports = "50000-50003"'), "server.workers") == []
    assert about(judge("[server]\nworkers = 4\n[passive]\nports = 0"), "server.workers") == []
    assert about(judge('[server]\nworkers = 5\n[passive]\nports = "50000-50003"'), "server.workers") == [
        (
            "ftps.toml:2: server.workers: 5 processes can not have a passive port each, for there are 4. "
            "Take at least 5 ports in [passive], or fewer workers."
        )
    ]
