"""Users file, folders and logs as the check finds them on a real disk."""

import pytest

from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.session.identity import Secret
from tests.config.config_support import about, judge, judge_as_nobody, needs_root, open_folder

HASH = Passwords(PasswordCost(memory_kib=8, iterations=1)).hash_password(Secret("x"))
USERS = f'[users.alice]\npassword = "{HASH}"\n'


@pytest.fixture
def folder(tmp_path):
    """A folder with a users file in which alice may log in."""
    (tmp_path / "users.toml").write_text(USERS)
    (tmp_path / "users.toml").chmod(0o600)
    return tmp_path


def said_about(folder, text, *keys):
    return about(judge(text, folder / "f.toml"), *keys)


def test_a_usable_users_file_is_nothing_to_talk_about(folder):
    """Silence means that alice can log in."""
    assert said_about(folder, "", "accounts") == []


def test_a_missing_users_file_is_told_with_the_command_that_makes_one(tmp_path):
    """At the very first start it is a hint; a path that somebody wrote down has to be right."""
    findings = judge("", tmp_path / "f.toml")
    assert [str(each) for each in findings.warnings if each.key == "accounts.users"] == [
        (
            f"{tmp_path}/f.toml: accounts.users: there is no users file {tmp_path}/users.toml. "
            f"Run: ftpstwist user add --users {tmp_path}/users.toml NAME."
        )
    ]
    written = judge('[accounts]\nusers = "list.toml"', tmp_path / "f.toml")
    assert [each.key for each in written.errors] == ["accounts.users"]


def test_mistakes_in_the_users_file_are_told_with_its_own_lines(folder):
    """The complaint leads into the users file, not into the configuration."""
    (folder / "users.toml").write_text(
        USERS + '[users.bob]\npasswrd = "x"\n[users.carol]\npassword = "secret"\nhome = "relative"\n'
    )
    (folder / "users.toml").chmod(0o600)
    errors = judge("", folder / "f.toml").errors
    assert [(each.file, each.line, each.key) for each in errors] == [
        (f"{folder}/users.toml", 4, "users.bob.passwrd"),
        (f"{folder}/users.toml", 6, "users.carol.password"),
        (f"{folder}/users.toml", 7, "users.carol.home"),
    ]
    assert "secret" not in "".join(map(str, errors))


def test_a_users_file_that_is_no_text_is_told_so(folder):
    """A wrong path in the setting does not end in a traceback."""
    (folder / "users.toml").write_bytes(b"\xff\xfe\x00")
    assert "it is not TOML" in judge("", folder / "f.toml").errors[0].cause


def test_a_users_file_open_to_everybody_is_told(folder):
    """Hashes are for nobody's eyes, and accounts for nobody's pen."""
    (folder / "users.toml").chmod(0o644)
    assert said_about(folder, "", "accounts.users") == [
        (
            f"{folder}/f.toml: accounts.users: everybody may read the hashes in {folder}/users.toml. "
            f"Run: chmod o-r {folder}/users.toml."
        )
    ]
    (folder / "users.toml").chmod(0o666)
    assert "everybody may write it" in judge("", folder / "f.toml").errors[0].cause


def test_a_server_nobody_can_log_in_to_is_told(folder):
    """All users disabled, and no anonymous account: the server would run in vain."""
    (folder / "users.toml").write_text(USERS + "disabled = true\n")
    (said,) = said_about(folder, "", "accounts.users")
    assert f"nobody in {folder}/users.toml may log in" in said
    (folder / "public").mkdir()
    assert said_about(folder, "[accounts.anonymous]\nenabled = true", "accounts") == []


def test_the_root_has_to_be_a_folder_or_become_one(folder):
    """Homes are made on demand only if that is wanted, and only where it can be."""
    (folder / "file").write_text("")
    assert said_about(folder, '[accounts]\nroot = "homes/of/users"', "accounts.root") == []
    assert said_about(folder, '[accounts]\nroot = "homes"\ncreate_home = false', "accounts.root") == [
        (
            f"{folder}/f.toml:2: accounts.root: there is no folder {folder}/homes. "
            f"Run: mkdir {folder}/homes; or set create_home = true."
        )
    ]
    assert said_about(folder, '[accounts]\nroot = "file"', "accounts.root") == [
        f"{folder}/f.toml:2: accounts.root: {folder}/file is not a folder. Give the path of a folder."
    ]
    assert said_about(folder, '[accounts]\nroot = "file/homes"', "accounts.root") == [
        f"{folder}/f.toml:2: accounts.root: {folder}/file is not a folder. Give the path of a folder that can be made."
    ]


