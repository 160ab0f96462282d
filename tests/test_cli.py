"""The program: exit codes, what it writes, what it refuses, and what it does not import."""

import csv
import hashlib
import json
import logging
import os
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

import caucasus_forecast as cf
from caucasus_forecast import case as cases
from caucasus_forecast import cli, plots
from caucasus_forecast import forecasting as engine
from caucasus_forecast.cli import results
from caucasus_forecast.errors import EvidenceError

PRIORS = Path(cf.__file__).parent / "priors"

COUNTS = "month,count\n2021-01,3\n2021-02,5\n2021-03,0\n"
HEAVY = (
    "pymc",
    "pytensor",
    "arviz",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "networkx",
    "matplotlib",
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, with a file of counts in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counts.csv").write_text(COUNTS)
    return tmp_path


@pytest.fixture
def made(altered, monkeypatch):
    """Let `run` return a ready forecast at once, with pictures that cost nothing."""
    monkeypatch.setattr(plots, "files", lambda forecast: (_pictures(), {}))

    def make(passed=True):
        asked = []

        def run(case, **options):
            asked.append((case, options))
            return altered(passed=passed, case=case.to_json())

        monkeypatch.setattr(engine, "run", run)
        return asked

    return make


def _pictures():
    return {f"{n}.{kind}": b"<svg/>" for n in plots.PICTURES for kind in ("png", "svg")}


def left(folder):
    return sorted(p.name for p in folder.iterdir())


# --------------------------------------------------------------------------- light commands


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["run", "--help"], ["validate", "counts.csv"], ["models"]],
)
def test_light_commands_import_nothing_heavy(here, arguments):
    program = (
        "import sys; from caucasus_forecast.cli import main; code = main(sys.argv[1:]); "
        f"found = [m for m in {HEAVY!r} if m in sys.modules]; "
        "sys.exit(f'{code} {found}' if code or found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=here
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_case_is_validated_without_the_sampler(here):
    (here / "mine.toml").write_text('name = "mine"\nevidence = "counts.csv"\n')
    program = (
        "import sys; from caucasus_forecast.cli import main; main(['validate', 'mine.toml']); "
        f"sys.exit(str([m for m in {HEAVY!r} if m in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=here)
    assert done.stderr.strip() == ""
    assert "2021-01-01  2021-03-31    90      8" in done.stdout


def test_the_module_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "caucasus_forecast", "--version"], capture_output=True, text=True
    )
    assert done.stdout == "caucasus-forecast 0.1.0\n"


def test_without_arguments_it_shows_its_commands(capsys):
    cli.main([])
    shown = capsys.readouterr()
    for command in ("run", "validate", "priors", "graph", "cases", "models"):
        assert f"  {command} " in shown.out + shown.err


@pytest.mark.parametrize(
    "arguments", [["--nope"], ["run", "--nope"], ["run", "--seed", "x"], ["validate"], ["nothing"]]
)
def test_usage_errors_are_2(capsys, arguments):
    assert cli.main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="pipes are of POSIX")
@pytest.mark.parametrize("arguments", [["graph"], ["--help"], ["validate", "counts.csv"]])
def test_a_reader_that_goes_away_is_no_fault(here, arguments):
    read, write = os.pipe()
    os.close(read)
    program = [sys.executable, "-m", "caucasus_forecast", *arguments]
    done = subprocess.run(program, stdout=write, stderr=subprocess.PIPE, text=True, cwd=here)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


# --------------------------------------------------------------------------- validate


