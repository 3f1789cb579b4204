"""The ``ftpstwist`` command line: help at once, versions, and errors without tracebacks."""

import subprocess
import sys
from importlib.metadata import version
from io import BytesIO, TextIOWrapper

import pytest

from ftpstwist import __version__
from ftpstwist.cli import check as check_module
from ftpstwist.cli.main import COMMANDS, main


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "ftpstwist.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_help_names_every_command(capsys):
    """Whoever knows only the name of the program finds the rest."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for name, words in COMMANDS.items():
        assert f"    {name}" in shown
        assert words in shown


@pytest.mark.parametrize("name", ["check", "client-settings", "doctor", "user"])
def test_every_command_has_help_of_its_own(name, capsys):
    """The options of a command are told by the command."""
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: ftpstwist {name}" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    """Help comes at once: neither Twisted nor OpenSSL are loaded for it."""
    script = (
        "import sys\nfrom ftpstwist.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print('loaded', sorted({'twisted', 'OpenSSL', 'cryptography', 'cattrs', 'argon2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("loaded []\n")


@pytest.mark.parametrize("arguments", [[], ["checq"], ["check"], ["user"], ["check", "--confg", "x"], ["version", "x"]])
def test_a_wrong_command_line_gets_two_and_the_usage(arguments, capsys):
    """The status tells a wrong command from a failed one."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: ftpstwist" in capsys.readouterr().err


def test_versions_are_told_for_bug_reports(capsys):
    """One command prints what every report has to begin with."""
    assert main(["version"]) == 0
    shown = capsys.readouterr().out
    assert f"ftpstwist {__version__}\n" in shown
    assert f"twisted {version('twisted')}\n" in shown
    assert f"pyopenssl {version('pyopenssl')}\n" in shown
    assert "\nOpenSSL " in shown
    assert "\nPython 3." in shown


def test_the_program_runs_as_a_process():
    """The exit status reaches the shell, and nothing but the usage is said."""
    done = run("checq")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def fail_with(error):
    def run_command(args):
        raise error

    return run_command


def test_errors_of_the_system_are_told_without_a_traceback(monkeypatch, capsys):
    """A full disk or a broken mount is one line, not thirty."""
    monkeypatch.setattr(check_module, "run", fail_with(OSError(5, "Input/output error", "/mnt/ftps.toml")))
    assert main(["check", "--config", "x"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "ftpstwist check: [Errno 5] Input/output error: '/mnt/ftps.toml'\n"


def test_an_interrupt_ends_quietly(monkeypatch, capsys):
    """Ctrl-C is no error of the program."""
    monkeypatch.setattr(check_module, "run", fail_with(KeyboardInterrupt()))
    assert main(["check", "--config", "x"]) == 130
    assert capsys.readouterr().err == ""


def test_names_the_terminal_can_not_show_are_escaped(monkeypatch, tmp_path):
    """A path that is no UTF-8 does not break the report about it."""
    octets = BytesIO()
    with TextIOWrapper(octets, encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["check", "--config", str(tmp_path / "sp\udce9.toml")]) == 1
        stream.flush()
        assert b"sp\\udce9.toml: 1 error" in octets.getvalue()
