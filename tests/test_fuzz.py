"""Any bytes in: each reader gives a typed error in words, or a result that is right.

Files are made by damaging good ones, since what is wholly random is refused at the first byte.
Every reader is tried 50 times here, and 2,000 times with ``--hypothesis-profile=long``. What would
take endless time or memory is written out, as no chance finds it.
"""

import gzip
import hashlib
import io
import json
import re
import tracemalloc
from pathlib import Path

import openpyxl
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

import caucasus_forecast as cf
from caucasus_forecast import case as cases
from caucasus_forecast import evidence, forecasting, ledger, named, questions, storage, theory
from caucasus_forecast import priors as prior_sets
from caucasus_forecast import scenarios as scenario_sets
from caucasus_forecast.errors import (
    CaseError,
    CaucasusForecastError,
    EvidenceError,
    GraphError,
    PriorError,
    QuestionError,
    ScenarioError,
    StorageError,
)

SHIPPED = Path(cf.__file__).parent
GOLDEN = gzip.decompress((Path(__file__).parent / "golden" / "forecast-1.nc.gz").read_bytes())
MB = 1_000_000


def shipped(*parts):
    return SHIPPED.joinpath(*parts).read_text(encoding="utf-8")


def some_entries(text, keep=12):
    """The head of a file and a few of its tables, which is enough to damage."""
    head, *tables = re.split(r"(?m)^(?=\[)", text)
    return "".join([head, *tables[:keep]])


# --------------------------------------------------------------------------------------- damage

TOKENS = st.sampled_from([
    "[", "]", "{", "}", '"', "'", '"""', "=", "\n", "\r", "\t", "#", ",", ".", "nan", "-inf",
    "1e999", "9" * 30, "0x10", "true", "2021-13-45", "2021-11-30T25:00:00Z", "\0", "\\u0000",
    "\ufeff", "é", "‮", "[[node]]", "[[edge]]", "[[scenario]]", "[[question]]", "[reading]",
    "name = 5\n", "a." * 40, "[" * 50, '"\\ud800"', "!!python/object/apply:os.system", "${HOME}",
    "__class__", "-1", "''", "{}", "[[]]", "on", "null", "~", "../../etc/passwd", "<script>",
])  # fmt: skip


