"""A real directory (OpenLDAP's slapd) in a process of its own, on ports of its own, with a few people in it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.contracts.checkers import PASSWORD
from tests.support.authority import Authority

SLAPD = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/libexec")
BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"

slapd_is_here = pytest.mark.skipif(SLAPD is None, reason="no slapd on this machine")

_CONFIG = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/nis.schema
{modules}
pidfile {folder}/pid
TLSCertificateFile {folder}/ldap.pem
TLSCertificateKeyFile {folder}/ldap.pem
database mdb
maxsize 10485760
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw admin-secret
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=service,dc=example,dc=org" read by self read by * none
"""

_ENTRIES = """
dn: dc=example,dc=org
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: cn=service,dc=example,dc=org
objectClass: simpleSecurityObject
objectClass: organizationalRole
cn: service
userPassword: service-secret

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: uid=alice,ou=people,dc=example,dc=org
objectClass: account
objectClass: posixAccount
uid: alice
cn: Alice
uidNumber: 2001
gidNumber: 2001
homeDirectory: /srv/homes/alice
description: 5 MiB
userPassword:: {password}

dn: uid=system,ou=people,dc=example,dc=org
objectClass: account
objectClass: posixAccount
uid: system
cn: System
uidNumber: 7
gidNumber: 7
homeDirectory: nowhere
userPassword: secret

dn: uid=odd\\2C\\28*\\29,ou=people,dc=example,dc=org
objectClass: account
objectClass: posixAccount
uid: odd,(*)
cn: Odd
uidNumber: 2002
gidNumber: 2002
homeDirectory: /srv/homes/odd
userPassword: secret

dn: cn=staff,ou=groups,dc=example,dc=org
objectClass: posixGroup
cn: staff
gidNumber: 3001
memberUid: alice

dn: cn=editors,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: editors
member: uid=alice,ou=people,dc=example,dc=org
"""


@dataclass
class Directory:
    """Where it is.

    Attributes:
        folder: Holds ``ca.pem``, and ``service.txt`` with the password of the account that searches.
        port: Of ldap://; TLS can be put on.
        tls_port: Of ldaps://.
        process: The server.
    """

    folder: Path
    port: int
    tls_port: int
    process: subprocess.Popen

    @property
    def uri(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_uri(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"


@contextmanager
def running_directory(folder: Path) -> Iterator[Directory]:
    """Run a directory; its certificate is good for 127.0.0.1."""
    schema = next(each for each in (Path("/etc/ldap/schema"), Path("/etc/openldap/schema")) if each.is_dir())
    module = next((each for each in Path("/usr/lib").glob("**/ldap/back_mdb.so")), None) or next(
        iter(Path("/usr/lib").glob("ldap/back_mdb*")), None
    )
    modules = f"modulepath {module.parent}\nmoduleload back_mdb" if module else ""
    (folder / "data").mkdir(parents=True)
    authority = Authority("Directory")
    authority.write(folder, "ca")
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    authority.issue("ldap", address, usage=(ExtendedKeyUsageOID.SERVER_AUTH,)).write(folder, "ldap")
    (folder / "service.txt").write_text("service-secret\n")
    (folder / "service.txt").chmod(0o600)
    (folder / "slapd.conf").write_text(_CONFIG.format(schema=schema, modules=modules, folder=folder))
    (folder / "entries.ldif").write_text(_ENTRIES.format(password=b64encode(PASSWORD.encode()).decode()))
    config = ["-f", str(folder / "slapd.conf")]
    subprocess.run(
        [SLAPD, "-T", "add", *config, "-l", str(folder / "entries.ldif")], check=True, capture_output=True, timeout=30
    )
    ports = _free_port(), _free_port()
    listeners = f"ldap://127.0.0.1:{ports[0]} ldaps://127.0.0.1:{ports[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SLAPD, "-d", "0", *config, "-h", listeners], stdout=log, stderr=log)
        try:
            _wait_for(ports[1], process)
            yield Directory(folder, *ports, process)
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen) -> None:
    for _ in range(600):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError("slapd has ended")
    raise AssertionError("slapd does not listen")
