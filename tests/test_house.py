"""The laws of the house that no linter knows: sizes, private names, the pure floors, one row a verb."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from ftpstwist.commands.verbs import coroutine_of
from ftpstwist.interfaces import ErrorKind
from ftpstwist.pi.dispatch import CODES
from ftpstwist.session.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    path
    for folder in ("ftpstwist", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if ".cache" not in path.parts
)
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
SOURCES = {path: path.read_text(encoding="utf-8") for path in MODULES}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_fits_its_room(path):
    """A module is read in one sitting, a function without scrolling, and says first what it is."""
    source = SOURCES[path]
    assert len(source.splitlines()) <= LONGEST_MODULE
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno - body[0].lineno + 1) if body else 0
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_private_names_stay_in_their_module(path):
    """Law 5: no module imports a name with a leading underscore from another one of ours."""
    for node in ast.walk(ast.parse(SOURCES[path])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ftpstwist"):
            private = [alias.name for alias in node.names if re.match(r"_[^_]", alias.name)]
            assert not private, f"from {node.module} import {private}"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parts[-2] in {"wire", "session"} and path.name != "__init__.py"], ids=name
)
def test_pure_floors_import_the_standard_library_only(path):
    """Law 2: wire and session know no Twisted, no sockets, no clock."""
    forbidden = {"os", "socket", "ssl", "asyncio", "threading", "time", "random", "secrets", "subprocess", "signal"}
    for node in ast.walk(ast.parse(SOURCES[path])):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for module in names:
            top = module.split(".")[0]
            assert top == "ftpstwist" or top in sys.stdlib_module_names, module
            assert top not in forbidden, module


def test_reactor_is_named_once():
    """Law 4: the two programs alone, tap.py and worker.py, name the reactor."""
    naming = [
        name(path)
        for path, source in SOURCES.items()
        if re.search(r"from twisted\.internet import .*\breactor\b|import twisted\.internet\.reactor", source)
    ]
    assert naming == ["ftpstwist/tap.py", "ftpstwist/worker.py"]


def test_every_verb_has_a_row_and_a_coroutine():
    """Law 6: the catalogue and the coroutines know the same verbs."""
    for row in CATALOGUE.values():
        assert coroutine_of(row).__doc__


def test_every_kind_of_error_has_one_reply():
    """Law 8: no kind of error is left without a reply, and none is a success."""
    assert set(CODES) == set(ErrorKind)
    assert all(400 <= code <= 599 for code in CODES.values())


def test_no_room_is_called_by_a_word_that_says_nothing():
    """House style: a name says what a thing is."""
    vague = re.compile(r"(handler|manager|processor|engine|helper|util|misc)", re.IGNORECASE)
    for path, source in SOURCES.items():
        assert not vague.search(path.stem), path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                assert not vague.search(node.name), f"{name(path)}: {node.name}"
