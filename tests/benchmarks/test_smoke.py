"""Every measure of ``python -m benchmarks`` runs, tiny, at our own server: what it leaves has the form that is promised."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET

import pytest

from benchmarks.__main__ import MEASURES, main
from benchmarks.compiled import missing
from benchmarks.measures import SMOKE

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.mark.parametrize("measure", MEASURES)
def test_measure(measure, results, capsys):
    """A developer gets every value with what it was made on, a table and a plot."""
    out = results / f"{measure}.json"
    assert main([measure, "--scale", "smoke", "--repeats", "1", "--peers", "ours,bare", "--out", str(out)]) == 0
    document = json.loads(out.read_text())
    assert document["machine"]["processors"] > 0
    assert "twisted" in document["versions"]["ours"]
    assert [case["label"] for case in document["cases"]] == [case.label for case in MEASURES[measure](SMOKE)]
    for case in document["cases"]:
        assert case["failed"] == {}
        assert len(case["values"]["ours"]) == 1
        assert {column["key"] for column in case["columns"]} <= set(case["medians"]["ours"])
        if "resumed" in case["medians"]["ours"]:
            assert case["medians"]["ours"]["resumed"] == 1
    capsys.readouterr()
    assert main(["table", str(out)]) == 0
    assert f"## {measure}" in capsys.readouterr().out
    assert main(["plot", str(out)]) == 0
    assert ET.parse(out.with_suffix(".svg")).getroot().tag.endswith("svg")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_profile(tmp_path):
    """A developer sees the system calls of a transfer."""
    assert main(["profile", "retr", "--scale", "smoke", "--out", str(tmp_path)]) == 0
    assert "sendto" in (tmp_path / "report.md").read_text()
