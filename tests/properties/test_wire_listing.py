"""Listings and wildcards, whatever names there are."""

import fnmatch
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from ftpstwist.wire.entry import Entry, EntryKind
from ftpstwist.wire.globbing import compile_glob
from ftpstwist.wire.listing import FACTS, fact_lines, is_listable, long_lines
from ftpstwist.wire.pathname import encode_name

NOW = 1_709_294_400
FEW = settings(max_examples=100, deadline=None)
WORDS = ["read", "write", "create", "delete", "rename", "list"]
LS_LINE = re.compile(
    rb"(?P<type>[-dlbcps])(?P<mode>[-rwxsStT]{9}) +(?P<links>[0-9]+) +(?P<owner>\S+) +(?P<group>\S+) +(?P<size>[0-9]+)"
    rb" (?P<date>[A-Z][a-z]{2} [ 1-3][0-9] (?:[0-2][0-9]:[0-5][0-9]| [0-9]{4})) (?P<name>.*)\r\n",
    re.DOTALL,
)
names = st.text(min_size=1, max_size=30).filter(is_listable) | st.binary(min_size=1, max_size=30).map(
    lambda octets: octets.decode("utf-8", "surrogateescape")
).filter(is_listable)
entries = st.builds(
    Entry,
    name=names,
    kind=st.sampled_from([EntryKind.FILE, EntryKind.DIRECTORY, EntryKind.OTHER]),
    size=st.integers(0, 2**63 - 1),
    modified=st.integers(-(2**40), 2**40),
    mode=st.integers(0, 0o7777),
    owner=st.text(max_size=12),
    group=st.text(max_size=12),
    links=st.integers(1, 10**6),
    unique=st.text(max_size=12),
)


@FEW
@given(entry=entries)
def test_long_line_is_read_back(entry):
    """What a client's ls parser takes apart is what was put in, name and size above all (B24)."""
    fields = LS_LINE.fullmatch(long_lines([entry], NOW))
    assert fields is not None
    assert fields["name"] == encode_name(entry.name)
    assert int(fields["size"]) == entry.size
    assert int(fields["links"]) == entry.links
    assert (fields["type"] == b"d") == entry.is_directory


@FEW
@given(entry=entries, facts=st.sets(st.sampled_from(FACTS)), words=st.sets(st.sampled_from(WORDS)))
def test_fact_line_is_read_back(entry, facts, words):
    """What a client of RFC 3659 takes apart has the facts it asked for, and the name untouched (L7, L8, L10)."""
    wanted = tuple(fact for fact in FACTS if fact in facts)
    line = fact_lines([entry], wanted, frozenset(words))
    assert line.endswith(b"\r\n")
    before, _, name = line[:-2].partition(b" ")
    assert name == encode_name(entry.name)
    given_facts = dict(fact.split(b"=", 1) for fact in before.split(b";")[:-1])
    assert not before or before.endswith(b";")
    assert set(given_facts) <= {fact.encode() for fact in facts}
    assert (b"size" in given_facts) == ("size" in facts and entry.is_file)
    assert re.fullmatch(rb"[acdeflmprw]*", given_facts.get(b"perm", b""))


@FEW
@given(pattern=st.text("ab*?[]!-^\n", max_size=12), texts=st.lists(st.text("ab-]^!\n", max_size=8), max_size=20))
def test_wildcards_agree_with_fnmatch(pattern, texts):
    """Wildcards mean what everyone means by them."""
    matches = compile_glob(pattern)
    assert [matches(text) for text in texts] == [fnmatch.fnmatchcase(text, pattern) for text in texts]
