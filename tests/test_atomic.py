"""Files are written whole or not at all: whatever fails, whoever is killed, whoever else writes."""

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caucasus_forecast import atomic
from caucasus_forecast.errors import StorageError

OLD, NEW = b"old" * 1000, b"new" * 2000


def left(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    return path


def in_child(script, *arguments):
    """What a process of its own prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    path = atomic.write(tmp_path / "a.bin", NEW)
    assert path.read_bytes() == NEW
    assert left(tmp_path) == ["a.bin"]


def test_fault_63_what_exists_is_kept_unless_told(target):
    with pytest.raises(StorageError, match=r"a\.bin: exists; choose another name or allow"):
        atomic.write(target, NEW)
    assert target.read_bytes() == OLD
    atomic.write(target, NEW, overwrite=True)
    assert target.read_bytes() == NEW


FAILURES = {
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
    errno.EROFS: "Read-only file system",
    errno.EFBIG: "File too large",
    errno.EIO: "Input/output error",
}


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("step", ["write_bytes", "replace", "fsync"])
def test_fault_66_a_write_that_fails_leaves_the_old_file(target, monkeypatch, step, number):
    def failing(self, *rest):
        if step == "write_bytes":
            with open(self, "wb") as file:  # half of it gets through
                file.write(rest[0][: len(rest[0]) // 2])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os if step == "fsync" else Path, step, failing)
    with pytest.raises(StorageError, match=FAILURES[number]) as told:
        atomic.write(target, NEW, overwrite=True)
    assert "choose another name or place" in str(told.value)
    assert ("free some space" in str(told.value)) == (number != errno.EROFS)
    assert target.read_bytes() == OLD
    assert left(target.parent) == ["a.bin"]


def test_fault_66_the_size_limit_of_a_process_is_said(tmp_path):
    script = """
        import json, resource, signal, sys
        from pathlib import Path
        from caucasus_forecast import atomic
        from caucasus_forecast.errors import StorageError
        target = Path(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            atomic.write(target, bytes(100_000), overwrite=True)
        except StorageError as error:
            print(json.dumps([str(error), sorted(p.name for p in target.parent.iterdir())]))
    """
    words, names = in_child(script, tmp_path / "a.bin")
    assert "cannot be written (File too large)" in words
    assert names == []


def test_fault_66_too_little_room_is_known_before(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2_000_000))
    atomic.refuse_full(tmp_path / "none" / "a.nc", 1_999_999)
    with pytest.raises(StorageError, match="needs about 12 MB, and 2 MB are free; free some space"):
        atomic.refuse_full(tmp_path / "none" / "a.nc", 12_000_000)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"none is not a folder; make it, or choose another"):
        atomic.write(tmp_path / "none" / "a.bin", NEW)
    assert left(tmp_path) == []


def test_fault_70_it_is_renamed_only_after_it_is_synced(target, monkeypatch):
    happened = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle):
        happened.append(("synced", os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def renamed(self, other):
        happened.append(("renamed", str(self)))
        return replace(self, other)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    atomic.write(target, NEW, overwrite=True)
    temporary = happened[0][1]
    folder = str(target.parent)
    assert happened == [("synced", temporary), ("renamed", temporary), ("synced", folder)]


def test_fault_70_without_the_sync_nothing_is_renamed(target, monkeypatch):
    def cut(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(KeyboardInterrupt):
        atomic.write(target, NEW, overwrite=True)
    assert target.read_bytes() == OLD
    assert left(target.parent) == ["a.bin"]


# ------------------------------------------------------------------------------ the killed

KILLED = """
    import json, os, random, signal, sys
    from pathlib import Path
    from caucasus_forecast import atomic

    target, old, new = Path(sys.argv[1]), b"old" * 100_000, b"new" * 200_000
    draw = random.Random(20211130)
    written, fsync, replace = Path.write_bytes, os.fsync, Path.replace

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def up_to(n):
        def write(self, body):
            written(self, body[:n])
            die()
        Path.write_bytes = write

    def at(step, after):
        def dying(*arguments):
            if after:
                (fsync if step == "fsync" else replace)(*arguments)
            die()
        setattr(os if step == "fsync" else Path, step, dying)

    points = [("byte", n) for n in [0, 1, *(draw.randrange(len(new)) for _ in range(24)), len(new)]]
    points += [(step, after) for step in ("fsync", "replace") for after in (False, True)]
    found = []
    for kind, where in points:
        atomic.write(target, old, overwrite=True)
        child = os.fork()
        if not child:
            up_to(where) if kind == "byte" else at(kind, where)
            atomic.write(target, new, overwrite=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        body = target.read_bytes()
        found.append([
            kind, where, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "old" if body == old else "new" if body == new else "broken",
            len(list(target.parent.iterdir())),
        ])
    atomic.write(target, new, overwrite=True)
    print(json.dumps([found, sorted(p.name for p in target.parent.iterdir())]))
"""


def test_fault_69_killed_at_any_byte_and_step_the_old_file_is_whole(tmp_path):
    found, names = in_child(KILLED, tmp_path / "a.bin")
    assert len(found) == 31
    for kind, where, signal, state, files in found:
        assert signal == 9, (kind, where)
        assert state == ("new" if (kind, where) == ("replace", True) else "old"), (kind, where)
        assert files > 1, "the killed writer left its lock behind, and mostly its temporary file"
    assert names == ["a.bin"], "the next writer cleared it away"


def test_fault_69_what_others_wrote_is_not_cleared_away(target):
    folder = target.parent
    stale = [".a.bin.3f9a1c2e.tmp", ".a.bin.1234.tmp"]
    others = [".a.bin.tmp", ".a.bin.backup.tmp", ".b.bin.1234.tmp", "a.bin.1234.tmp"]
    for name in [*stale, *others]:
        (folder / name).write_bytes(b"x")
    (folder / ".a.bin.00ff00ff.tmp").mkdir()
    (folder / ".a.bin.00ff00ff.tmp" / "part").write_bytes(b"x")
    atomic.write(target, NEW, overwrite=True)
    assert left(folder) == sorted([*others, "a.bin"])


# ------------------------------------------------------------------------------ two writers


def in_thread(call):
    caught = []

    def run():
        try:
            call()
        except StorageError as error:
            caught.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return caught


def test_fault_71_the_second_writer_is_told(target):
    with atomic.replacing(target, overwrite=True) as temporary:
        temporary.write_bytes(NEW)
        words = in_thread(lambda: atomic.write(target, OLD, overwrite=True))
        assert temporary.exists(), "and takes nothing from the first"
    assert words == [
        f"{target}: another process is writing it; wait for it, or choose another name"
    ]
    assert target.read_bytes() == NEW
    assert left(target.parent) == ["a.bin"]


TWO = """
    import json, os, sys
    from pathlib import Path
    from caucasus_forecast import atomic
    from caucasus_forecast.errors import StorageError

    target, rounds, states = Path(sys.argv[1]), 40, set()
    bodies = [bytes([i]) * 300_000 for i in range(2)]
    children = []
    for body in bodies:
        child = os.fork()
        if not child:
            won = 0
            while won < rounds:
                try:
                    atomic.write(target, body, overwrite=True)
                    won += 1
                except StorageError as error:
                    if "another process is writing it" not in str(error):
                        os._exit(255)
            os._exit(0)
        children.append(child)
    running = set(children)
    codes = []
    while running:
        done, status = os.waitpid(-1, os.WNOHANG)
        if done:
            running.discard(done)
            codes.append(os.WEXITSTATUS(status))
        if target.exists():
            states.add(target.read_bytes() in bodies)
    print(json.dumps([codes, sorted(states), sorted(p.name for p in target.parent.iterdir())]))
"""


def test_fault_71_of_two_processes_one_wins_whole(tmp_path):
    codes, whole, names = in_child(TWO, tmp_path / "a.bin")
    assert codes == [0, 0], "who does not write is told that the other does"
    assert whole == [True]
    assert names == ["a.bin"]


# ------------------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["alyarli-2021", "a", "A.b_c+d-1", "x" * 80, "console", "com10"])
def test_fault_64_a_safe_name_is_taken_as_it_is(name):
    assert atomic.component(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../../etc/x", "/etc/x", "a/b", "a\\b", "C:x", "x.", "x" * 81, "x" * 300,
        "CON", "con", "nul.txt", "Com1", "lpt9.nc", "ընդ", "naïve", "a b", "a\n", "a\0b", "~", "*",
    ],
)  # fmt: skip
def test_fault_64_any_other_is_refused_by_name(name):
    with pytest.raises(StorageError, match=r"^export name .*write 1 to 80 of A-Z") as told:
        atomic.component(name, "export name")
    assert len(str(told.value)) < 250


@given(st.text(max_size=90))
def test_fault_64_no_name_leaves_its_folder(name):
    try:
        safe = atomic.component(name)
    except StorageError:
        return
    assert (Path("/out") / safe).resolve().parent == Path("/out")
    assert os.path.basename(safe) == safe


@pytest.mark.parametrize("name", ["a b #1 % &.bin", "սահման.bin", "граница.bin", "x" * 200])
def test_fault_73_paths_of_all_kinds_work(tmp_path, name):
    folder = tmp_path / "тест ընդ #2" / ("d" * 200)
    folder.mkdir(parents=True)
    assert atomic.write(folder / name, NEW).read_bytes() == NEW
    assert left(folder) == [name]


def test_a_name_too_long_for_the_disk_is_said(tmp_path):
    with pytest.raises(StorageError, match="File name too long"):
        atomic.write(tmp_path / ("x" * 300), NEW)
    assert left(tmp_path) == []


@pytest.mark.parametrize("path", ["a\0b", None, 5])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(StorageError, match=r"null character|path is given as"):
        atomic.write(path, b"")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_pipe_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="pipe: is a device or a pipe, not a file; choose"):
        atomic.write(tmp_path / "pipe", NEW, overwrite=True)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_a_file_that_is_replaced_keeps_its_mode(target):
    target.chmod(0o600)
    atomic.write(target, NEW, overwrite=True)
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_folder_and_a_link_to_nowhere_are_in_the_way(tmp_path):
    with pytest.raises(StorageError, match="is a folder; name a file in it"):
        atomic.write(tmp_path, b"", overwrite=True)
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="exists; choose another name"):
        atomic.write(link, b"")
    assert link.is_symlink()