@st.composite
def damaged_text(draw, *texts):
    """One of several good texts, with a few pieces taken out, put in or doubled."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = at + draw(st.sampled_from([0, 0, 1, 2, 5, 40, 400]))
        put = draw(st.one_of(TOKENS, st.text(max_size=6), st.just(text[at:end] * 2)))
        text = text[:at] + put + text[end:]
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw, *bodies):
    """One of several good files, with a few bytes changed, taken out or put in."""
    body = bytearray(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        end = at + draw(st.sampled_from([0, 1, 1, 2, 8, 100, len(body)]))
        same = len(body[at:end])
        body[at:end] = draw(
            st.one_of(
                st.binary(max_size=20),
                st.binary(min_size=min(same, 8), max_size=min(same, 8)),
                st.sampled_from([b"", b"\0" * 8, b"\xff" * 8]),
            )
        )
    return bytes(body)


def outcome(read, kind):
    """What a reader gives, or the words of its error, which are of its kind and no more than that.

    Any other exception, and any warning, fails the test.
    """
    try:
        return read()
    except kind as error:
        told = error
    assert isinstance(told, CaucasusForecastError)
    words = str(told)
    assert 0 < len(words) < 5000
    assert not re.search(r"Traceback|File \"|object at 0x", words)
    return words


@pytest.fixture
def put(tmp_path):
    """Write bytes to a file of a given name."""

    def write(body, name="x.toml"):
        (tmp_path / name).write_bytes(body)
        return tmp_path / name

    return write


# --------------------------------------------------------------------------------------- TOML

CASES = [
    shipped("data", "cases", "alyarli-2021.toml"),
    'name = "x"\nevidence = "counts.csv"\nas_of = 2021-11-30\nhorizon = 3\nseed = 1\n\n[reading]\n'
    'gaps = "zero"\ncolumns = { month = "m", count = "n" }\nfirst = 2020-01-01\n',
]
PRIORS = some_entries(shipped("priors", "alyarli-2021.toml"))
SCENARIOS = [
    shipped("data", "scenarios", "alyarli-2021.toml"),
    shipped("data", "scenarios", "after-mission.toml"),
]
GRAPHS = [
    shipped("data", "graphs", "after-mission.toml"),
    'name = "mine"\nbase = "alyarli-2021"\ndrop = ["tension->border_guards"]\n[[node]]\n'
    'name = "envoys"\nkind = "count"\nbase_rate = { dist = "Normal", kwargs = { mu = 0.0, sigma = '
    '1.0 }, why = "w" }\n[[edge]]\ncause = "tension"\neffect = "envoys"\nprior = { dist = "Normal",'
    ' kwargs = { mu = 0.3, sigma = 0.3 }, why = "w" }\n[[series]]\nname = "envoys"\n'
    'node = "envoys"\nmode = "counts"\n[[observation]]\nstart = 2024-02-01\nend = 2024-02-29\n'
    'series = "envoys"\ncount = 2\n',
]


@given(st.one_of(damaged_text(*CASES), st.binary(max_size=200)))
def test_any_bytes_are_a_case_or_an_error(put, body):
    found = outcome(lambda: cases.load(put(body)), (CaseError, EvidenceError))
    if not isinstance(found, str):
        assert cases.make("again", json.loads(found.to_json())) == found


@given(st.one_of(damaged_text(PRIORS), st.binary(max_size=200)))
def test_any_bytes_are_priors_or_an_error(put, body):
    found = outcome(lambda: prior_sets.open_file(put(body)), PriorError)
    if not isinstance(found, str):
        assert all(isinstance(p, cf.Prior) for p in found.entries.values())
    assert isinstance(outcome(lambda: prior_sets.load(put(body)), PriorError), str)


@given(st.one_of(damaged_text(*SCENARIOS), st.binary(max_size=200)))
def test_any_bytes_are_scenarios_or_an_error(put, body):
    found = outcome(lambda: scenario_sets.load(put(body)), ScenarioError)
    if not isinstance(found, str):
        assert scenario_sets.from_json(found.to_json(), "again") == found


@given(st.one_of(damaged_text(*GRAPHS), st.binary(max_size=200)))
def test_any_bytes_are_a_graph_with_its_evidence_or_an_error(put, body):
    kinds = (GraphError, PriorError, EvidenceError)
    found = outcome(lambda: theory.load(put(body)), kinds)
    if not isinstance(found, str):
        assert theory.from_json(found.to_json()).graph == found.graph
        outcome(lambda: found.beliefs("alyarli-2021"), kinds)


# --------------------------------------------------------------------------------------- JSON


@given(
    st.one_of(
        damaged_text('{"a": [1, 2.5, {"b": null}], "c": "text", "d": true, "e": -1e-3}'),
        st.binary(max_size=200),
    )
)
def test_any_text_is_strict_json_or_an_error(body):
    text = body.decode("utf-8", "replace")
    found = outcome(lambda: named.strict_json(text, "x", CaseError), CaseError)
    if not isinstance(found, str) and not text.lstrip().startswith('"'):
        assert json.loads(text) == found


MANIFEST = json.dumps({"program": "x", "files": [{"name": "forecast.nc", "sha256": "0" * 64}]})


@given(st.one_of(damaged_text(MANIFEST), st.binary(max_size=200)))
def test_any_bytes_are_a_manifest_or_an_error(put, body):
    place = put(body, "manifest.json").parent
    (place / "forecast.nc").write_bytes(GOLDEN[:100])
    found = outcome(lambda: storage.load(place), StorageError)
    assert "forecast.nc" in found or "manifest.json" in found


# --------------------------------------------------------------------------------------- counts

TABLE = "month,count,source\n" + "".join(f"2021-{m:02d},{m},somewhere\n" for m in range(1, 13))
EVENTS = "id,date_start,date_end,best,low,high\n1,2021-01-03,2021-01-04,3,1,5\n2,2021-03-01,2021-03-01,2,2,2\n"  # noqa: E501


def workbook():
    book, body = openpyxl.Workbook(), io.BytesIO()
    for line in TABLE.splitlines():
        book.active.append(line.split(","))
    book.save(body)
    return body.getvalue()


def parquet():
    body = io.BytesIO()
    polars.read_csv(io.StringIO(TABLE)).write_parquet(body)
    return body.getvalue()


PACKED = [gzip.compress(TABLE.encode(), mtime=0), workbook(), parquet()]


@given(st.one_of(damaged_text(TABLE, EVENTS, TABLE.replace(",", ";")), damaged(*PACKED)))
def test_any_bytes_are_counts_or_problems(put, body):
    found = evidence.read(put(body, "x.csv"))
    for problem in found.problems:
        assert 0 < len(str(problem)) < 2000
    if not found.problems:
        assert found.digest == hashlib.sha256(body).hexdigest()
        assert found.rows
        for row in found.rows:
            assert row.count >= 0
            assert row.count == int(row.count)
            assert 1900 <= row.window.start.year <= row.window.end.year <= 2100
    assert isinstance(outcome(found.strict, EvidenceError), str | tuple)


# ------------------------------------------------------------------------------ saved forecasts

INSIDE = GOLDEN[: -(len(storage.netcdf.SEALED) + 65)]


def sealed(body):
    """Bytes under a good seal, as anybody can make one."""
    return body + storage.netcdf.SEALED + hashlib.sha256(body).hexdigest().encode() + b"\n"


@pytest.fixture(scope="module")
def golden():
    return storage.tree_of(GOLDEN)


@given(st.one_of(damaged(GOLDEN), damaged(INSIDE).map(sealed), st.binary(max_size=100)))
def test_any_bytes_are_the_forecast_that_was_saved_or_an_error(put, golden, body):
    found = outcome(lambda: cf.load(put(body, "x.nc")), StorageError)
    if not isinstance(found, str):
        assert storage.digest(found.tree) == storage.digest(golden), "no other has these digests"


@st.composite
def other_trees(draw, tree):
    """A forecast with a group, an attribute or a variable that is gone, or is something else."""
    tree = tree.copy(deep=True)
    for _ in range(draw(st.integers(1, 2))):
        group = draw(st.sampled_from(["", *tree.children]))
        there = tree if not group else tree[group]
        if group and draw(st.integers(0, 4)) == 0:
            del tree[group]
        elif there.attrs and draw(st.booleans()):
            key = draw(st.sampled_from(sorted(there.attrs)))
            there.attrs[key] = draw(
                st.sampled_from(["", "{", "[]", "{}", "null", "[1]", '{"a": 1}', -1, 0.5, "x" * 99])
            )
        elif group and there.data_vars:
            data = there.to_dataset(inherit=False)
            name = draw(st.sampled_from(sorted(data.data_vars)))
            change = draw(st.sampled_from(["drop", "cut", "text", "huge"]))
            if change == "drop":
                data = data.drop_vars(name)
            elif change == "cut" and data.dims:
                data = data.isel({draw(st.sampled_from(sorted(data.dims))): slice(0, 1)})
            elif change == "text":
                data[name] = data[name].astype(str)
            elif data[name].dtype.kind == "f":
                data[name] = data[name] * 1e300
            tree[group] = storage.contents.xr.DataTree(data)
    return tree


@given(st.data())
def test_any_sealed_tree_is_a_forecast_or_an_error(put, golden, data):
    tree = data.draw(other_trees(golden))
    path = put(b"", "x.nc")
    storage.save(tree, path, overwrite=True)
    found = outcome(lambda: cf.load(path), StorageError)
    if not isinstance(found, str):
        assert found.digest == storage.digest(tree)
        outcome(lambda: found.notes, CaucasusForecastError)
        outcome(lambda: found.scenarios.rows, CaucasusForecastError)
        outcome(lambda: found.study, CaucasusForecastError)


# --------------------------------------------------------------------------------------- ledgers


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The bytes of a ledger with one forecast in it."""
    place = tmp_path_factory.mktemp("ledger")
    (place / "x.nc").write_bytes(GOLDEN)
    ledger.add(cf.load(place / "x.nc"), place / "l.sqlite")
    return (place / "l.sqlite").read_bytes()


