"""Pathnames, whatever a client writes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ftpstwist.wire.pathname import MAX_NAME_OCTETS, ROOT, Pathname, PathnameError, encode_name

FEW = settings(max_examples=100, deadline=None)
parts = st.sampled_from(["..", ".", "", "...", "a", " ", "a b", "\udcff", "\r", "\n", "\0", "ä" * 130, "~", "\\"])
texts = st.lists(parts, max_size=8).map("/".join) | st.text(max_size=30)


@FEW
@given(base=texts, text=texts)
def test_no_pathname_leaves_the_root(base, text):
    """Whatever a client combines, it stays below its root, and every name in it is one name (K10, L5)."""
    try:
        path = Pathname.parse(text, Pathname.parse(base))
    except PathnameError:
        return
    assert path.is_within(ROOT)
    assert not {"", ".", ".."} & set(path.parts)
    assert not any(set(part) & {"/", "\0", "\n"} for part in path.parts)
    assert all(len(encode_name(part)) <= MAX_NAME_OCTETS for part in path.parts)


@FEW
@given(text=texts)
def test_the_written_form_is_the_same_pathname(text):
    """What PWD shows, CWD takes (B23)."""
    try:
        path = Pathname.parse(text)
    except PathnameError:
        return
    assert Pathname.parse(str(path)) == path
    assert Pathname.parse(str(path), Pathname(("elsewhere",))) == path
    assert path.is_root or path.parent / path.name == path
