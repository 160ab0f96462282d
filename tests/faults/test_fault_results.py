"""Faults 58 to 73, in what is saved: refused by name, never run, never lost, never out of place."""

import json
import os
import sqlite3
import subprocess
import sys
import textwrap

import h5py
import pytest
from faulty import GOLDEN, left, program

import caucasus_forecast as cf
from caucasus_forecast import storage
from caucasus_forecast.cli.folders import new_folder
from caucasus_forecast.storage import guard

READERS = {
    "ask": ("ask", "treaty", "--forecast"),
    "compare": ("compare", "agnostic", "--forecast"),
    "do": ("do", "treaty=signed", "--forecast"),
    "paths": ("paths", "tension", "treaty", "--forecast"),
    "sensitivity": ("sensitivity", "--forecast"),
    "signposts": ("signposts", "--forecast"),
    "spread": ("spread", "--forecast"),
    "export": ("export", "--format", "csv", "--out", "out.csv"),
    "reproduce": ("reproduce",),
    "update": ("update", "--as-of", "2021-12-31"),
    "ledger": ("ledger", "add", "--ledger", "ledger.sqlite"),
}


def assert_refused(body, words, here, readers=READERS):
    """Every command that reads a forecast refuses these bytes, and leaves nothing."""
    (here / "bad.nc").write_bytes(body)
    for name in readers:
        told = program(*READERS[name], "bad.nc")
        assert told.code == 2, name
        assert told.err.startswith("error: bad.nc: "), name
        assert words in told.err, name
    assert left(here) == ["bad.nc"]


# ------------------------------------------------------------------------------------- bytes


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.999])
def test_fault_58_cut_short(share, here):
    assert_refused(GOLDEN[: int(share * len(GOLDEN))], "damaged: it ", here)


