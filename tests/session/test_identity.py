"""Permissions by pathname prefix, and secrets that stay secret."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from ftpstwist.session.identity import (
    ALL_PERMISSIONS,
    NO_PERMISSIONS,
    Identity,
    PathRule,
    Permission,
    Permissions,
    Secret,
)
from ftpstwist.wire.pathname import ROOT, Pathname


def at(text):
    return Pathname.parse(text)


RULES = Permissions(
    (
        PathRule(ROOT, frozenset({Permission.LIST, Permission.READ})),
        PathRule(at("/in"), frozenset({Permission.CREATE})),
        PathRule(at("/in/done"), frozenset({Permission.READ})),
    )
)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", {"list", "read"}),
        ("/other/deep", {"list", "read"}),
        ("/in", {"create"}),
        ("/in/file", {"create"}),
        ("/in/done/x", {"read"}),
        ("/inside", {"list", "read"}),
        ("/in/donely", {"create"}),
    ],
)
def test_longest_prefix_decides_alone(path, allowed):
    """A rule for a folder takes away what its parent gives, and /in is no prefix of /inside."""
    assert {permission.value for permission in RULES.at(at(path))} == allowed


def test_no_rule_means_nothing():
    """An account without a rule for a path may do nothing there."""
    rules = Permissions((PathRule(at("/in"), ALL_PERMISSIONS),))
    assert rules.at(ROOT) == NO_PERMISSIONS
    assert rules.allow(at("/in/x"), Permission.READ)
    assert not rules.allow(at("/out"), Permission.READ)


def test_permission_below():
    """A folder may be passed through when something below it is allowed."""
    rules = Permissions((PathRule(at("/a/b"), frozenset({Permission.READ})),))
    assert rules.anywhere_below(ROOT, Permission.READ)
    assert rules.anywhere_below(at("/a/b/c"), Permission.READ)
    assert not rules.anywhere_below(at("/x"), Permission.READ)
    assert not rules.anywhere_below(ROOT, Permission.DELETE)


def test_default_identity_owns_its_home():
    """An account without rules of its own may do everything in its home."""
    assert Identity("a").permissions.at(at("/x/y")) == ALL_PERMISSIONS


def test_secret_is_never_shown():
    """K11: no way of printing a secret shows it; only reveal() does."""
    secret = Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{[secret]}"]
    try:
        raise ValueError(secret)
    except ValueError:
        shown.append(traceback.format_exc())
    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.deepcopy])
def test_secret_is_not_serialised(serialise):
    """A secret does not leave the process by pickling."""
    with pytest.raises(TypeError):
        serialise(Secret("x"))
