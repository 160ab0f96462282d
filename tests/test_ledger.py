"""A ledger keeps what was said, lets nothing be changed, and scores what came."""

import json
import math
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import caucasus_forecast as cf
from caucasus_forecast import ledger, names
from caucasus_forecast.cli import main
from caucasus_forecast.errors import (
    CaseError,
    CorruptResultError,
    EvidenceError,
    InterventionError,
    QuestionError,
    StorageError,
)
from caucasus_forecast.evidence import Window
from caucasus_forecast.ledger import book, scores, track, values
from caucasus_forecast.ledger.values import Asked, Entry, Made, Option, Ruled
from caucasus_forecast.scenarios.observed import NO, OPEN, VOID, YES, Ruling


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def kept(path, small_forecast):
    """A ledger with the small forecast and its two branches, resolved early and late."""
    ledger.add(small_forecast, path, given=["Q1: no", "Q1: yes"], file="small.nc")
    ledger.resolve(path, as_of="2022-03-31")
    ledger.resolve(path)
    return path


# --------------------------------------------------------------------------- adding


def test_a_row_says_what_the_forecast_said(path, small_forecast):
    ledger.add(small_forecast, path, file="small.nc")
    (entry,) = ledger.entries(path)
    made, tree = entry.made, small_forecast.tree
    assert made.digest == small_forecast.digest
    assert (made.as_of, made.horizon, made.seed) == (date(2021, 11, 30), 6, 2021)
    assert (made.model, made.priors, made.file) == ("ladder", "alyarli-2021", "small.nc")
    assert made.passed == small_forecast.passed
    assert made.data_digest == tree[names.OBSERVED_DATA].attrs["digest"]
    assert made.versions == json.loads(tree.attrs["versions"])
    table = tree[names.SCENARIOS]
    asked = made.questions[0]
    for key in ("probability", "mcse", "lower", "upper"):
        assert [getattr(o, key) for o in asked.options] == table[key].to_numpy().tolist()
    assert made.partition == small_forecast.study.partition
    assert [q.id for q in made.questions] == ["scenarios", *(f"Q{i}" for i in range(1, 9))]
    assert entry.standing["scenarios"].state == OPEN


def test_a_forecast_is_added_once(path, small_forecast):
    ledger.add(small_forecast, path)
    with pytest.raises(StorageError, match="row 1 is this forecast already"):
        ledger.add(small_forecast, path)
    assert len(ledger.entries(path)) == 1


def test_a_branch_is_the_conditional_of_ask(path, small_forecast):
    entry = ledger.add(small_forecast, path, given=["Q1: yes", "Q1: yes"])
    branch = entry.made.questions[-1]
    assert (branch.kind, branch.given, branch.answer) == ("branch", "Q1", "yes")
    assert len(entry.made.questions) == 10
    end = str(small_forecast.study.months[-1])
    for option in branch.options:
        asked = small_forecast.ask(f"{option.id} in {end} given peacekeepers in {end}")
        assert option.probability == pytest.approx(asked.probability, abs=1e-12)
        assert option.mcse == pytest.approx(asked.mcse, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Q9: no", "write a side question and its answer, as 'Q1: no'; .*Allowed: Q1"),
        ("treaty", "write a side question and its answer"),
        ("Q1: perhaps", "Q1 has no such answer; Allowed: no, yes"),
    ],
)
def test_a_condition_that_is_none_is_refused(path, small_forecast, text, message):
    with pytest.raises(QuestionError, match=message):
        ledger.add(small_forecast, path, given=[text])
    assert not path.exists()


def test_what_was_done_to_a_forecast_is_no_forecast(path, small_forecast):
    with pytest.raises(InterventionError, match=r"ledger.add\(\) starts .* Take the one it was"):
        ledger.add(small_forecast.do(tension=0.0), path)


def test_counts_of_the_forecaster_are_known_as_such(path):
    months = [f"2021-{m:02}" for m in range(1, 13)]
    rows = [{"month": m, "count": 3} for m in months]
    import pandas as pd

    forecast = cf.forecast(pd.DataFrame(rows), draws=150, horizon=2)
    entry = ledger.add(forecast, path)
    assert entry.made.own == ("battle_deaths",)
    found = ledger.resolve(path)
    assert "battle_deaths: counted by the forecaster; give the later counts" in found.notes[1]
    assert found.entries[0].ruled == ()
    later = pd.DataFrame([*rows, {"month": "2022-01", "count": 120}])
    assert ledger.resolve(path, counts=later).entries[0].standing["scenarios"].outcome == "S1"


# --------------------------------------------------------------------------- append-only


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET content = '{}'",
        "DELETE FROM entry",
        "INSERT OR REPLACE INTO entry SELECT 1, kind, subject, '{}', digest FROM entry LIMIT 1",
        "REPLACE INTO entry VALUES (1, 'a', 'b', 'c', 'd')",
        "INSERT INTO entry VALUES (9, 'a', 'b', 'c', 'd')",
    ],
)
def test_sqlite_itself_refuses_to_change_a_row(kept, statement):
    before = kept.read_bytes()
    connection = sqlite3.connect(kept)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert kept.read_bytes() == before