def test_one_home_for_all_is_warned_about(folder):
    """Forgetting {user} gives everybody everybody's files."""
    (said,) = said_about(folder, '[accounts]\nhome = "{root}"', "accounts.home")
    assert "all users share one home" in said


def test_the_anonymous_root_has_to_be_there(folder):
    """It is never made by itself: what is public is somebody's decision."""
    assert said_about(folder, "[accounts.anonymous]\nenabled = true", "accounts.anonymous") == [
        f"{folder}/f.toml:1: accounts.anonymous.root: there is no folder {folder}/public. Run: mkdir {folder}/public."
    ]


def test_the_state_folder_belongs_to_the_server_alone(folder):
    """It holds a private key."""
    state = folder / "ftps-state"
    assert said_about(folder, "", "server.state") == []
    state.mkdir(0o700)
    assert said_about(folder, "", "server.state") == []
    state.chmod(0o750)
    (said,) = said_about(folder, "", "server.state")
    assert f"others may look into {state}. Run: chmod 700 {state}." in said
    state.chmod(0o777)
    assert "everybody may write in" in judge("", folder / "f.toml").errors[0].cause
    state.rmdir()
    state.write_text("")
    assert f"{state} is not a folder" in judge("", folder / "f.toml").errors[0].cause


def test_log_files_need_a_folder(folder):
    """A log that can not be written is told before there is something to log."""
    (folder / "logs").mkdir()
    text = '[log]\ncommand_log = "none.d/a"\ntransfer_log = "logs"\njson_log = "logs/json"\n'
    assert said_about(folder, text, "log") == [
        f"{folder}/f.toml:2: log.command_log: there is no folder {folder}/none.d. Run: mkdir {folder}/none.d.",
        f"{folder}/f.toml:3: log.transfer_log: {folder}/logs is a folder. Give the path of a file.",
    ]


@needs_root
def test_what_may_not_be_written_is_told_to_those_who_may_not():
    """Run as the service account, the check tells what the service account lacks."""
    with open_folder() as folder:
        (folder / "files").mkdir()
        (folder / "log").write_text("")
        said = judge_as_nobody('[log]\njson_log = "log"\ncommand_log = "new"\n', folder / "f.toml")
    assert any(f"whoever runs this check may not write in {folder}/files" in each for each in said)
    assert any(f"whoever runs this check may not write {folder}/log" in each for each in said)
    assert any(f"whoever runs this check may not write {folder}/new" in each for each in said)
    assert any(f"{folder}/ftps-state can not be made, for {folder} is not writable" in each for each in said)


@needs_root
def test_folders_that_may_not_be_entered_are_told_without_a_traceback():
    """The service account that is kept out somewhere up the path learns where."""
    with open_folder() as folder:
        (folder / "closed").mkdir(0o700)
        text = '[accounts]\nusers = "closed/users.toml"\nroot = "closed/files"\n[log]\njson_log = "closed/logs/json"\n'
        said = judge_as_nobody(text, folder / "f.toml")
    for line, key, name in (
        (2, "accounts.users", "users.toml"),
        (3, "accounts.root", "files"),
        (4, "log", "logs/json"),
    ):
        assert (
            f"{folder}/f.toml:{line}: {key}: {folder}/closed/{name} can not be looked at: Permission denied. "
            "Let the user in whom the server runs as."
        ) in said


@pytest.mark.parametrize(("ask", "warned"), [("off", True), ("optional", False)])
def test_certificates_that_users_need_are_asked_for(folder, ask, warned):
    """Who could never log in, or not in the way that was meant, is named with the line in the users file."""
    users = USERS + '[users.bob]\ncertificate_mode = "certificate"\n[users.carol]\ncertificates = ["sha256:'
    (folder / "users.toml").write_text(users + "ab" * 32 + '"]\ncertificate_mode = "certificate-or-password"\n')
    text = f'[tls.clients]\nask = "{ask}"\nunknown = "admit"\n'
    keys = [(each.line, each.key) for each in judge(text, folder / "f.toml").warnings if each.key.startswith("users.")]
    assert keys == ([(4, "users.bob.certificate_mode"), (6, "users.carol.certificates")] if warned else [])
