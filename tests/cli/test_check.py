"""``ftpstwist check`` as an operator meets it: what is printed where, and the exit status."""

from ftpstwist.cli.main import main

BAD = """\
[server]
explixit = ["tcp:21"]
idle_timeout = "soon"
[tls]
profile = "modern"
minimum = "1.2"
[log]
json_log = "/nowhere/json"
"""


def check(capsys, *arguments):
    status = main(["check", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_a_good_file_is_summed_up_and_gets_zero(capsys, tmp_path):
    """Scripts look at the status, people at the words."""
    file = tmp_path / "ftps.toml"
    file.write_text('[server]\nexplicit = ["tcp:2121:interface=127.0.0.1"]\nimplicit = []\n')
    status, out, err = check(capsys, "--config", file)
    assert status == 0
    assert "Passwords: under TLS only" in out
    assert "TCP 2121 and 50000-50099, from clients to this machine" in out
    assert out.endswith(f"{file}: no errors, 2 warnings. The server would start.\n")
    assert "error:" not in err
    assert err.count("warning:") == 2


def test_a_bad_file_gets_one_and_every_complaint_once(capsys, tmp_path):
    """Unknown key, bad value, contradiction and missing folder: one run, four errors, each with its place."""
    file = tmp_path / "ftps.toml"
    file.write_text(BAD)
    status, out, err = check(capsys, "--config", file)
    assert status == 1
    assert out == f"{file}: 4 errors, 2 warnings. The server would not start.\n"
    assert err.startswith(
        f"error: {file}:2: server.explixit\n"
        "    there is no setting explixit in [server].\n"
        "    Did you mean explicit?\n"
        "\n"
        f"error: {file}:3: server.idle_timeout\n"
        '    "soon" is not a duration.\n'
        "    Write a duration: seconds as a number, or text such as"
    )
    assert f"error: {file}:6: tls.minimum\n" in err
    assert f"error: {file}:8: log.json_log\n    there is no folder /nowhere.\n    Run: mkdir /nowhere.\n" in err
    paragraphs = err.strip().split("\n\n")
    assert len(paragraphs) == len(set(paragraphs)) == 6


def test_a_file_that_is_not_there_gets_one_without_a_traceback(capsys, tmp_path):
    """A typing error in the path is told as such."""
    status, out, err = check(capsys, "--config", tmp_path / "none.toml")
    assert status == 1
    assert err == (
        f"error: {tmp_path}/none.toml\n    there is no such file.\n"
        "    Give --config the path of the configuration file.\n\n"
    )
    assert out == f"{tmp_path}/none.toml: 1 error, no warnings. The server would not start.\n"


def test_options_are_judged_with_the_file(capsys, tmp_path):
    """The check sees what the server would be started with."""
    file = tmp_path / "ftps.toml"
    file.write_text("")
    (tmp_path / "plain").write_text("")
    endpoints = ["--listen", "tcp:2121", "--listen", "tcp6:2121", "--listen-implicit", "tcp:x"]
    status, _, err = check(capsys, "--config", file, *endpoints, "--root", tmp_path / "plain")
    assert status == 1
    assert "error: command line: --listen-implicit\n" in err
    assert f"{tmp_path}/plain is not a folder" in err
    status, out, _ = check(capsys, "--config", file, "--listen", "tcp:2121", "--listen-implicit", "tcp:9990")
    assert status == 0
    assert "FTP with explicit TLS: tcp:2121" in out
    assert "FTP with implicit TLS: tcp:9990" in out


def test_nothing_is_made_or_changed(capsys, tmp_path):
    """A check is safe on the live machine: no state folder, no certificate, no home appears."""
    file = tmp_path / "ftps.toml"
    file.write_text("")
    check(capsys, "--config", file)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ftps.toml"]
