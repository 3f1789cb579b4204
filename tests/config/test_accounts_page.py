"""The page about accounts: what it shows can be copied."""

from __future__ import annotations

import re

import pytest

from ftpstwist.config.load import parse
from tests.support.server import ROOT

PAGE = (ROOT / "docs/accounts.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[1])
def test_examples_can_be_copied(example):
    """Every table is read without a complaint, and every source that is used has its settings."""
    draft = parse(example, "ftps.toml")
    assert draft.complaints == ()
    accounts = draft.settings.accounts
    assert {source.value for source in accounts.sources} <= {"users", "pam", "ldap", "sql", "password_file"}


def test_every_source_has_an_example():
    """Nobody has to guess how a kind of account is set up."""
    for table in ("pam", "ldap", "sql", "password_file"):
        assert any(f"[accounts.{table}]" in example for example in EXAMPLES)