def test_validate_says_what_it_understood(here, capsys):
    assert cli.main(["validate", "counts.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["series"] == [
        {
            "series": "battle_deaths",
            "node": "tension",
            "rows": 3,
            "start": "2021-01-01",
            "end": "2021-03-31",
            "days": 90,
            "total": 8,
        }
    ]
    assert found["as_of"] == "2021-03-31"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("month,count\n2021-01,-3\n", "row 2"),
        ("day,deaths\n2021-01-01,3\n", "needed"),
        ("start,end,series,count\n2021-01-01,2021-01-31,nonsense,3\n", "unknown series 'nonsense'"),
        ("", "empty"),
    ],
)
def test_validate_refuses_with_the_place_and_the_cure(here, capsys, text, words):
    (here / "bad.csv").write_text(text)
    assert cli.main(["validate", "bad.csv"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert words in shown.err
    assert shown.out == ""


def validated(capsys, *arguments):
    """The one object that `validate --json` prints of what cannot be used."""
    assert cli.main(["validate", *arguments, "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.err == ""
    return json.loads(shown.out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gaps", "nope"], "gaps is 'nope'; Allowed: error, missing, zero"),
        (["--date-format", "%Q"], "date_format is '%Q'; write one year"),
        (["--first", "2024-13-01"], "first is '2024-13-01'"),
    ],
)
def test_validate_tells_a_wrong_choice_as_json(here, capsys, options, words):
    found = validated(capsys, "counts.csv", *options)
    (problem,) = found["problems"]
    assert (found["file"], found["kind"]) == ("counts.csv", "counts")
    assert {k: problem[k] for k in ("place", "row", "column", "value", "cure")} == {
        "place": "counts.csv", "row": None, "column": "", "value": "", "cure": "",
    }  # fmt: skip
    assert problem["problem"].startswith(words)
    assert problem["message"] == f"counts.csv: {problem['problem']}"


def test_validate_tells_a_case_that_is_none_as_json(here, capsys):
    assert validated(capsys, "none.toml")["problems"][0]["message"] == (
        "none.toml: no such file; check the path"
    )
    (here / "mine.toml").write_text('name = "mine"\npriors = "alyarli-2020"\n')
    found = validated(capsys, "mine.toml")
    assert (found["kind"], len(found["problems"])) == ("case", 1)
    assert "did you mean 'alyarli-2021'" in found["problems"][0]["problem"]
    (here / "own.toml").write_text("[[drop]]\nnothing = 1\n")
    assert validated(capsys, "own.toml")["kind"] == "graph"


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("month,series,count\n2021-01,battle_deaths,3\n2021-02,nope,3\n", 3, "unknown series"),
        ("month,count\n2021-01,3\n2021-02,4\n", 3, "has not begun"),
        ("month,count\n2021-01,3\n2021-02,1\n2021-01,3\n", 4, "is listed twice"),
        ("id,date,deaths\nA,2021-01-05,3\nA,2021-01-09,4\n", 3, "is listed twice"),
        (
            "start,end,series,count\n2021-01-01,2021-01-31,battle_deaths,3\n"
            "2021-01-20,2021-02-10,battle_deaths,4\n", 3, "overlaps",
        ),
    ],
)  # fmt: skip
def test_validate_numbers_the_row_wherever_it_is_known(here, monkeypatch, capsys, text, row, words):
    today = date(2021, 1 if words == "has not begun" else 3, 28)
    monkeypatch.setattr("caucasus_forecast.evidence.settling.today", lambda: today)
    (here / "bad.csv").write_text(text)
    problems = validated(capsys, "bad.csv")["problems"]
    (problem,) = [p for p in problems if words in p["problem"]]
    assert problem["row"] == row
    assert cli.main(["validate", "bad.csv"]) == 2
    assert f"  row {row} " in capsys.readouterr().err


HEADER = "start,end,series,count\n"
TWO_MONTHS = "2021-01-01,2021-01-31,battle_deaths,3\n2021-02-01,2021-02-28,battle_deaths,4\n"


@pytest.mark.parametrize(
    ("row", "words", "cure"),
    [
        (
            "2021-03-01,2021-06-30,battle_deaths,900000\n",
            "a total of 900,000 over 4 months, and at most 250,000",
            "give the months one by one",
        ),
        (
            "2021-02-01,2021-02-28,reports_azerbaijan,300000000\n",
            "300,000,000 in 0.9 months, and the priors expect about 10 a month",
            "check the count, or widen 'reports_azerbaijan.base'",
        ),
    ],
)
def test_validate_knows_what_a_forecast_would_refuse(here, capsys, row, words, cure):
    (here / "bad.csv").write_text(HEADER + TWO_MONTHS + row)
    (problem,) = validated(capsys, "bad.csv")["problems"]
    assert (problem["row"], problem["cure"]) == (4, cure)
    assert problem["problem"].startswith(words)
    assert cli.main(["run", "bad.csv"]) == 2
    assert cure in capsys.readouterr().err


def test_validate_knows_a_day_after_which_nothing_is_known(here, capsys):
    text = 'name = "mine"\nevidence = "counts.csv"\nas_of = 2041-02-28\n'
    (here / "mine.toml").write_text(text)
    said = validated(capsys, "mine.toml")["problems"][0]["message"]
    assert "20 years after the last that is known of tension (2021-03-31)" in said
    assert cli.main(["run", "mine.toml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("as_of = 2099-01-31", "73 years after the last that is known of tension"),
        ("as_of = 1890-01-31", "no observation of tension ends by 1890-01-31; give earlier counts"),
        ('priors = "narrow.toml"', "in 2.8 months, and the priors expect about 2.32e-16"),
        ('graph = "bare.toml"', "the graph 'bare' comes without battle_deaths; give counts"),
    ],
)
def test_validate_knows_what_embedded_evidence_does_not_bear(here, capsys, line, words):
    low = cf.priors.Normal(-36.0, 0.1)
    narrow = cf.priors.load("alyarli-2021").replace({"reports_azerbaijan.base": low})
    (here / "narrow.toml").write_text(cf.priors.to_toml(narrow))
    (here / "bare.toml").write_text('name = "bare"\n[[node]]\nname = "tension"\nkind = "process"\n')
    (here / "mine.toml").write_text(f'name = "mine"\n{line}\n')
    said = validated(capsys, "mine.toml")["problems"][0]["message"]
    assert words in said
    assert cli.main(["run", "mine.toml"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("evidence", ["counts.csv", "embedded"])
def test_validate_knows_a_day_of_publication_that_has_not_come(here, monkeypatch, capsys, evidence):
    monkeypatch.setattr("caucasus_forecast.evidence.settling.today", lambda: date(2026, 3, 10))
    text = f'name = "mine"\nevidence = "{evidence}"\npublished = 2026-03-11\n'
    (here / "mine.toml").write_text(text)
    said = validated(capsys, "mine.toml")["problems"][0]["message"]
    assert "published is 2026-03-11, and today is 2026-03-10; give the day they came out" in said
    assert cli.main(["run", "mine.toml"]) == 2
    assert "published is 2026-03-11, and today is 2026-03-10" in capsys.readouterr().err


def test_validate_counts_the_rows_a_case_leaves_out(here, capsys):
    text = 'name = "mine"\nevidence = "counts.csv"\nas_of = 2021-02-28\n'
    (here / "mine.toml").write_text(text)
    assert cli.main(["validate", "mine.toml"]) == 0
    assert "1 of 3 rows end after that day" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["priors", "scenarios"])
def test_validate_knows_the_shipped_sets(here, capsys, key):
    (here / "mine.toml").write_text(f'name = "mine"\n{key} = "alyarli-2020"\n')
    assert cli.main(["validate", "mine.toml"]) == 2
    assert "did you mean 'alyarli-2021'" in capsys.readouterr().err


# --------------------------------------------------------------------------- run: what it writes


def test_run_writes_the_whole_folder(here, altered, monkeypatch, capsys):
    monkeypatch.setattr(engine, "run", lambda case, **_: altered())
    monkeypatch.setenv("ACLED_TOKEN", "canary-3f9a")
    assert cli.main(["run"]) == 0
    shown = capsys.readouterr()
    folder = here / "caucasus-forecast-alyarli-2021"
    assert left(here) == ["caucasus-forecast-alyarli-2021", "counts.csv"]
    tables = ["scenarios.csv", "questions.csv", "manifest.json", "case.toml"]
    assert set(left(folder)) == {"forecast.nc", "report.html", *tables, *_pictures()}
    assert "S1  renewed war" in shown.out
    assert "all checks passed" in shown.out
    assert f"wrote {folder}" in shown.out
    assert shown.err.splitlines() == ["starting up", "drawing and writing"]
    assert not [p for p in folder.rglob("*") if p.is_file() and b"canary-3f9a" in p.read_bytes()]
    assert engine.load(folder / "forecast.nc").scenarios.rows == altered().scenarios.rows


def test_the_manifest_lists_every_file(here, made):
    made()
    assert cli.main(["run", "--out", "out"]) == 0
    manifest = json.loads((here / "out" / "manifest.json").read_text())
    assert {f["name"] for f in manifest["files"]} == set(left(here / "out")) - {"manifest.json"}
    for entry in manifest["files"]:
        body = (here / "out" / entry["name"]).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert manifest["verdict"]["passed"] is True
    assert manifest["attrs"]["case"]["name"] == "alyarli-2021"
    assert manifest["rerun"] == "caucasus-forecast run case.toml"


def test_the_folder_can_be_run_again(here, made):
    asked = made()
    (here / "my priors.toml").write_bytes(_shipped_priors())
    options = ["--priors", "my priors.toml", "--horizon", "3", "--seed", "7", "--draws", "50"]
    assert cli.main(["run", "counts.csv", *options, "--as-of", "2021-02-28"]) == 0
    folder = here / "caucasus-forecast-counts"
    again = cases.load(folder / "case.toml")
    first = asked[0][0]
    assert (folder / "inputs/evidence/counts.csv").read_text() == COUNTS
    assert again.evidence == str(folder / "inputs/evidence/counts.csv")
    assert again.priors == str(folder / "inputs/priors/my-priors.toml")
    same = ("name", "horizon", "model", "scenarios", "seed", "draws", "tune", "chains", "sampler")
    assert [getattr(again, k) for k in same] == [getattr(first, k) for k in same]
    assert (first.horizon, first.seed, first.draws, first.as_of) == (3, 7, 50, date(2021, 2, 28))


def _shipped_priors():
    from importlib.resources import files

    return files("caucasus_forecast").joinpath("priors", "agnostic.toml").read_bytes()


def test_options_change_a_case_file(here, made):
    asked = made()
    (here / "mine.toml").write_text('name = "mine"\nhorizon = 3\nmodel = "drift"\n')
    assert cli.main(["run", "mine.toml", "--horizon", "5", "--out", "a/b/out"]) == 0
    case, options = asked[0]
    assert (case.horizon, case.model) == (5, "drift")
    assert options["bar"] is False
    assert (here / "a/b/out/report.html").is_file()


def test_json_is_one_object_and_nothing_else(here, made, capsys):
    made()
    assert cli.main(["run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"folder", "verdict", "scenarios", "questions", "attrs"}
    assert sum(s["probability"] for s in found["scenarios"]) == pytest.approx(1)
    first = found["scenarios"][0]
    assert first["by_month"]["2022-05"] == pytest.approx(first["probability"])
    assert found["attrs"]["seed"] == 2021


def test_quiet_is_silent(here, made, capsys):
    made()
    assert cli.main(["run", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("caucasus_forecast").handlers == []


def test_cells_are_no_formulas():
    rows = [{"title": t, "probability": 0.5} for t in ("=1+1", "+x", "-x", "@x", "\tx", 'a "b", c')]
    read = list(csv.DictReader(results._csv(rows).splitlines()))
    assert [r["title"] for r in read] == ["'=1+1", "'+x", "'-x", "'@x", "'\tx", 'a "b", c']


def test_a_case_survives_its_own_toml(tmp_path):
    case = cases.make("test", {"name": "x", "title": 'a "b" \\ c\n\x7f é', "horizon": 3})
    path = tmp_path / "case.toml"
    path.write_text(results._case_toml(case, {}, "2021-11-30"), encoding="utf-8")
    assert cases.load(path) == case.model_copy(update={"as_of": date(2021, 11, 30)})


def test_control_characters_do_not_reach_the_terminal(here, altered, made, monkeypatch, capsys):
    made()
    monkeypatch.setattr(engine, "run", lambda case, **_: altered(title="a\x1b]0;b\x07"))
    assert cli.main(["run"]) == 0
    assert "\x1b" not in capsys.readouterr().out


# --------------------------------------------------------------------------- run: what goes wrong


def test_failed_checks_are_3_and_written_all_the_same(here, made, capsys):
    made(passed=False)
    assert cli.main(["run"]) == 3
    shown = capsys.readouterr()
    assert "WARNING: checks failed" in shown.out
    folder = here / "caucasus-forecast-alyarli-2021"
    assert "CHECKS FAILED" in (folder / "report.html").read_text()
    assert json.loads((folder / "manifest.json").read_text())["verdict"]["passed"] is False
    assert cli.main(["run", "--json", "--overwrite"]) == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out)["verdict"]["passed"] is False
    assert "warning: checks failed" in shown.err


def test_ctrl_c_is_130_and_leaves_nothing(here, monkeypatch, capsys):
    def interrupted(case, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "run", interrupted)
    assert cli.main(["run", "--quiet"]) == 130
    assert capsys.readouterr().err == "interrupted: nothing is left half written; run it again\n"
    assert left(here) == ["counts.csv"]


def test_an_error_of_the_library_is_2_and_leaves_nothing(here, monkeypatch, capsys):
    def refused(case, **_):
        raise EvidenceError("no observation of tension ends by 1900-01-01; give earlier counts")

    monkeypatch.setattr(engine, "run", refused)
    assert cli.main(["run", "--quiet"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: no observation of tension")
    assert shown.out == ""
    assert left(here) == ["counts.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch.csv"], "no such file"),
        (["nosuch.toml"], "no such file"),
        (["alyarli-2020"], "did you mean 'alyarli-2021'"),
        (["--as-of", "01/02/2021"], "as_of is '01/02/2021'"),
        (["--horizon", "0"], "horizon is 0"),
        (["--model", "laddr"], "did you mean 'ladder'"),
        (["--sampler", "nuts"], "Allowed: nutpie, pymc"),
        (["--draws", "1"], "draws is 1"),
        (["--priors", "agnostc"], "did you mean 'agnostic'"),
        (["--priors", "nosuch.toml"], "no such file"),
    ],
)
def test_bad_input_is_2_before_anything_slow(here, made, capsys, arguments, words):
    asked = made()
    assert cli.main(["run", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert asked == []
    assert left(here) == ["counts.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", "battle_deths >= 3"], "did you mean 'battle_deaths'?"),
        (["ask", "treaty within 16 months"], "16 months is beyond the horizon of 12"),
        (["ask", "treaty", "--within", "40 months"], "beyond the horizon of 12"),
        (["do", "tensoin=1"], "no node 'tensoin'; did you mean 'tension'?"),
        (["do", "tension=1", "--start", "2029-01"], "start 2029-01 is not among the months"),
        (["do", "tension=1", "--on", "S9"], "no 'S9'"),
        (["do", "tension=calm", "--since", "2030-01"], "since 2030-01 is not among the months"),
        (["do", "tension=calm", "--since", "2020-05"], "begin after it, since 2020-12"),
        (["do", "tensoin=1", "--since", "2021-05"], "did you mean 'tension'?"),
        (["paths", "tension", "presure"], "did you mean 'pressure'?"),
        (["sensitivity", "--scenario", "S12"], "no scenario 'S12'"),
        (["sensitivity", "--link", "tension->presure"], "did you mean 'tension->pressure'?"),
        (["signposts", "--within", "30"], "write whole months, 1 to 12"),
        (["spread", "foo > 1"], "no series 'foo'"),
        (["spread", "S1 given treaty"], "leave out 'given'"),
    ],
)
def test_a_slip_is_2_before_the_embedded_case_is_fitted(made, capsys, arguments, words):
    asked = made()
    assert cli.main(arguments) == 2
    assert words in capsys.readouterr().err
    assert asked == []


def test_a_folder_in_the_way_is_kept_unless_told(here, made, capsys):
    asked = made()
    assert cli.main(["run", "--out", "out"]) == 0
    (here / "out" / "scenarios.csv").write_text("old")
    assert cli.main(["run", "--out", "out"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (here / "out" / "scenarios.csv").read_text() == "old"
    assert len(asked) == 1
    assert cli.main(["run", "--out", "out", "--overwrite"]) == 0
    assert (here / "out" / "scenarios.csv").read_text() != "old"
    assert left(here) == ["counts.csv", "out"]


def test_what_it_did_not_write_it_does_not_delete(here, made, capsys):
    made()
    for folder in ("out", "other"):
        (here / folder).mkdir()
    assert cli.main(["run", "--out", "out"]) == 0  # an empty folder is free
    (here / "out" / "notes.txt").write_text("mine")
    (here / "other" / "notes.txt").write_text("mine")
    for folder in ("out", "other"):
        assert cli.main(["run", "--out", folder, "--overwrite"]) == 2
        assert "'notes.txt', which this program did not write" in capsys.readouterr().err
    assert cli.main(["run", "--out", "counts.csv", "--overwrite"]) == 2
    assert cli.main(["run", "--out", ".", "--overwrite"]) == 2
    assert (here / "counts.csv").read_text() == COUNTS


@pytest.mark.parametrize("out", ["..", "../../out", "../inputs/..", "{link}/out", "../nowhere/.."])
def test_the_folder_one_works_in_is_known_by_any_name(here, made, monkeypatch, capsys, out):
    made()
    assert cli.main(["run", "--out", "out"]) == 0
    before = left(here / "out")
    (here / "link").symlink_to(here)
    (here / "out" / "inputs").mkdir(exist_ok=True)
    monkeypatch.chdir(here / "out" / "inputs")
    folder = out.format(link=here / "link")
    assert cli.main(["run", "--out", folder, "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert f"{here / 'out'}: is the folder you work in; name a new one with --out" in said
    assert left(here / "out") == sorted({*before, "inputs"})


def test_a_folder_beside_the_one_one_works_in_is_replaced_whole(here, made, monkeypatch):
    made()
    (here / "desk").mkdir()
    monkeypatch.chdir(here / "desk")
    assert cli.main(["run", "--out", "../out"]) == 0
    assert cli.main(["run", "--out", "../desk/../out", "--overwrite"]) == 0
    assert left(here) == ["counts.csv", "desk", "out"]
    assert left(here / "desk") == []


def test_a_run_that_breaks_keeps_the_old_folder(here, made, monkeypatch):
    made()
    assert cli.main(["run", "--out", "out"]) == 0
    before = {p.name: p.read_bytes() for p in (here / "out").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "_manifest", full)
    assert cli.main(["run", "--out", "out", "--overwrite"]) == 2
    assert {p.name: p.read_bytes() for p in (here / "out").iterdir()} == before
    assert left(here) == ["counts.csv", "out"]


def test_where_nothing_can_be_written_is_said_first(here, made, capsys):
    asked = made()
    assert cli.main(["run", "--out", "counts.csv/out"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert asked == []


# --------------------------------------------------------------------------- what there is


def test_priors_are_listed_shown_and_compared(capsys):
    assert cli.main(["priors", "list"]) == 0
    assert "  agnostic " in capsys.readouterr().out
    assert cli.main(["priors", "show", "alyarli-2021"]) == 0
    shown = capsys.readouterr().out
    assert "tension->transport_delay" in shown
    assert "Normal(mu=0.65, sigma=0.2)" in shown
    assert cli.main(["priors", "diff", "agnostic", "agnostic"]) == 0
    assert capsys.readouterr().out == "no differences\n"
    assert cli.main(["priors", "diff", "agnostic", "sceptical"]) == 0
    assert "Normal(mu=0, sigma=0.1)" in capsys.readouterr().out
    assert cli.main(["priors", "show", "nobody"]) == 2


def test_cases_and_models_are_listed(capsys):
    assert cli.main(["cases"]) == 0
    assert "alyarli-2021" in capsys.readouterr().out
    assert cli.main(["models"]) == 0
    names = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert names == list(cases.MODEL_NAMES)


def test_the_graph_is_drawn_in_every_form(here, capsys):
    assert cli.main(["graph", "--focus", "pressure"]) == 0
    text = capsys.readouterr().out
    assert "bargaining -> pressure" in text
    assert "[bargaining-to-pressure]" in text
    assert cli.main(["graph", "--format", "mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR")
    assert cli.main(["graph", "--format", "svg", "--out", "graph.svg"]) == 0
    assert (here / "graph.svg").read_text().startswith("<svg")
    assert cli.main(["graph", "--format", "svg", "--out", "graph.svg"]) == 2
    assert cli.main(["graph", "--format", "png"]) == 2
    assert cli.main(["graph", "--focus", "presure"]) == 2
    assert "did you mean 'pressure'" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- backtest

PANEL = "month,North,South\n" + "".join(
    f"{2012 + i // 12}-{i % 12 + 1:02d},{i % 3},{7 * (i % 5 == 0)}\n" for i in range(48)
)


def test_a_backtest_prints_its_table_and_keeps_its_origins(here, capsys):
    (here / "panel.csv").write_text(PANEL)
    options = ["panel.csv", "--models", "own36,conflictology12", "--first", "2014-12"]
    assert cli.main(["backtest", *options, "--last", "2015-02", "--out", "kept"]) == 0
    told = capsys.readouterr()
    assert "conflictology12" in told.out
    assert "3 of 3 origins" in told.err
    names = sorted(p.name for p in (here / "kept").iterdir())
    assert names == ["2014-12.csv", "2015-01.csv", "2015-02.csv", "backtest.json"]
    assert cli.main(["backtest", *options, "--last", "2015-02", "--json"]) == 0
    told = capsys.readouterr()
    assert [m["model"] for m in json.loads(told.out)["models"]] == ["own36", "conflictology12"]
    assert told.err == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--models", "tenson"], "did you mean 'tension'"),
        (["--models", "ladder", "panel.csv"], "is a model of Armenia-Azerbaijan"),
        (["--horizons", "1,soon"], "'soon' is not a whole number"),
        (["--first", "1990-01"], "the counts allow"),
        (["--workers", "0"], "--workers 0"),
        (["nowhere.csv"], "no such file"),
    ],
)
def test_a_backtest_that_cannot_be_made_says_why(here, capsys, options, words):
    (here / "panel.csv").write_text(PANEL)
    assert cli.main(["backtest", *options]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert "Traceback" not in told.err


# ------------------------------------------------------------------------------- ask, compare


@pytest.fixture
def saved(small_forecast, tmp_path):
    return str(small_forecast.save(tmp_path / "forecast.nc"))


def test_ask_prints_what_the_forecast_answers(saved, small_forecast, capsys):
    question = "battle_deaths >= 100 within 3 months"
    cli.main(["ask", question, "months until treaty", "--forecast", saved, "--json"])
    found = json.loads(capsys.readouterr().out)["answers"]
    told = small_forecast.probability(question)
    assert found[0]["probability"] == pytest.approx(told.probability)
    assert found[1]["never"] == pytest.approx(small_forecast.ask("months until treaty").never)


def test_a_question_that_does_not_parse_is_pointed_at_before_anything_is_made(capsys):
    assert cli.main(["ask", "treaty witin 6 months"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[2] == " " * 9 + "^" * 5
    assert "did you mean 'within'" in told[3]


def test_compare_prints_every_set_and_draws_it(saved, tmp_path, capsys):
    near = tmp_path / "near.toml"
    text = (PRIORS / "alyarli-2021.toml").read_text(encoding="utf-8")
    near.write_text(text.replace('name = "alyarli-2021"', 'name = "near"'), encoding="utf-8")
    picture = tmp_path / "compared.svg"
    arguments = ["compare", str(near), "--forecast", saved, "--plot", str(picture), "--json"]
    cli.main(arguments)
    own, other = json.loads(capsys.readouterr().out)["comparison"]
    assert other["priors"] == "near"
    for a, b in zip(own["scenarios"], other["scenarios"], strict=True):
        assert b["probability"] == pytest.approx(a["probability"], abs=1e-9)
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert cli.main(arguments) == 2
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "nobody"], "no prior set 'nobody'"),
        (["compare", "agnostic", "--plot", "x.pdf"], "must end in .svg or .png"),
        (["ask", "treaty", "--forecast", "none.nc"], "none.nc: no such file"),
    ],
)
def test_ask_and_compare_refuse_in_words(arguments, message, capsys):
    assert cli.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_folder_of_an_update_has_the_priors_that_made_it(small_forecast, tmp_path, capsys):
    swapped = small_forecast.with_priors({"tension->pressure": cf.Normal(0.4, 0.2)})
    source, out = swapped.save(tmp_path / "f.nc"), tmp_path / "out"
    code = cli.main(["update", str(source), "--as-of", "2021-12-31", "--out", str(out), "--quiet"])
    case = tomllib.loads((out / "case.toml").read_text("utf-8"))
    held = cf.priors.load(out / case["priors"])
    assert held.digest == swapped.tree.attrs["prior_digest"]
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["rerun"] == "caucasus-forecast run case.toml"
    assert ("warning: checks failed" in capsys.readouterr().err) == (code == 3)