def tampered(path, *statements):
    """Do something around the triggers, and put them back as they were."""
    connection = sqlite3.connect(path)
    with connection:
        for trigger in ("entry_stays", "entry_is_kept", "entry_is_next"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        for line in book.SCHEMA[1:]:
            connection.execute(line)
    connection.close()


@pytest.mark.parametrize("row", [1, 2, 3])
@pytest.mark.parametrize(
    "change",
    ["content = content || ' '", "kind = 'other'", "subject = 'x'", "digest = upper(digest)",
     "content = replace(content, '0', '1')", "content = 7", "content = x'00'"],
)  # fmt: skip
def test_a_row_that_was_altered_is_named(kept, row, change):
    tampered(kept, f"UPDATE entry SET {change} WHERE number = {row}")  # noqa: S608
    for use in (ledger.entries, ledger.list, ledger.resolve, ledger.score):
        with pytest.raises(CorruptResultError, match=f"row {row} is not as it was written"):
            use(kept)


def test_a_row_that_is_gone_is_named(kept):
    tampered(kept, "DELETE FROM entry WHERE number = 2")
    with pytest.raises(CorruptResultError, match="row 2 is missing"):
        ledger.entries(kept)


def test_rows_that_were_renumbered_are_found(kept):
    tampered(kept, "DELETE FROM entry WHERE number = 2",
             "UPDATE entry SET number = 2 WHERE number = 3")  # fmt: skip
    with pytest.raises(CorruptResultError, match="row 2 is not as it was written"):
        ledger.entries(kept)


def test_a_row_exchanged_with_its_own_seal_breaks_the_next(kept):
    first, second, _ = book.rows(kept)
    content = first.content.replace("small.nc", "other.nc")
    digest = book.seal(book.FIRST, 1, first.kind, first.subject, content)
    connection = sqlite3.connect(kept)
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("UPDATE entry SET content = ?, digest = ? WHERE number = 1",
                       (content, digest))  # fmt: skip
    connection.execute(book.SCHEMA[1])
    connection.commit()
    connection.close()
    with pytest.raises(CorruptResultError, match=r"row 2 .*or row 1 was exchanged"):
        ledger.entries(kept)
    assert second.digest != digest


def test_guards_that_are_gone_are_missed(kept):
    connection = sqlite3.connect(kept)
    connection.execute("DROP TRIGGER entry_stays")
    connection.commit()
    connection.close()
    with pytest.raises(CorruptResultError, match="triggers that keep its rows have been changed"):
        ledger.entries(kept)


def test_rows_of_a_right_seal_and_no_meaning_are_refused(path):
    book.append(path, lambda _: [("forecast", "a", "{}")])
    with pytest.raises(CorruptResultError, match="row 1 is not a row that this version writes"):
        ledger.entries(path)


def test_rows_of_a_right_seal_that_do_not_go_together_are_refused(kept):
    first, second, _ = ((r.kind, r.subject, r.content) for r in book.rows(kept))
    lost = json.loads(second[2])
    del lost["rulings"]["Q1"]
    strange = json.loads(second[2])
    strange["rulings"]["Q1"]["states"] = {"no": "PERHAPS", "yes": "NO"}
    for name, new in enumerate(
        [[second], [first, first], [first, ("ruling", "x", second[2])],
         [first, ("ruling", first[1], json.dumps(lost))],
         [first, ("ruling", first[1], json.dumps(strange))], [("forecast", "x", first[2])]]
    ):  # fmt: skip
        path = kept.with_name(f"{name}.sqlite")
        book.append(path, lambda _, new=new: new)
        with pytest.raises(CorruptResultError, match=f"row {len(new)} does not go with the rows"):
            ledger.entries(path)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(kept, share):
    body = kept.read_bytes()
    kept.write_bytes(body[: int(len(body) * share)])
    with pytest.raises(StorageError, match=r"ledger\.sqlite"):
        ledger.entries(kept)


@given(data=st.data())
def test_flipped_bytes_give_the_rows_or_a_refusal(data, tmp_path_factory):
    where = tmp_path_factory.mktemp("flipped") / "ledger.sqlite"
    book.append(where, lambda _: [("forecast", str(i), "x" * 200) for i in range(20)])
    rows, body = book.rows(where), bytearray(where.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    where.write_bytes(body)
    try:
        found = book.rows(where)
    except StorageError:
        return
    assert found == rows


# --------------------------------------------------------------------------- the file


def test_no_ledger_says_how_to_begin_one(path):
    with pytest.raises(StorageError, match="no such ledger; add a forecast first"):
        ledger.entries(path)


def test_a_folder_is_no_ledger(tmp_path, small_forecast):
    with pytest.raises(StorageError, match="is a folder"):
        ledger.entries(tmp_path)
    with pytest.raises(StorageError, match="is a folder; name a file with --ledger"):
        ledger.add(small_forecast, tmp_path)


def test_text_is_no_ledger(path, small_forecast):
    path.write_text("not a ledger, and longer than the header of one " * 20)
    with pytest.raises(StorageError, match="not a ledger; name another file"):
        ledger.add(small_forecast, path)


def test_the_database_of_another_program_is_left_alone(path, small_forecast):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="an SQLite file of another program"):
        ledger.add(small_forecast, path)
    assert path.read_bytes() == before


def test_a_newer_ledger_is_refused(kept):
    connection = sqlite3.connect(kept)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StorageError, match="a ledger of version 2, and this program knows 1"):
        ledger.entries(kept)


