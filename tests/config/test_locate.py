"""Lines of keys: complaints have to point at what the operator sees in the editor."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.config.locate import locate_keys, name_key

DOCUMENT = '''\
# [not.a.table]
title = """
[nor.this]
key = 1
"""
[server]  # a comment with [brackets] and "quotes
  banner = "a # no comment ] = 'x'"
explicit = [
    "tcp:21",  # one ] bracket
    'tcp6:21:interface=\\:\\:1',
]
inline = { a = 1, b = [
  2 ] }
"quoted key" = 1
a.b = 2
after = 3
[[ tls . certificates ]]
key = 'a'
[[tls.certificates]]
certificate = 'b'
key = 'c'
[passive.addresses]
"10.0.0.0/8" = "auto"
text = \'\'\'
[x]
\'\'\'
last = 1
'''


def test_every_key_is_found_on_its_line():
    """Multi-line values, comments and quotes do not lead astray."""
    assert tomllib.loads(DOCUMENT)
    assert locate_keys(DOCUMENT) == {
        "title": 2,
        "server": 6,
        "server.banner": 7,
        "server.explicit": 8,
        "server.inline": 12,
        'server."quoted key"': 14,
        "server.a.b": 15,
        "server.after": 16,
        "tls.certificates": 17,
        "tls.certificates[0]": 17,
        "tls.certificates[0].key": 18,
        "tls.certificates[1]": 19,
        "tls.certificates[1].certificate": 20,
        "tls.certificates[1].key": 21,
        "passive.addresses": 22,
        'passive.addresses."10.0.0.0/8"': 23,
        "passive.addresses.text": 24,
        "passive.addresses.last": 27,
    }


def test_lines_that_end_as_on_windows_count_the_same():
    """Files edited on Windows are told their true lines, too."""
    assert locate_keys(DOCUMENT.replace("\n", "\r\n")) == locate_keys(DOCUMENT)


def test_every_key_of_the_example_is_found():
    """The file that people start from has no key without a line."""
    text = (Path(__file__).parents[2] / "etc/ftps.toml").read_text(encoding="utf-8")
    lines = text.splitlines()
    for key, number in locate_keys(text).items():
        assert key.rpartition(".")[2].rstrip("]0[") in lines[number - 1]


@given(st.text(max_size=300))
def test_whatever_the_text_it_ends(text):
    """No file can hang or break the loader here, valid or not."""
    assert all(1 <= number <= text.count("\n") + 1 for number in locate_keys(text).values())


def test_keys_are_quoted_only_where_toml_wants_it():
    """A key in a complaint can be searched for in the file."""
    assert name_key("a-b_1") == "a-b_1"
    assert name_key("10.0.0.0/8") == '"10.0.0.0/8"'


def test_tables_in_tables_of_a_list():
    """The certificates of a host are counted by themselves for each host."""
    text = "[[h]]\nn=1\n[[h.c]]\nk=1\n[[h.c]]\nk=2\n[h.t]\nx=1\n[[h]]\n[[h.c]]\nk=3\n"
    lines = locate_keys(text)
    assert {key: lines[key] for key in lines if key.endswith((".k", ".x", ".n"))} == {
        "h[0].n": 2,
        "h[0].c[0].k": 4,
        "h[0].c[1].k": 6,
        "h[0].t.x": 8,
        "h[1].c[0].k": 11,
    }
