"""Faults 36 and 87 to 91, in the report: escaped, closed to the network, built all the same."""

import json
import re
import socket
from pathlib import Path

import pytest
from faulty import QUICK, program
from pages import Page

import caucasus_forecast as cf
from caucasus_forecast import forecasting, plots, report

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>$x_{^"
PRIORS = (Path(cf.__file__).parent / "priors" / "alyarli-2021.toml").read_text(encoding="utf-8")
SCENARIOS = (Path(cf.__file__).parent / "data/scenarios/alyarli-2021.toml").read_text(
    encoding="utf-8"
)


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """The folder of a run in which every word that can be given is hostile."""
    here = tmp_path_factory.mktemp("evil")
    said = json.dumps(EVIL)
    counts = "<img src=x onerror=alert(1)>.csv"
    cell = '"' + EVIL.replace('"', '""') + '"'
    rows = "".join(f"2021-{m:02d},{m},{cell}\n" for m in range(1, 12))
    (here / counts).write_text(f"month,count,source\n{rows}")
    why = 'why = "'
    priors = PRIORS.replace('name = "alyarli-2021"', f"name = {said}", 1)
    priors = re.sub(r'^title = ".*"$', lambda _: f"title = {said}", priors, count=1, flags=re.M)
    (here / "p.toml").write_text(priors.replace(why, why + "<script>alert(2)</script>"))
    scenarios = re.sub(
        r'^(name|title|rule|source|void) = ".*"$', lambda m: f"{m[1]} = {said}", SCENARIOS,
        flags=re.M,
    )  # fmt: skip
    (here / "s.toml").write_text(scenarios)
    graph = f"""base = "alyarli-2021"
name = {said}
[[node]]
name = "envoys"
kind = "count"
meaning = {said}
unit = {said}
base_rate = {{ dist = "Normal", kwargs = {{ mu = 0.0, sigma = 1.0 }}, why = {said} }}
[[edge]]
cause = "tension"
effect = "envoys"
reason = {said}
prior = {{ dist = "Normal", kwargs = {{ mu = 0.3, sigma = 0.3 }}, why = {said} }}
"""
    (here / "g.toml").write_text(graph)
    (here / "case.toml").write_text(
        f'title = {said}\nevidence = "{counts}"\npriors = "p.toml"\nscenarios = "s.toml"\n'
        f'graph = "g.toml"\n{QUICK}'
    )
    told = program("run", here / "case.toml", "--out", here / "out")
    assert told.code == 3
    return here / "out"


def test_fault_87_hostile_words_are_words(evil):
    page = Page((evil / "report.html").read_text())
    assert page.live == []
    assert len(page.all("img")) == len(plots.PICTURES)
    assert EVIL in page.words, "and they are all there"


def test_fault_36_pictures_tables_and_exports_take_them_literally(evil, tmp_path):
    for picture in evil.glob("*.svg"):
        body = picture.read_text()
        assert "<script" not in body
        assert "onerror=alert(1)>" not in body
    for name in ("scenarios.csv", "questions.csv"):
        assert EVIL.replace('"', '""') in (evil / name).read_text()
    for kind in ("csv", "json"):
        told = program("export", evil, "--format", kind, "--out", tmp_path / f"x.{kind}")
        assert told.code == 3
    for node in (evil / "scenarios.csv", tmp_path / "x.csv"):
        assert not re.search(r"(^|,)[=+@]", node.read_text(), re.M)


def test_fault_36_a_formula_is_no_formula_in_any_table(short, here):
    tree = short.tree.copy(deep=True)
    tree.attrs["title"] = "=cmd|' /C calc'!A0"
    table = tree["scenarios"].to_dataset()
    table["title"] = ("scenario", [f"{c}1+1" for c in "=+-@\t\r=+"])
    tree["scenarios"] = table
    forecasting.Forecast(tree).save("x.nc")
    assert program("export", "x.nc", "--format", "csv", "--out", "x.csv").code == 3
    assert not re.search(r"(^|,)\"?[=+@\t]", (here / "x.csv").read_text(), re.M)


def test_fault_89_the_page_is_the_same_without_a_network(short, monkeypatch):
    with_one = report.page(short)

    def refused(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert report.page(short) == with_one
    assert not re.search(r"""(src|href|url\()\s*=?\s*["']?(https?:)?//""", with_one)


@pytest.mark.parametrize("picture", ["scenarios", "history", "links"])
def test_fault_90_a_picture_that_fails_costs_the_picture_alone(picture, short, here, monkeypatch):
    def broken(_):
        raise RuntimeError("no axis")

    monkeypatch.setattr(forecasting, "run", lambda case, **_: short)
    monkeypatch.setitem(plots.PICTURES, picture, broken)
    told = program("run", "--out", "out", "-q")
    assert told.code == 3
    assert (
        f"warning: the picture {picture!r} could not be drawn (RuntimeError: no axis)" in told.err
    )
    page = (here / "out" / "report.html").read_text()
    assert page.count("This picture could not be drawn") == 1
    assert not (here / "out" / f"{picture}.svg").exists()


CANARY = "canary-3f9a7b"
NAMES = ("UCDP_ACCESS_TOKEN", "ACLED_USERNAME", "ACLED_PASSWORD", "ACLED_TOKEN", "AWS_SECRET_KEY")


def test_fault_91_secrets_are_nowhere(here, monkeypatch):
    """In no file, on no stream, neither where it goes well nor where it breaks."""
    (here / "case.toml").write_text(QUICK)
    for name in NAMES:
        monkeypatch.setenv(name, CANARY)
    said = ""
    for arguments in (
        ("run", "case.toml", "--out", "out"),
        ("run", "nobody"),
        ("run", "case.toml", "--priors", "nobody"),
        ("fetch", "ucdp", "--offline"),
        ("export", "out", "--format", "json", "--out", "x.json"),
        ("ledger", "add", "out", "--ledger", "l.sqlite"),
    ):
        told = program(*arguments)
        said += told.out + told.err
    assert "sampling" in said
    assert CANARY not in said
    written = [p for p in here.rglob("*") if p.is_file()]
    assert len(written) > 10
    assert not [p for p in written if CANARY.encode() in p.read_bytes()]
