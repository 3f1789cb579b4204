"""The printed documents: they say what the schema says, and the example file can be used as it is."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

from ftpstwist.config.form import form_of
from ftpstwist.config.load import parse, resolve
from ftpstwist.config.reference import example_file, main, reference_page, tables
from ftpstwist.config.schema import Settings
from ftpstwist.session.identity import ALL_PERMISSIONS
from tests.config.config_support import judge

REPOSITORY = Path(__file__).parents[2]
TABLES = list(tables())
KEYS = [(table, key) for table in TABLES for key in table.keys]


def uncommented(text: str) -> str:
    """Take away the marks in front of settings; words stay comments, for they have a space behind theirs."""
    return re.sub(r"^#(?=[a-z\[\"])", "", text, flags=re.MULTILINE)


def test_the_reference_page_is_current():
    """Nobody reads documentation that the program has outgrown: python -m ftpstwist.config.reference."""
    assert (REPOSITORY / "docs/configuration.md").read_text(encoding="utf-8") == reference_page()


def test_the_example_file_is_current():
    """The same for the file people start from: python -m ftpstwist.config.reference --example."""
    assert (REPOSITORY / "etc/ftps.toml").read_text(encoding="utf-8") == example_file()


def test_both_can_be_printed(capsys):
    """What the tests above ask for is done by one command each."""
    main([])
    assert capsys.readouterr().out == reference_page()
    main(["--example"])
    assert capsys.readouterr().out == example_file()


@pytest.mark.parametrize(("table", "key"), KEYS, ids=lambda part: getattr(part, "path", getattr(part, "name", "")))
def test_every_setting_is_documented_and_in_the_example(table, key):
    """Each has a sentence, words for its values, and a line to take the mark from."""
    assert key.doc[0].isupper() or key.doc[0] == '"'
    assert key.doc.endswith(".")
    assert f"**`{key.name}`**" in reference_page()
    assert f"\n#{key.name} = {key.sample}\n" in example_file()
    assert f"{table.header}\n" in example_file()


def test_the_example_file_holds_the_defaults():
    """As it is, and with every mark taken away, it means what no file at all means."""
    example = (REPOSITORY / "etc/ftps.toml").read_text(encoding="utf-8")
    assert parse(example, "/etc/ftps.toml").settings == resolve(Settings(), Path("/etc"))
    text = uncommented(example)
    assert text.count("\n#") < example.count("\n#")
    draft = parse(text, "/etc/ftps.toml")
    assert draft.complaints == ()
    settings = draft.settings
    assert [entry.key for entry in settings.tls.certificates] == [Path("/etc/privkey.pem")]
    assert [(str(network), name) for network, name in settings.passive.addresses.items()] == [("10.0.0.0/8", "auto")]
    assert settings.accounts.group_permissions == {"staff": ALL_PERMISSIONS}
    accounts = settings.accounts
    settings = replace(
        settings,
        server=replace(settings.server, legacy=()),
        policy=replace(settings.policy, rules=()),
        tls=replace(settings.tls, certificates=()),
        accounts=replace(
            accounts,
            certificates=replace(accounts.certificates, rules=()),
            group_permissions={},
            ldap=replace(accounts.ldap, servers=()),
            sql=replace(accounts.sql, connect={}),
        ),
        passive=replace(settings.passive, addresses={}),
        hosts=(),
        log=replace(settings.log, custom=()),
        quotas=(),
        hooks=(),
    )
    assert settings == resolve(Settings(), Path("/etc"))


def test_every_key_of_the_schema_is_in_the_example():
    """The example is complete: no setting has to be guessed."""
    data = tomllib.loads(uncommented(example_file()))
    for table, key in KEYS:
        place = data
        for part in table.path.split("."):
            place = place[part][0] if isinstance(place[part], list) else place[part]
        assert key.name in place


def test_the_example_file_passes_its_own_check():
    """What people start from is not refused."""
    text = (REPOSITORY / "etc/ftps.toml").read_text(encoding="utf-8")
    assert judge(text, REPOSITORY / "etc/ftps.toml").errors == ()


def test_no_field_is_left_to_the_library():
    """Every value goes through a form of ours: a plain int would be read from text, quietly."""

    def annotations(kind):
        for annotation in get_type_hints(kind, include_extras=True).values():
            if hasattr(annotation, "__dataclass_fields__"):
                if annotation.__name__ != "Origin":
                    yield from annotations(annotation)
            elif get_origin(annotation) in {tuple, dict}:
                for inner in get_args(annotation):
                    if hasattr(inner, "__dataclass_fields__"):
                        yield from annotations(inner)
                    elif inner is not ...:
                        yield inner
            else:
                yield annotation

    found = list(annotations(Settings))
    assert len(found) > 70
    assert [annotation for annotation in found if form_of(annotation) is None] == []
