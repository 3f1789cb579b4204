"""Accounts outside of the users file, over real sessions with the real services behind the server."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import CLEAR
from tests.support.client import connected
from tests.support.pam import PamService, pam_is_here


def login(server, user, password):
    """Return the code of PASS, and that of PWD behind it."""
    with connected(server) as client:
        assert client.code(f"USER {user}") == 331
        return client.code(f"PASS {password}"), client.code("PWD")


@pytest.fixture(scope="module")
def pam(tmp_path_factory):
    """A PAM service that knows one user of the machine."""
    pytest.importorskip("pamela")
    return PamService(tmp_path_factory.mktemp("pam"), nobody="secret")


@pytest.fixture(scope="module")
def pam_server(pam, start_server):
    """A server that asks the users file, and then PAM."""
    return start_server(f"""{CLEAR}
[accounts]
sources = ["users", "pam"]
[accounts.pam]
folder = "{pam.services}"
session = true
""")


@pam_is_here
class TestPam:
    """Users of the machine, as PAM and the passwd database know them."""

    def test_the_password_of_the_machine_opens_an_account(self, pam_server, pam):
        """A user without an entry in the users file gets a home, and a PAM session."""
        assert login(pam_server, "nobody", "secret") == (230, 257)
        assert (pam_server.files.parent / "nobody").is_dir()
        assert pam.asked[:3] == [
            "auth nobody 127.0.0.1",
            "account nobody 127.0.0.1",
            "open_session nobody 127.0.0.1",
        ]

    def test_a_wrong_one_does_not(self, pam_server):
        """The reply tells nothing, the log does."""
        assert login(pam_server, "nobody", "guess") == (530, 530)
        assert "PAM: " in pam_server.log("events.json")

    def test_the_users_file_is_asked_as_well(self, pam_server):
        """Both kinds of accounts live side by side."""
        assert login(pam_server, "alice", "correct horse") == (230, 257)

    def test_root_is_no_user(self, pam_server, pam):
        """Even with the right password."""
        (pam.folder / "passwords" / "root").write_text("secret")
        assert login(pam_server, "root", "secret")[0] == 530
