"""Loading as a whole: everything wrong at once, nothing twice, and where paths start."""

import subprocess
import sys
from pathlib import Path

import pytest

from ftpstwist.config.complaint import Complaint, ConfigurationError, Origin, Severity, in_order
from ftpstwist.config.load import MAX_FILE_OCTETS, Draft, load, override, parse
from ftpstwist.config.schema import Settings
from tests.config.config_support import NOBODY, needs_root, open_folder

MANY_MISTAKES = """\
banner = "lost"
[server]
explixit = ["tcp:21"]
idle_timeout = "soon"
implicit = ["tcp:990", "unix:/x", 990]
[tls]
profile = "medium"
[[tls.certificates]]
certificate = 3
[passive]
ports = "9-1"
address = "192.0.2.7"
[passive.addresses]
"10.0.0.1/8" = "auto"
"192.0.2.0/24" = "192.0.2.8"
[storage]
file_mode = 644
"""


def complaint_of(call, *args):
    with pytest.raises(ConfigurationError) as caught:
        call(*args)
    assert len(caught.value.complaints) == 1
    return caught.value.complaints[0]


def test_all_mistakes_are_told_at_once_and_each_once():
    """One run shows the whole list: nobody starts the server ten times to learn of ten mistakes."""
    draft = parse(MANY_MISTAKES, "ftps.toml")
    assert [(each.line, each.key) for each in in_order(draft.complaints)] == [
        (1, "banner"),
        (3, "server.explixit"),
        (4, "server.idle_timeout"),
        (5, "server.implicit[1]"),
        (5, "server.implicit[2]"),
        (7, "tls.profile"),
        (9, "tls.certificates[0].certificate"),
        (11, "passive.ports"),
        (14, 'passive.addresses."10.0.0.1/8"'),
        (17, "storage.file_mode"),
    ]
    assert len(set(map(str, draft.complaints))) == len(draft.complaints)


def test_what_can_be_read_is_read_beside_mistakes():
    """The rest of the file is judged in the same run, so its own faults come up at once, too."""
    draft = parse(MANY_MISTAKES, "ftps.toml")
    assert draft.settings.passive.address == "192.0.2.7"
    assert list(map(str, draft.settings.passive.addresses)) == ["192.0.2.0/24"]
    assert draft.settings.passive.ports == Settings().passive.ports
    assert "passive.ports" in draft.unusable


def test_an_empty_file_means_the_defaults():
    """A file holds only what differs."""
    assert override(parse("", "ftps.toml")).settings.limits == Settings().limits


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path, monkeypatch):
    """The server can be started from anywhere."""
    monkeypatch.chdir("/")
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "ftps.toml"
    file.write_text(
        '[accounts]\nusers = "users/list.toml"\nroot = "/srv/ftp"\n[log]\ncommand_log = "../commands.log"\n'
        '[[tls.certificates]]\ncertificate = "a.pem"\nkey = "b.pem"\npassphrase_file = "c"\n'
        '[accounts.anonymous]\nroot = "public"\n'
    )
    settings = load(file).settings
    assert settings.accounts.users == tmp_path / "etc/users/list.toml"
    assert settings.accounts.root == Path("/srv/ftp")
    assert settings.accounts.anonymous.root == tmp_path / "etc/public"
    assert settings.server.state_directory == tmp_path / "etc/ftps-state"
    assert settings.log.command_log == tmp_path / "etc/../commands.log"
    assert settings.log.transfer_log is None
    assert settings.tls.certificates[0].certificate == tmp_path / "etc/a.pem"
    assert settings.tls.certificates[0].key == tmp_path / "etc/b.pem"
    assert settings.tls.certificates[0].passphrase_file == tmp_path / "etc/c"


@pytest.mark.parametrize(
    ("text", "line", "column", "cause", "remedy"),
    [
        ("[server\n", 1, 8, "Expected ']' at the end of a table declaration", "Correct the line"),
        ("[server]\nbanner = Hello\n", 2, 10, "Invalid value", "Correct the line"),
        ('[server]\nexplicit = ["tcp6:21:interface=\\:\\:1"]', 2, None, "Unescaped '\\' in a string", "single quotes"),
        ("[tls]\n[tls]\n", 2, None, "Cannot declare ('tls',) twice", "each setting and each table once"),
        ('[tls]\nprofile="modern"\nprofile="modern"\n', 3, None, "Cannot overwrite a value", "each setting"),
    ],
)
def test_errors_of_toml_are_told_with_line_and_column(text, line, column, cause, remedy):
    """Whoever forgot a quote is led to the place."""
    complaint = complaint_of(parse, text, "ftps.toml")
    assert complaint.line == line
    assert complaint.column is not None
    assert column in {None, complaint.column}
    assert complaint.cause == f"this is not TOML: {cause}"
    assert remedy in complaint.remedy
    assert str(complaint).startswith(f"ftps.toml:{line}:{complaint.column}: this is not TOML")