@given(st.data())
def test_any_bytes_are_the_ledger_that_was_kept_or_an_error(put, book, data):
    body = data.draw(st.one_of(damaged(book), st.binary(max_size=200)))
    path = put(body, "l.sqlite")
    whole = put(book, "whole.sqlite")
    found = outcome(lambda: ledger.entries(path), StorageError)
    if not isinstance(found, str):
        assert found in ((), ledger.entries(whole))


# --------------------------------------------------------------------------------------- questions


@given(
    damaged_text(
        "treaty within 6 months given battle_deaths >= 25 and not accession",
        "total battle_deaths within 3 months",
        "S1 or scenario S7 until May",
    )
)
def test_any_text_is_a_question_or_an_error(body):
    text = body.decode("utf-8", "surrogatepass")
    found = outcome(lambda: questions.parse(text), QuestionError)
    if not isinstance(found, str):
        assert questions.parse(found.text) == found


# -------------------------------------------------------------------------------- no end in sight

DEEP = 200_000
ENDLESS = {
    "lists in lists": b"a = " + b"[" * DEEP,
    "tables in tables": b"a = " + b"{ a = " * DEEP,
    "dotted key": b"a" + b".a" * DEEP + b" = 1",
    "dotted header": b"[a" + b".a" * DEEP + b"]",
    "long key": b"a" * 900_000 + b" = 1",
    "long number": b"a = " + b"9" * 900_000,
    "long float": b"a = 1." + b"9" * 900_000,
    "one long text": b'a = "' + b"x" * 900_000 + b'"',
    "many keys": b"".join(b"k%d = 1\n" % i for i in range(20_000)),
    "many tables": b"[[node]]\n" * 25_000,
    "backslashes": b'a = "' + b"\\" * 900_000,
    "quotes": b"'" * 900_000,
    "blank": b" " * 900_000,
    "too large": b"a = 1\n" * 200_000,
    "far too large": b"\0" * 50 * MB,
}


