"""The folder of a run: written whole or not at all, and loaded only as its manifest lists it."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import caucasus_forecast as cf
from caucasus_forecast import cli, storage
from caucasus_forecast.errors import CorruptResultError, StorageError

GOLDEN = gzip.decompress((Path(__file__).parent / "golden" / "forecast-1.nc.gz").read_bytes())


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    path = tmp_path_factory.mktemp("golden") / "forecast.nc"
    path.write_bytes(GOLDEN)
    return cf.load(path)


# ------------------------------------------------------------------------------ folders


@pytest.fixture
def folder(short, tmp_path):
    place = tmp_path / "out"
    place.mkdir()
    short.save(place / "forecast.nc")
    (place / "scenarios.csv").write_text("scenario\n")
    body = storage.folder.manifest({"program": "x", "verdict": {"passed": False}}, place)
    (place / "manifest.json").write_bytes(body)
    return place


def test_a_folder_is_loaded_as_its_file(folder, short):
    assert cf.load(folder) == short
    assert cf.load(str(folder / "forecast.nc")) == short


def test_fault_59_a_swapped_file_is_refused(folder, short, capsys):
    short.do(treaty="signed").save(folder / "forecast.nc", overwrite=True)
    words = r"forecast\.nc: is not the file that manifest\.json lists \(SHA-256 "
    with pytest.raises(CorruptResultError, match=words):
        cf.load(folder)
    assert cli.main(["ask", "treaty", "--forecast", str(folder), "-q"]) == 2
    assert "is not the file that manifest.json lists" in capsys.readouterr().err


def test_fault_59_an_edited_manifest_is_refused(folder):
    path = folder / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"passed": false', '"passed": true'))
    with pytest.raises(CorruptResultError, match=r"manifest\.json: was edited after it"):
        cf.load(folder)
    path.write_text(text.replace("forecast.nc", "other.nc"))
    with pytest.raises(CorruptResultError, match="was edited"):
        cf.load(folder)
    for broken in ("", "[]", "{", '{"files": 5}', '{"files": [{}]}', "[" * 100_000):
        path.write_text(broken)
        with pytest.raises(CorruptResultError, match=r"manifest\.json: does not parse"):
            cf.load(folder)
    path.write_text('{"files": []}')
    with pytest.raises(CorruptResultError, match=r"does not list forecast\.nc; name the file"):
        cf.load(folder)


def test_a_manifest_of_the_version_before_is_taken(folder, short):
    path = folder / "manifest.json"
    body = json.loads(path.read_text())
    del body["sha256"]
    path.write_text(json.dumps(body))
    assert cf.load(folder) == short


def test_a_folder_that_is_not_a_runs_is_said(tmp_path):
    with pytest.raises(StorageError, match=r"no manifest\.json in this folder; name the folder of"):
        cf.load(tmp_path)


# ------------------------------------------------------------------------------ the folder of a run


@pytest.fixture
def asked(altered, monkeypatch, tmp_path):
    """Let `run` return a ready forecast at once; the list of what it was asked for."""
    from caucasus_forecast import forecasting, plots

    calls = []

    def run(case, **options):
        calls.append(case)
        return altered(case=case.to_json())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forecasting, "run", run)
    monkeypatch.setattr(
        plots, "files", lambda _: ({f"{n}.svg": b"<svg/>" for n in plots.PICTURES}, {})
    )
    return calls


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def test_the_folder_of_a_run_is_checked_when_it_is_loaded(asked, tmp_path):
    assert cli.main(["run", "--out", "out", "-q"]) == 0
    said = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert said["digest"] == cf.load("out").digest
    (tmp_path / "out" / "forecast.nc").write_bytes(GOLDEN)
    with pytest.raises(CorruptResultError, match=r"is not the file that manifest\.json lists"):
        cf.load("out")


def test_fault_66_too_little_room_is_said_before_sampling(asked, monkeypatch, capsys, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=20_000_000))
    assert cli.main(["run", "--out", "out"]) == 2
    assert "out: needs about 49 MB, and 20 MB are free" in capsys.readouterr().err
    assert asked == []
    assert left(tmp_path) == []
    assert cli.main(["run", "--out", "out", "--draws", "100", "-q"]) == 0


def test_fault_66_a_read_only_place_is_said_before_sampling(asked, monkeypatch, capsys, tmp_path):
    def refused(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refused)
    assert cli.main(["run", "--out", "new/out"]) == 2
    assert "new/out: cannot be written (Read-only file system)" in capsys.readouterr().err
    assert asked == []


def test_fault_66_a_disk_that_fills_up_keeps_the_old_folder(asked, monkeypatch, capsys, tmp_path):
    assert cli.main(["run", "--out", "out", "-q"]) == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert cli.main(["run", "--out", "out", "--overwrite"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before
    assert left(tmp_path) == ["out"]


@pytest.mark.parametrize(
    "name", ["../../etc/x", "/etc/x", "a/b", "CON", "nul.txt", "trailing.", "x" * 300, "ընդ", ""]
)
def test_fault_64_the_name_of_a_case_stays_in_its_folder(asked, capsys, tmp_path, name):
    (tmp_path / "case.toml").write_text(f'name = "{name}"\n', encoding="utf-8")
    assert cli.main(["run", "case.toml"]) == 2
    assert "name" in capsys.readouterr().err
    assert asked == []
    assert left(tmp_path) == ["case.toml"]


def test_fault_64_a_folder_name_too_long_for_the_disk_is_said(asked, capsys, tmp_path):
    assert cli.main(["run", "--out", "x" * 300]) == 2
    assert "File name too long" in capsys.readouterr().err
    assert asked == []


def test_fault_71_a_second_run_into_a_folder_is_told_before_sampling(asked, capsys, tmp_path):
    from caucasus_forecast.cli.folders import new_folder

    with new_folder(tmp_path / "out", False):
        script = "import sys; from caucasus_forecast.cli import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", script, "run", "--out", "out"],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 2
    assert "out: another process is writing it; wait for it" in done.stderr
    assert "sampling" not in done.stderr


def test_fault_69_a_run_that_was_killed_is_cleared_away(asked, tmp_path):
    assert cli.main(["run", "--out", "out", "-q"]) == 0
    (tmp_path / ".out.0011aabb.tmp").mkdir()
    (tmp_path / ".out.0011aabb.tmp" / "forecast.nc").write_bytes(b"half")
    (tmp_path / ".out.lock").touch()
    (tmp_path / "out").rename(tmp_path / ".out.77ffee00.old")  # killed between two renames
    assert cli.main(["run", "--out", "out"]) == 2, "the old one is back, and in the way"
    assert left(tmp_path) == ["out"]
    cf.load(tmp_path / "out")


def test_fault_70_a_folder_is_synced_before_it_is_renamed(asked, monkeypatch, tmp_path):
    happened = []
    fsync, rename = os.fsync, Path.rename

    def synced(handle):
        happened.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    def renamed(self, target):
        happened.append(f"renamed {target}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    assert cli.main(["run", "--out", "out", "-q"]) == 0
    at = happened.index(f"renamed {tmp_path / 'out'}")
    before = {Path(p).name for p in happened[:at]}
    assert set(left(tmp_path / "out")) <= before
    assert happened[at + 1] == str(tmp_path)