def test_a_file_that_ends_too_early_is_told_so():
    """An unfinished text at the end of the file is no crash."""
    complaint = complaint_of(parse, '[server]\nbanner = """x', "ftps.toml")
    assert complaint.cause.startswith("this is not TOML: ")


def test_files_that_can_not_be_read_are_told_why(tmp_path):
    """Missing, a folder, too large, not UTF-8: four different remedies."""
    missing = complaint_of(load, tmp_path / "none.toml")
    assert str(missing) == (
        f"{tmp_path}/none.toml: there is no such file. Give --config the path of the configuration file."
    )
    assert "Is a directory" in complaint_of(load, tmp_path).cause
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * MAX_FILE_OCTETS)
    assert load(large).complaints == ()
    large.write_bytes(b"#" * (MAX_FILE_OCTETS + 1))
    assert "larger than 1048576 octets" in complaint_of(load, large).cause
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[server]\nbanner = "Gr\xfc\xdfe"\n')
    assert str(complaint_of(load, latin)) == (
        f"{latin}:2: this line is not UTF-8, which TOML has to be. Save the file as UTF-8."
    )


@needs_root
def test_a_file_without_permission_is_told_so():
    """The service account that may not read the file is told that, and nothing else."""
    with open_folder() as folder:
        file = folder / "ftps.toml"
        file.write_text("")
        file.chmod(0o600)
        script = (
            "import os, sys\n"
            "from ftpstwist.config.load import load\n"
            "from ftpstwist.config.complaint import ConfigurationError\n"
            f"os.setuid({NOBODY})\n"
            f"try: load({str(file)!r})\n"
            "except ConfigurationError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.strip() == (
            f"error: {file}: it can not be read: Permission denied. Make it a file that the server may read."
        )


def test_a_byte_order_mark_does_no_harm(tmp_path):
    """Editors on Windows put one in front."""
    file = tmp_path / "ftps.toml"
    file.write_bytes(b'\xef\xbb\xbf[server]\nbanner = "Hi"\n')
    assert load(file).settings.server.banner == "Hi"


def test_options_take_the_place_of_settings(monkeypatch, tmp_path):
    """A trial on other ports needs no other file."""
    monkeypatch.chdir(tmp_path)
    draft = override(Draft(Settings()), explicit=["tcp:2121"], implicit=[], root="files")
    assert [str(each) for each in draft.settings.server.explicit] == ["tcp:2121"]
    assert draft.settings.server.implicit == ()
    assert draft.settings.accounts.root == tmp_path / "files"
    assert draft.complaints == ()


def test_bad_options_are_complained_about_beside_the_file():
    """File and command line are judged in one go, and the option is named as the place."""
    draft = parse('[server]\nexplicit = ["x"]\nimplicit = ["y"]\n', "ftps.toml")
    draft = override(draft, explicit=["tcp:21", "foo:1"], implicit=["tcp:990"])
    assert [each.place for each in draft.complaints] == [
        "ftps.toml:2: server.explicit[0]",
        "ftps.toml:3: server.implicit[0]",
        "command line: --listen",
    ]
    assert draft.unusable == {"server.explicit"}


def test_complaints_come_errors_first_then_by_line_and_never_twice():
    """What keeps the server from starting is read first."""
    origin = Origin("f", {"a": 9, "b": 2})
    warning, late, early = origin.warn("b", "w", "r"), origin.complain("a", "e", "r"), origin.complain("b", "e", "r")
    assert in_order([warning, late, early, late]) == (early, late, warning)
    assert warning.severity is Severity.WARNING


def test_a_key_that_is_not_written_gets_the_line_of_its_table():
    """A default that does not fit is shown where it would have to be written."""
    origin = Origin("f", {"tls": 3, "tls.certificates[1]": 8})
    assert origin.line_of("tls.profile") == 3
    assert origin.line_of("tls.certificates[1].key") == 8
    assert origin.line_of("tls.certificates[0].key") == 3
    assert origin.line_of("log.json_log") is None
    assert str(Complaint("f", "", "a", "Did you mean b?")) == "f: a. Did you mean b?"


def test_passive_ports_of_the_command_line():
    """``--passive-ports`` replaces the file's range, and a bad one is complained about like any setting."""
    draft = override(parse("", "f.toml"), passive_ports="0")
    assert (draft.settings.passive.ports.first, draft.complaints) == (0, ())
    (complaint,) = override(parse("", "f.toml"), passive_ports="9-1").complaints
    assert "--passive-ports" in str(complaint)