@pytest.mark.parametrize("what", ENDLESS)
def test_toml_without_end_is_refused_in_little_memory(put, what):
    path = put(ENDLESS[what])
    tracemalloc.start()
    try:
        outcome(lambda: cases.load(path), CaseError)  # a blank one has the defaults
        for load, kind in (
            (prior_sets.load, PriorError), (scenario_sets.load, ScenarioError),
            (theory.load, GraphError),
        ):  # fmt: skip
            assert isinstance(outcome(lambda load=load: load(path), kind), str)
        assert tracemalloc.get_traced_memory()[1] < 150 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("what", ["[" * DEEP, '{"a":' * DEEP, "9" * 900_000, "[1e999]", "[NaN]"])
def test_json_without_end_is_refused(what):
    assert isinstance(outcome(lambda: named.strict_json(what, "x", CaseError), CaseError), str)


TABLES = {
    "one row of a million cells": b"," * MB + b"\n",
    "a million columns": b",".join(b"c%d" % i for i in range(200_000)) + b"\n1\n",
    "one cell of 20 MB": b"month,count\n2021-01," + b"9" * 20 * MB,
    "one quoted cell": b'month,count\n"' + b"2021-01\n" * 500_000,
    "a million rows of nonsense": b"month,count\n" + b"x,y\n" * MB,
    "two million rows": b"month,count\n" + b"2021-01,1\n" * 2 * MB,
    "separators": b"month,count\n" + b";,\t" * 300_000,
    "20,000 series": b"month,count,series\n"
    + b"".join(b"2021-01,1,s%d\n" % i for i in range(20000)),
    "every day of 200 years": b"date,count\n"
    + b"".join(
        b"%d-%02d-%02d,1\n" % (1900 + y, m, d)
        for y in range(200)
        for m in range(1, 13)
        for d in range(1, 29)
    ),
    "nulls": b"\0" * MB,
}


@pytest.mark.parametrize("what", TABLES)
def test_tables_without_end_are_refused(put, what):
    found = evidence.read(put(TABLES[what], "x.csv"), known=evidence.load().series)
    assert found.problems
    assert len(found.problems) <= 1001
    assert all(len(str(p)) < 2000 for p in found.problems)


def test_forecasting_reads_through_the_same_door():
    assert forecasting.load is cf.load