def test_a_folder_that_is_not_there_is_refused_before_work(tmp_path):
    with pytest.raises(StorageError, match="is not a folder; make it, or name another"):
        book.refuse_unwritable(tmp_path / "no" / "ledger.sqlite")


def test_a_place_that_may_not_be_written_is_refused_before_work(path, monkeypatch):
    monkeypatch.setattr(book.os, "access", lambda *_: False)
    with pytest.raises(StorageError, match="may not be written; allow it, or name another"):
        book.refuse_unwritable(path)


def test_a_ledger_that_another_process_writes_is_waited_for_then_refused(path, monkeypatch):
    book.append(path, lambda _: [("forecast", "a", "{}")])
    monkeypatch.setattr(book, "PATIENCE", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="another process is writing it; wait for it"):
        book.append(path, lambda _: [])
    with pytest.raises(StorageError, match="another process is writing it"):
        book.refuse_unwritable(path)
    other.execute("ROLLBACK")
    other.close()
    assert len(book.append(path, lambda _: [("forecast", "b", "{}")])) == 1


def test_a_refusal_while_adding_leaves_the_ledger_as_it_was(path):
    book.append(path, lambda _: [("forecast", "a", "{}")])
    before = path.read_bytes()

    def stopped(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.append(path, stopped)
    with pytest.raises(StorageError, match="a row of more than 8,000,000 bytes"):
        book.append(path, lambda _: [("forecast", "b", "{}"), ("forecast", "c", "x" * 8_000_001)])
    assert path.read_bytes() == before


WRITER = """
    import sys
    from pathlib import Path
    from caucasus_forecast.ledger import book
    path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    print("ready", flush=True)
    for i in range(count):
        book.append(path, lambda _: [("forecast", f"{name}{i}", "x" * 5000)])
"""


def writer(path, name, count):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_add_at_once(path):
    both = [writer(path, name, 20) for name in "ab"]
    for process in both:
        process.communicate()
        assert process.returncode == 0
    found = [row.subject for row in book.rows(path)]
    assert sorted(found) == sorted(f"{n}{i}" for n in "ab" for i in range(20))
    for n in "ab":
        assert [s for s in found if s[0] == n] == [f"{n}{i}" for i in range(20)]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_is_killed_leaves_whole_rows(path):
    for attempt in range(2):
        process = writer(path, f"{attempt}-", 100_000)
        process.stdout.readline()
        while not path.exists() or len(book.rows(path)) < 5 * (attempt + 1):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(book.rows(path)) >= 5 * (attempt + 1)
    book.append(path, lambda _: [("forecast", "last", "{}")])
    assert book.rows(path)[-1].subject == "last"


def test_an_empty_file_is_a_ledger_to_be(path):
    path.touch()
    assert book.rows(path) == ()
    book.append(path, lambda _: [("forecast", "a", "{}")])
    assert len(book.rows(path)) == 1


def test_names_of_files_are_taken_as_they_are(tmp_path):
    path = tmp_path / "100% a?mode=ro#é .sqlite"
    book.append(path, lambda _: [("forecast", "a", "{}")])
    assert len(book.rows(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_default_place_is_among_the_users_data(tmp_path, monkeypatch, small_forecast):
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    ledger.add(small_forecast)
    assert (tmp_path / "data" / "ledger.sqlite").is_file()
    assert len(ledger.entries()) == 1


# --------------------------------------------------------------------------- resolving


def test_a_forecast_is_resolved_and_later_rulings_supersede(kept, small_forecast):
    (entry,) = ledger.entries(kept)
    assert [row for row, _ in entry.ruled] == [2, 3]
    assert entry.superseded == 1
    early, late = (r.rulings for _, r in entry.ruled)
    assert early["scenarios"].state == OPEN
    assert late["scenarios"].possible == ("S7", "S8")
    assert late["scenarios"].state == VOID
    assert late["Q1"].outcome == "yes"
    assert set(late["scenarios given Q1: no"].states.values()) == {VOID}
    assert late["scenarios given Q1: no"].why.startswith("annulled: ")
    assert late["scenarios given Q1: yes"].possible == ("S7", "S8")
    assert entry.standing == late
    told = ledger.list(kept)
    assert told.rows[0][-4:] == ("2", "0", "9", "2")
    assert told.rows[0][4] == small_forecast.digest[:8]
    assert "1 forecast and 2 rows of rulings, of which 1 superseded" in told.notes[0]
    assert book.rows(kept)[-1].digest in told.notes[1]


def test_where_nothing_changed_nothing_is_added(kept):
    before = kept.read_bytes()
    assert ledger.resolve(kept).notes[0].startswith("0 rows of rulings added")
    assert kept.read_bytes() == before


def test_earlier_evidence_does_not_take_the_place_of_later(kept):
    found = ledger.resolve(kept, as_of="2022-03-31")
    assert "row 3 rests on later evidence (2026-05-31) than this (2022-03-31)" in found.notes[1]
    assert found.title == "As they stand"
    assert ledger.entries(kept)[0].superseded == 1


def test_a_forecast_that_is_named_is_ruled_on_again_all_the_same(kept):
    ledger.resolve(kept, as_of="2022-03-31", row=1)
    (entry,) = ledger.entries(kept)
    assert entry.superseded == 2
    assert entry.standing["scenarios"].state == OPEN


def revised(evidence, count):
    """The embedded evidence with another count of deaths in March 2022."""
    march = Window(date(2022, 3, 1), date(2022, 3, 31))
    rows = tuple(
        replace(o, count=float(count)) if (o.series, o.window) == (names.DEATHS, march) else o
        for o in evidence.observations
    )
    return replace(evidence, observations=rows)


def test_a_revision_is_a_new_row_and_no_edit(kept):
    first = book.rows(kept)
    found = ledger.resolve(kept, evidence=revised(cf.evidence.load(), 150))
    assert "1 row of rulings added" in found.notes[0]
    assert "1 in place of an earlier one" in found.notes[0]
    (entry,) = ledger.entries(kept)
    assert entry.standing["scenarios"].outcome == "S1"
    assert entry.standing["scenarios given Q1: yes"].outcome == "S1"
    assert "max of battle_deaths is 150" in entry.standing["scenarios"].why
    assert book.rows(kept)[:3] == first
    assert entry.superseded == 2
    ledger.resolve(kept)
    assert ledger.entries(kept)[0].standing["scenarios"].state == VOID


def test_rules_are_those_of_the_day_it_was_added(path, tmp_path, small_forecast):
    mine = tmp_path / "mine.toml"
    mine.write_text(
        textwrap.dedent(
            """
            name = "mine"
            [[scenario]]
            id = "A"
            name = "deaths"
            when = [{ measure = "total", of = "battle_deaths", at_least = 10 }]
            rule = "ten deaths"
            source = "UCDP"
            void = "no release"
            [[scenario]]
            id = "B"
            name = "calm"
            when = []
            rule = "none of the above"
            source = "as above"
            void = "A is void"
            """
        )
    )
    forecast = cf.forecast(scenarios=str(mine), draws=150, horizon=2)
    ledger.add(forecast, path)
    mine.write_text(mine.read_text().replace("at_least = 10", "at_least = 1"))
    found = ledger.resolve(path).entries[0].standing["scenarios"]
    assert (found.outcome, found.why) == (
        "B", "total of battle_deaths is 9 (deaths-2021-12: 5; deaths-2022-01: 4)",
    )  # fmt: skip


def test_counts_take_the_place_of_the_embedded_series(kept, tmp_path):
    table = tmp_path / "counts.csv"
    months = [f"2021-{m:02}" for m in (11, 12)] + [f"2022-{m:02}" for m in range(1, 6)]
    table.write_text("month,count\n" + "".join(f"{m},0\n" for m in months[:-1]) + "2022-05,500\n")
    left = ledger.resolve(kept, counts=table)
    assert "rests on later evidence (2026-05-31) than this (2022-05-31)" in left.notes[1]
    found = ledger.resolve(kept, counts=table, row=1)
    assert found.title == "By their own rules, on counts.csv and the embedded evidence"
    assert found.entries[0].standing["scenarios"].outcome == "S1"
    with pytest.raises(EvidenceError, match="counts and evidence are both given"):
        ledger.resolve(kept, counts=table, evidence=cf.evidence.load())


def test_a_revision_that_changes_no_state_is_a_row_too(path, small_forecast):
    ledger.add(small_forecast, path)
    for count in (150, 151):
        ledger.resolve(path, evidence=revised(cf.evidence.load(), count))
    (entry,) = ledger.entries(path)
    first, second = (r.rulings["scenarios"] for _, r in entry.ruled)
    assert first.states == second.states
    assert ("is 150" in first.why, "is 151" in second.why) == (True, True)


def test_what_is_not_told_by_all_sources_is_open_and_not_void(path, small_forecast, tmp_path):
    """A table of counts that ends early is no sign that nothing will ever tell."""
    ledger.add(small_forecast, path)
    table = tmp_path / "counts.csv"
    table.write_text("month,count\n2021-12,1\n2022-01,1\n")
    found = ledger.resolve(path, counts=table, as_of="2026-05-31")
    assert found.entries[0].standing["scenarios"].state == OPEN


VOIDED = {"S1": "the releases contradict each other", "Q1": "no figure for 90 days"}


def test_what_is_said_to_be_void_stays_void_until_it_is_taken_back(kept):
    ledger.resolve(kept, void=VOIDED)
    (entry,) = ledger.entries(kept)
    standing = entry.standing
    assert standing["scenarios"].states["S1"] == VOID
    assert "S1 is void (the releases contradict each other)" in standing["scenarios"].why
    assert set(standing["Q1"].states.values()) == {VOID}
    assert standing["Q1"].why == "nothing can tell: Q1 is void (no figure for 90 days)"
    for branch in ("scenarios given Q1: no", "scenarios given Q1: yes"):
        assert set(standing[branch].states.values()) == {VOID}
        assert standing[branch].why.startswith("nothing can tell whether the condition came: Q1")
    assert ledger.resolve(kept).notes[0].startswith("0 rows"), "it stays so"
    ledger.resolve(kept, void={"Q1": ""})
    (entry,) = ledger.entries(kept)
    assert entry.standing["Q1"].outcome == "yes"
    assert entry.void == {"S1": VOIDED["S1"]}


@pytest.mark.parametrize(
    ("void", "message"),
    [({"Q9": "x"}, "no scenario or question 'Q9'; Allowed: Q1, "),
     ({"Q1": ""}, "'Q1' comes without a reason; write 'Q1: the reason'")],
)  # fmt: skip
def test_what_cannot_be_void_is_refused(kept, void, message):
    before = kept.read_bytes()
    with pytest.raises(CaseError, match=message):
        ledger.resolve(kept, void=void)
    assert kept.read_bytes() == before


def test_a_row_that_is_no_forecast_is_refused(kept):
    with pytest.raises(CaseError, match="row 2 is no forecast; rows of forecasts: 1"):
        ledger.resolve(kept, row=2)


def test_a_day_that_is_none_is_refused(kept):
    with pytest.raises(CaseError, match="as_of is '2022-13-01'"):
        ledger.resolve(kept, as_of="2022-13-01")


def test_a_day_beyond_the_evidence_does_not_make_it_tell_more(path, small_forecast):
    ledger.add(small_forecast, path)
    cut = cf.evidence.load().as_of(date(2022, 8, 31))
    found = ledger.resolve(path, evidence=cut, as_of="2030-01-01")
    assert found.entries[0].standing["scenarios"].states["S8"] == OPEN
    assert found.entries[0].ruled[-1][1].evidence_as_of == date(2022, 8, 31)
    assert len(ledger.resolve(path, as_of="2023-01-31").notes) == 1, "a day named is not reached"


@pytest.fixture
def northland(path, request):
    """A ledger with a forecast on a graph of one's own, of another conflict."""
    folder = request.config.rootpath / "docs" / "examples" / "northland"
    case = cf.case.load(folder / "case.toml")
    ledger.add(cf.run(case.model_copy(update={"draws": 150, "horizon": 2})), path)
    return folder


def test_a_forecast_of_a_graph_of_ones_own(northland, path, tmp_path):
    (entry,) = ledger.entries(path)
    assert entry.made.about == entry.made.graph == "northland-2024"
    left = ledger.resolve(path)
    assert left.notes[1].endswith(
        "give the later counts to resolve it, or the graph file as it stands now"
    )
    graph, counts = tmp_path / "graph.toml", tmp_path / "counts.csv"
    text = (northland / "graph.toml").read_text()
    graph.write_text(text.replace("/2023-12-31", "/2024-02-29"))
    counts.write_text(
        "start,end,series,count\n2024-01-01,2024-01-31,battle_deaths,1\n"
        "2024-02-01,2024-02-29,battle_deaths,0\n2024-01-01,2024-02-29,clashes,30\n"
        "2024-02-10,2024-02-10,ceasefire,1\n"
    )
    found = ledger.resolve(path, counts=counts, graph=graph)
    assert found.title == "By their own rules, on counts.csv and graph.toml"
    (entry,) = found.entries
    assert entry.standing["scenarios"].outcome == "N2"
    assert entry.standing["Q1"].outcome == "24 or more"


def test_counts_of_one_conflict_do_not_rule_on_another(northland, path, small_forecast, tmp_path):
    ledger.add(small_forecast, path)
    table = tmp_path / "counts.csv"
    table.write_text("month,count\n2021-12,500\n")
    before = path.read_bytes()
    with pytest.raises(CaseError, match=r"not all about the same .*row 1.*row 2.*say with row"):
        ledger.resolve(path, counts=table)
    assert path.read_bytes() == before
    assert (
        ledger.resolve(path, counts=table, row=2).entries[0].standing["scenarios"].outcome == "S1"
    )
    shipped = ledger.resolve(path, graph="alyarli-2021")
    assert [e.row for e in shipped.entries] == [2]
    with pytest.raises(CaseError, match="no forecast of the graph 'after-mission'"):
        ledger.resolve(path, graph="after-mission")


# --------------------------------------------------------------------------- scores


def entry(row, probabilities, outcome, *, as_of="2020-11-30", horizon=12, passed=True,
          kind="scenarios", prior=None, added="2000-01-01T00:00:00Z",
          evidence=date(2026, 1, 1), states=None):  # fmt: skip
    """An entry with one question, resolved to the possibility of that place, or not."""
    options = tuple(
        Option(f"S{i}", "", p, 0.01, 0.0, 1.0, None if prior is None else prior[i])
        for i, p in enumerate(probabilities)
    )
    asked = Asked("scenarios", kind, "", options)
    states = states or {o.id: VOID if outcome is None else NO for o in options}
    if outcome is not None:
        states[f"S{outcome}"] = YES
    made = Made(
        digest=f"{row}", file="", added=added, title="", model="ladder", priors="p", seed=1,
        versions={}, as_of=date.fromisoformat(as_of), horizon=horizon, data_digest="", own=(),
        passed=passed, verdict="", scenarios="", graph="", graph_digest="", nodes=(), theory="",
        questions=(asked,),
    )  # fmt: skip
    rulings = {"scenarios": Ruling(states, "")}
    return Entry(row, made, ((row + 1, Ruled(row, "", "", "", evidence, "", rulings, {})),))


def test_the_scores_of_one_question():
    found = scores.scored(e := entry(1, [0.5, 0.25, 0.25], 1, prior=[0.0, 0.5, 0.5]),
                          e.made.questions[0])  # fmt: skip
    assert found.brier == pytest.approx(0.25 + 0.5625 + 0.0625)
    assert found.log == pytest.approx(2.0)
    assert found.brier_mcse == pytest.approx(2 * 0.01 * (0.5 + 0.75 + 0.25))
    assert found.log_mcse == pytest.approx(0.01 / 0.25 / math.log(2))
    assert found.uniform_brier == pytest.approx(2 / 3)
    assert found.uniform_log == pytest.approx(math.log2(3))
    assert found.prior_brier == pytest.approx(0.5)
    assert found.prior_log == pytest.approx(1.0)


def test_what_is_not_resolved_is_not_scored():
    e = entry(1, [0.5, 0.5], None)
    assert scores.scored(e, e.made.questions[0]) is None
    found = track.scores([e], "here")
    assert found.overall.rows[0][1:5] == ("1", "0", "0", "1")
    assert found.forecasts.rows[0][3] == "VOID"
    assert found.calibration.notes[0].startswith("nothing is resolved of a forecast")


def test_a_probability_of_none_scores_infinite_and_says_so():
    found = track.scores([entry(1, [1.0, 0.0], 1), entry(3, [0.5, 0.5], 0)], "here")
    assert found.forecasts.data["log"].to_numpy().tolist() == [math.inf, 1.0]
    assert found.forecasts.rows[0][6] == "inf (> 6.6)"
    assert f"more than {math.log2(100):.1f} bits" in found.forecasts.notes[1]
    assert found.overall.data["log"].item() == math.inf
    assert math.isnan(found.overall.data["log_lower"].item())
    assert found.overall.rows[0][7] == "inf"


def test_a_forecast_whose_checks_failed_is_shown_and_not_counted():
    good, bad = entry(1, [0.5, 0.5], 0), entry(3, [0.0, 1.0], 0, passed=False)
    found = track.scores([good, bad], "here")
    assert found.forecasts.rows[1][-1] == "CHECKS FAILED"
    assert found.forecasts.rows[1][5].startswith("2.000")
    assert "row 3: checks failed" in found.forecasts.notes[1]
    assert found.overall.rows[0][1] == "1"
    assert found.overall.data["brier"].item() == pytest.approx(0.5)
    assert found.calibration.data["number"].sum() == 1
    alone = track.scores([bad], "here")
    assert alone.overall.notes == ("no forecast whose checks passed",)


def test_few_forecasts_are_said_to_be_too_few():
    found = track.scores([entry(i, [0.5, 0.5], 0) for i in (1, 3)], "here")
    assert found.overall.notes[0] == (
        "too few to say how good the forecasts are, of fewer than 10 days: scenarios (1)"
    )
    assert found.overall.rows[0][6] == "0.500 ± 0.020"
    assert found.overall.data["brier_mcse"].item() == pytest.approx(0.02)


def test_horizons_that_overlap_are_said_to():
    apart = [
        entry(1, [0.5, 0.5], 0, as_of="2020-11-30"),
        entry(3, [0.5, 0.5], 0, as_of="2021-11-30"),
    ]
    close = [apart[0], entry(3, [0.5, 0.5], 0, as_of="2021-10-31")]
    assert not any("overlap" in n for n in track.scores(apart, "").overall.notes)
    assert any("overlap" in n for n in track.scores(close, "").overall.notes)


def test_a_forecast_added_late_is_said_to_be_and_scored_apart():
    after, last_day = "2021-02-01T00:00:00Z", "2020-12-31T23:59:59Z"
    late, early = (entry(r, [0.5, 0.5], 0, added=a) for r, a in ((1, after), (3, last_day)))
    found = track.scores([late, early], "")
    assert (late.made.late, early.made.late) == (2, 0)
    assert "had ended: row 1 (2 of 12); what came" in found.forecasts.notes[1]
    assert [row[0] for row in found.overall.rows] == ["scenarios", "scenarios, added late"]
    assert (
        found.each.notes[-1]
        == found.calibration.notes[-1]
        == "1 of the 2 forecasts were added late"
    )
    assert len(track.scores([early], "").forecasts.notes) == 1


def test_what_comes_before_the_horizon_ends_waits_for_what_does_not_come():
    first, last = date(2021, 11, 29), date(2021, 11, 30)
    early, done = (entry(1, [0.5, 0.5], 0, evidence=day) for day in (first, last))
    assert (early.ended, done.ended) == (False, True)
    found = track.scores([early], "")
    assert found.forecasts.data["brier"].item() == pytest.approx(0.5)
    assert found.overall.rows[0][1:6] == ("1", "1", "0", "0", "0")
    assert "the horizon has not ended" in found.overall.notes[0]
    assert track.scores([done], "").overall.data["scored"].item() == 1


def test_what_is_excluded_counts_also_where_the_rest_is_void():
    states = {"S0": NO, "S1": VOID, "S2": VOID}
    half = entry(1, [0.2, 0.5, 0.3], None, states=states)
    found = track.scores([half, entry(3, [0.4, 0.3, 0.3], 0)], "")
    assert found.each.data["number"].to_numpy().tolist() == [2, 1, 1]
    assert found.each.data["brier"].to_numpy()[0] == pytest.approx((0.2**2 + 0.6**2) / 2)
    assert "looks too often given" in found.each.notes[1]
    assert found.calibration.data["number"].sum() == 4
    assert found.forecasts.rows[0][3:5] == ("VOID (S1 or S2)", "80 %")


def test_the_interval_of_a_mean_is_a_bootstrap_of_days(rng):
    """Against an exact standard error: days of two forecasts each, the second a copy."""
    days = [f"{y}-{m:02}-28" for y in range(2000, 2005) for m in range(1, 13)]
    p = rng.uniform(0.05, 0.95, len(days))
    once = [
        entry(2 * i, [x, 1 - x], 0, as_of=d) for i, (x, d) in enumerate(zip(p, days, strict=True))
    ]
    twice = [e for one in once for e in (one, replace(one, row=one.row + 1))]
    brier = 2 * (1 - p) ** 2
    found = track.scores(once, "").overall.data
    again = track.scores(twice, "").overall.data
    assert found["brier"].item() == pytest.approx(brier.mean())
    half = 1.645 * brier.std() / math.sqrt(len(days))
    for data in (found, again):
        assert data["brier_lower"].item() == pytest.approx(brier.mean() - half, abs=0.25 * half)
        assert data["brier_upper"].item() == pytest.approx(brier.mean() + half, abs=0.25 * half)


def test_each_scenario_is_a_question_of_its_own():
    made = [entry(1, [0.5, 0.25, 0.25], 1), entry(3, [0.5, 0.5, 0.0], 0)]
    found = track.scores(made, "").each
    assert found.data["brier"].to_numpy().tolist() == pytest.approx([0.25, 0.40625, 0.03125])
    assert found.data["came"].to_numpy().tolist() == [1, 1, 0]
    assert found.data["brier_mcse"].to_numpy() == pytest.approx([0.01, 0.0125, 0.0025])
    assert found.data["brier"].sum() == pytest.approx(
        track.scores(made, "").overall.data["brier"].item()
    )


def test_calibration_counts_what_came_of_what_was_given():
    made = [entry(i, [0.55, 0.35, 0.1], i % 3, as_of=f"{2000 + i}-01-31") for i in range(9)]
    found = track.scores(made, "").calibration
    assert [r[0] for r in found.rows] == ["10 to 20 %", "30 to 40 %", "50 to 60 %"]
    assert found.data["number"].to_numpy().tolist() == [9, 9, 9]
    assert found.data["came"].to_numpy().tolist() == [3, 3, 3]
    np.testing.assert_allclose(found.data["lower"], stats.beta.ppf(0.05, 3, 7))
    np.testing.assert_allclose(found.data["upper"], stats.beta.ppf(0.95, 4, 6))


def test_a_question_of_two_possibilities_counts_once():
    found = track.scores([entry(1, [0.25, 0.75], 1), entry(3, [1.0, 0.0], 0)], "").calibration
    assert [r[0] for r in found.rows] == ["0 to 10 %", "70 to 80 %"]
    assert found.data["number"].sum() == 2


def test_the_record_of_a_resolved_ledger(kept):
    ledger.resolve(kept, evidence=revised(cf.evidence.load(), 150))
    found = ledger.score(kept)
    (e,) = ledger.entries(kept)
    given_ = {o.id: o.probability for o in e.made.questions[0].options}
    expected = sum((p - (k == "S1")) ** 2 for k, p in given_.items())
    assert found.forecasts.data["brier"].item() == pytest.approx(expected)
    assert found.forecasts.data["log"].item() == pytest.approx(-math.log2(given_["S1"]))
    assert "<section>" not in found._repr_html_()
    assert str(kept) in repr(found)


# --------------------------------------------------------------------------- the program


@pytest.fixture
def saved(tmp_path, small_forecast):
    return small_forecast.save(tmp_path / "small.nc")


def test_the_program_adds_lists_resolves_and_scores(saved, path, capsys, small_forecast):
    asked = ["--ledger", str(path)]
    code = 0 if small_forecast.passed else 3
    assert main(["ledger", "add", str(saved), "--given", "Q1: no", *asked]) == code
    assert f"row 1 of {path}: small.nc, 10 questions" in capsys.readouterr().out
    assert main(["ledger", "add", str(saved), *asked]) == 2
    assert "row 1 is this forecast already" in capsys.readouterr().err
    assert main(["ledger", "resolve", *asked]) == 0
    told = capsys.readouterr().out
    assert "scenarios: S7, S8 VOID; S1, S2, S3, S4, S5, S6 NO" in told
    assert "Q1: yes YES; no NO" in told
    assert "annulled: status of peacekeepers holds" in told
    assert f"1 row of rulings added to {path}" in told
    assert main(["ledger", "list", *asked]) == 0
    assert f"Forecasts in {path}" in capsys.readouterr().out
    assert main(["ledger", "score", *asked]) == 0
    assert f"Scenarios of the forecasts in {path}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["list", "resolve", "score"])
def test_the_program_writes_json(kept, command, capsys):
    assert main(["ledger", command, "--json", "--ledger", str(kept)]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["ledger"] == str(kept)
    assert body["forecasts"][0]["row"] == 1
    if command != "score":
        assert body["forecasts"][0]["standing"]["Q1"]["outcome"] == "yes"
        assert body["forecasts"][0]["superseded"] == 1


def test_json_says_what_is_infinite():
    from caucasus_forecast.cli.ledger import _rows

    found = track.scores([entry(1, [1.0, 0.0], 1)], "").forecasts
    (row,) = _rows(found.data, names.ORIGIN)
    assert row["log"] == "inf"
    assert row["bound"] == pytest.approx(math.log2(100))
    assert row["prior_log"] is None


def test_the_program_refuses_a_place_before_work(saved, tmp_path, capsys):
    assert main(["ledger", "add", str(saved), "--ledger", str(tmp_path / "no" / "l")]) == 2
    assert "is not a folder; make it, or name another" in capsys.readouterr().err
    assert main(["ledger", "list", "--ledger", str(tmp_path / "l")]) == 2
    assert "no such ledger" in capsys.readouterr().err


def test_the_program_reads_counts_as_run_does(kept, tmp_path, capsys):
    table = tmp_path / "counts.csv"
    table.write_text("month,count\n2022-01,1\n2022-03,200\n")
    asked = ["ledger", "resolve", str(table), "--ledger", str(kept)]
    assert main(asked) == 2
    assert "no row for 2022-02" in capsys.readouterr().err
    assert main([*asked, "--gaps", "missing", "--as-of", "2026-06-30"]) == 0
    assert "max of battle_deaths is 200 or more" in capsys.readouterr().out


def test_the_program_is_told_what_is_void(kept, capsys):
    asked = ["ledger", "resolve", "--ledger", str(kept)]
    assert main([*asked, "--void", "Q1: no figure: none for 90 days", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)["forecasts"][0]
    assert body["standing"]["Q1"]["state"] == VOID
    assert body["rulings"][-1]["void"] == {"Q1": "no figure: none for 90 days"}
    assert main([*asked, "--void", "Q1"]) == 0
    assert "Q1: yes YES; no NO" in capsys.readouterr().out
    assert main([*asked, "--void", "Q1"]) == 2
    assert "comes without a reason" in capsys.readouterr().err


def test_a_value_that_was_written_is_read_back(kept):
    for row in book.rows(kept):
        value = values.read(row.kind, row.content, "")
        assert values.written(value) == row.content


def test_text_that_is_no_text_any_more_is_a_row_that_is_not_as_it_was_written(path, small_forecast):
    ledger.add(small_forecast, path)
    body = bytearray(path.read_bytes())
    body[body.index(b'"verdict"') + 3] = 0xFF
    path.write_bytes(body)
    with pytest.raises(CorruptResultError, match="row 1 is not as it was written") as told:
        ledger.entries(path)
    assert "digest" not in str(told.value), "what the row holds is not told"


def test_arguments_of_the_wrong_kind(path, small_forecast):
    with pytest.raises(CaseError, match="the forecast to add is given as str; load it first"):
        ledger.add("small.nc", path)
    with pytest.raises(QuestionError, match=r"given is a list.*given=\['Q1: no'\]"):
        ledger.add(small_forecast, path, given="Q1: no")
    ledger.add(small_forecast, path)
    with pytest.raises(CaseError, match="void is given as list; give"):
        ledger.resolve(path, void=["S1"])
    with pytest.raises(EvidenceError, match="evidence is given as str; a table of counts is"):
        ledger.resolve(path, evidence="later.csv")


def test_words_of_sqlite_that_are_no_text_are_damage(path, small_forecast):
    ledger.add(small_forecast, path)
    body = bytearray(path.read_bytes())
    body[body.index(b"CREATE TRIGGER entry_stays") + 8] = 0xFF
    path.write_bytes(body)
    with pytest.raises(CorruptResultError, match=r"ledger\.sqlite: .*take the ledger from a copy"):
        ledger.entries(path)