@pytest.mark.parametrize("where", [600, len(GOLDEN) // 3, len(GOLDEN) // 2, len(GOLDEN) - 100])
def test_fault_59_a_flipped_byte(where, here):
    body = bytearray(GOLDEN)
    body[where] ^= 8
    assert_refused(bytes(body), "damaged: ", here, ("ask", "export", "ledger"))


@pytest.fixture
def folder(short, here):
    """The folder of a run, as little as one may hold."""
    place = here / "out"
    place.mkdir()
    short.save(place / "forecast.nc")
    (place / "manifest.json").write_bytes(storage.folder.manifest({"program": "x"}, place))
    return place


def test_fault_59_a_swapped_file_and_an_edited_manifest(folder, short):
    short.do(treaty="signed").save(folder / "forecast.nc", overwrite=True)
    told = program("ask", "treaty", "--forecast", "out")
    assert (told.code, "is not the file that manifest.json lists" in told.err) == (2, True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][0]["sha256"] = storage.folder.sha256((folder / "forecast.nc").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    told = program("ask", "treaty", "--forecast", "out")
    assert (told.code, "manifest.json: was edited after it was written" in told.err) == (2, True)


# ------------------------------------------------------------------------------------- contents


def resealed(path, change):
    """The bytes of a forecast that was changed inside, by someone who knows how seals are made."""
    import hashlib

    path.write_bytes(GOLDEN)
    with h5py.File(path, "r+") as file:
        change(file)
    body = path.read_bytes()
    return body + storage.netcdf.SEALED + hashlib.sha256(body).hexdigest().encode() + b"\n"


HARM = {
    "dotted path": (lambda f: f.attrs.__setitem__("factory.class", "os.system"), "is not a name"),
    "pickled bytes": (
        lambda f: f["fans"].create_dataset("x", data=__import__("numpy").void(b"\x80\x04cos\n")),
        "holds neither numbers nor text",
    ),
    "large attribute": (
        lambda f: f.attrs.update(big="a" * (guard.LONGEST_TEXT + 1)),
        "attribute 'big' of '/' has more than",
    ),
    "external link": (
        lambda f: f["fans"].__setitem__("x", h5py.ExternalLink("/etc/passwd", "/")),
        "is an external link, which is never followed",
    ),
    "a name": (lambda f: f.attrs.__setitem__("title", "another"), "'/' is not what was saved"),
    "a value": (lambda f: f["scenarios/probability"].__setitem__(0, 0.9), "is not what was saved"),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_fault_61_what_no_forecast_holds(harm, here):
    change, words = HARM[harm]
    assert_refused(resealed(here / "bad.nc", change), words, here, ("ask", "reproduce", "ledger"))


UNLIKE = {
    "no group": (lambda t: t.__delitem__("prior"), "the group 'prior' is missing"),
    "no checks": (lambda t: t["diagnostics"].attrs.clear(), "its checks neither passed nor failed"),
    "no case": (lambda t: t.attrs.pop("case"), "its attribute 'case' is not a text"),
    "no JSON": (lambda t: t.attrs.update(versions="{["), "its attribute 'versions' is not JSON"),
    "deep JSON": (lambda t: t.attrs.update(case="[" * 9999), "its attribute 'case' is not JSON"),
    "no day": (lambda t: t.attrs.update(as_of="soon"), "'as_of' is 'soon', not a day"),
    "other draws": (lambda t: t.attrs.update(horizon=7), "'predictions' has 2 months, not 7"),
    "NaN": (lambda t: t["posterior"]["base"].__setitem__(..., float("nan")), "values that cannot"),
    "no scenario": (lambda t: t["predictions"]["resolved"].__setitem__(..., 99), "values that"),
    "other links": (
        lambda t: t.__setitem__("posterior", t["posterior"].to_dataset().isel(edge=slice(5))),
        "the draws of 'slope' are not those of the graph",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNLIKE)
def test_fault_61_a_sealed_file_that_is_no_whole_forecast(what, short, here):
    change, words = UNLIKE[what]
    tree = short.tree.copy(deep=True)
    change(tree)
    storage.save(tree, "bad.nc")
    told = program("do", "treaty=signed", "--forecast", "bad.nc")
    assert told.code == 2
    assert words in told.err


# ------------------------------------------------------------------------------------- in the way


def test_fault_63_what_is_there_is_kept_unless_told(asked, golden, here):
    assert program("run", "--out", "out").code == 3
    (here / "out" / "scenarios.csv").write_text("old")
    taken = ("out.csv", "out.json", "graph.svg", "a.svg", "v.toml", "x.nc")
    for name in taken:
        (here / name).write_text("mine")
    for command in (
        ("run", "--out", "out"),
        ("update", golden, "--as-of", "2021-12-31", "--out", "out"),
        ("export", golden, "--format", "csv", "--out", "out.csv"),
        ("export", golden, "--format", "json", "--out", "out.json"),
        ("graph", "--format", "svg", "--out", "graph.svg"),
        ("do", "treaty=signed", "--forecast", golden, "--plot", "a.svg"),
        ("compare", "agnostic", "--forecast", golden, "--plot", "a.svg"),
        ("sensitivity", "--forecast", golden, "--plot", "a.svg"),
        ("contest", "--plot", "a.svg"),
        ("contest", "--save", "v.toml"),
        ("fetch", "ucdp", "--out", "out.csv"),
    ):
        told = program(*command)
        assert told.code == 2, command
        assert "exists" in told.err, command
        assert "sampling" not in told.err
    assert (here / "out" / "scenarios.csv").read_text() == "old"
    assert {(here / name).read_text() for name in taken} == {"mine"}
    assert len(asked) == 1
    assert program("run", "--out", "out", "--overwrite").code == 3
    assert (here / "out" / "scenarios.csv").read_text() != "old"


@pytest.mark.parametrize("kind", ["dangling", "to a folder", "to a file", "loop"])
def test_fault_63_a_link_is_not_written_through(kind, asked, here):
    (here / "folder").mkdir()
    (here / "file").write_text("mine")
    to = {"dangling": "nowhere", "to a folder": "folder", "to a file": "file", "loop": "out"}[kind]
    (here / "out").symlink_to(to)
    for more in ((), ("--overwrite",)):
        told = program("run", "--out", "out", *more)
        assert told.code == 2
        assert "out: is a link; name the folder itself with --out" in told.err
    assert asked == []
    assert left(here) == ["file", "folder", "out"]


NAMES = [
    "../../etc/x", "/etc/x", "CON", "nul.txt", "a/b", "trailing.", "x" * 300, "ընդ", "a b", "", ".",
    "..", "a\\b", "~", "-x",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_fault_64_a_name_is_one_safe_component(name, asked, golden, here):
    (here / "case.toml").write_text(f"name = {json.dumps(name)}\n")
    hub = ("export", golden, "--format", "hubverse", "--out", "hub", "--samples", "9")
    commands = [
        ("run", "case.toml"),
        (*hub, f"--team={name}", "--model", "m"),
        (*hub, "--team", "t", f"--model={name}"),
        ("export", golden, "--format", "json", "--out", "x.json", f"--scenario-id={name}"),
    ]
    for command in commands:
        told = program(*command)
        if name in ("CON", "nul.txt") and command[0] == "export":
            continue  # it is part of a longer name there
        assert told.code == 2, command
        assert "name" in told.err or "team" in told.err or "give" in told.err
    assert asked == []
    assert {"case.toml"} <= set(left(here)) <= {"case.toml", "x.json", "hub"}


# ------------------------------------------------------------------------------------- the killed

KILLED = """
    import json, os, shutil, signal, sys
    from pathlib import Path
    import caucasus_forecast as cf
    from caucasus_forecast import cli, forecasting, plots

    os.chdir(sys.argv[2])
    golden = cf.load(sys.argv[1])
    other = golden.do(treaty="signed")
    plots.files = lambda _: ({f"{n}.svg": b"<svg/>" for n in plots.PICTURES}, {})

    def run(forecast):
        forecasting.run = lambda case, **_: forecast
        return cli.main(["run", "--out", "out", "--overwrite", "-q"])

    run(golden)
    calls = ["fsync", "mkdir", "replace", "rename", "unlink", "open", "rmdir"]

    def counted(call, after, seen):
        def counting(*arguments, **options):
            seen[0] += 1
            if seen[0] > after:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)
        return counting

    def dying(after):
        seen = [0]
        for name in calls:
            setattr(os, name, counted(getattr(os, name), after, seen))
        run(other)
        return seen[0]

    reading, writing = os.pipe()
    if not os.fork():
        os.write(writing, str(dying(10**6)).encode())
        os._exit(0)
    os.wait()
    total, found = int(os.read(reading, 20)), []
    run(golden)
    shutil.copytree("out", "../kept")
    for after in range(0, total, max(total // 21, 1)):
        child = os.fork()
        if not child:
            sys.stdout = sys.stderr = open(os.devnull, "w")
            dying(after)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        aside = [p for p in Path(".").glob(".out.*.old")]
        there = Path("out") if Path("out").exists() else aside[0]
        digest = cf.load(there).digest
        state = "old" if digest == golden.digest else "new" if digest == other.digest else "broken"
        found.append([after, os.WIFSIGNALED(status), state])
        for path in [Path("out"), *aside]:
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree("../kept", "out")
    run(golden)
    print(json.dumps([found, sorted(p.name for p in Path(".").iterdir())]))
"""


def test_fault_69_a_run_killed_at_any_point_leaves_a_whole_folder(golden, here):
    place = here / "place"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(golden), str(place)],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    found, names = json.loads(done.stdout.splitlines()[-1])
    assert len(found) >= 20
    assert {state for *_, state in found} <= {"old", "new"}
    assert all(killed for _, killed, _ in found), "every one died on the way"
    assert names == ["out"], "and the next run clears away what they left"


def test_fault_70_without_the_sync_nothing_is_renamed(asked, monkeypatch, here):
    assert program("run", "--out", "out").code == 3
    before = (here / "out" / "manifest.json").read_bytes()

    def cut(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", cut)
    told = program("run", "--out", "out", "--overwrite")
    assert told.code == 2
    assert "Input/output error" in told.err
    assert (here / "out" / "manifest.json").read_bytes() == before
    assert left(here) == ["out"]


def test_fault_71_the_second_writer_is_told(asked, golden, here):
    with new_folder(here / "out", False):
        for command in (
            ("run", "--out", "out"),
            ("update", golden, "--as-of", "2021-12-31", "--out", "out"),
        ):
            told = program(*command)
            assert told.code == 2
            assert "out: another process is writing it; wait for it, or choose another" in told.err
    assert asked == []


def test_fault_71_the_second_writer_of_a_ledger_is_told(golden, here, monkeypatch):
    from caucasus_forecast.ledger import book

    monkeypatch.setattr(book, "PATIENCE", 0.05)
    assert program("ledger", "add", golden, "--ledger", "l.sqlite").code == 3
    other = sqlite3.connect("l.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = program("ledger", "add", golden, "--ledger", "l.sqlite")
    other.execute("ROLLBACK")
    other.close()
    assert told.code == 2
    assert "l.sqlite: another process is writing it; wait for it, and try again" in told.err


@pytest.mark.parametrize("name", ["a b", "#1 %41 &?", "Սահման", "граница", "x" * 120])
def test_fault_73_paths_of_all_kinds_work(name, asked, golden, here):
    place = here / name / name
    place.mkdir(parents=True)
    counts = place / f"{name}.csv"
    counts.write_text("month,count\n2021-01,3\n2021-02,5\n")
    case = place / f"{name}.toml"
    case.write_text(f'name = "x"\nevidence = "{name}.csv"\n')
    assert program("validate", counts).code == 0
    assert program("run", case, "--out", place / "out").code == 3
    assert program("ask", "treaty", "--forecast", place / "out").code == 3
    assert program("export", place / "out", "--format", "csv", "--out", place / "x.csv").code == 3
    ledger = place / f"{name}.sqlite"
    assert program("ledger", "add", place / "out", "--ledger", ledger).code == 3
    assert program("ledger", "list", "--ledger", ledger).code == 0
    assert program("graph", "--out", place / f"{name}.txt").code == 0
    assert cf.load(place / "out" / "forecast.nc") == cf.load(golden)
