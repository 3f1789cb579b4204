"""Sources of accounts as the configuration has them: how many threads they need, and what is missing for them."""

from __future__ import annotations

import sys

import pytest
from twisted.internet.task import Clock

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.load import parse
from ftpstwist.services.sources import build_sources, threads_for_sources
from tests.auth.neighbours import HereThreads


def settings(text):
    draft = parse(text, "ftps.toml")
    assert draft.complaints == ()
    return draft.settings


def build(text):
    return build_sources(
        settings(text), clock=Clock(), threads=HereThreads(), password_threads=HereThreads(), now=lambda: 0.0
    )


@pytest.mark.parametrize(
    ("sources", "threads"),
    [([], 1), (["users"], 1), (["pam"], 3), (["ldap", "sql"], 12), (["users", "pam", "ldap", "sql"], 15)],
)
def test_every_question_that_may_be_asked_has_a_thread(sources, threads):
    """A source that hangs takes its own threads, and never those of another."""
    text = f"[accounts]\nsources = {sources}\n[accounts.pam]\nat_once = 3\n[accounts.ldap]\nat_once = 5\n[accounts.sql]\nat_once = 7\n"
    assert threads_for_sources(settings(text)) == threads


@pytest.mark.parametrize(
    ("source", "module", "remedy"),
    [
        ("pam", "ftpstwist.auth.pam", r"ftpstwist\[pam\]"),
        ("ldap", "ftpstwist.auth.ldap", r"ftpstwist\[ldap\]"),
        ("sql", "sqlite3", "Install sqlite3"),
    ],
)
def test_a_missing_package_is_told(monkeypatch, source, module, remedy):
    """By what brings it, also to those who start the server without a check."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=remedy):
        build(f'[accounts]\nsources = ["{source}"]\n')


def test_only_sources_in_use_are_built():
    """Nobody needs packages for what nobody asks."""
    assert build("").checkers == {}
    assert len(build('[accounts]\nsources = ["users", "sql", "password_file"]\n').checkers) == 2
