"""Faults 75 to 85, in the sampling: said in words, tried once more, or refused."""

import os
import signal
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numba
import numpy as np
import pytest
import xarray as xr
from faulty import QUICK, left, program

import caucasus_forecast as cf
from caucasus_forecast import backtesting, drawing, forecasting, jit, posterior
from caucasus_forecast.errors import CaseError
from caucasus_forecast.graph import load as load_graph


@pytest.fixture
def case(here):
    """A case that takes a second."""
    (here / "case.toml").write_text(f'name = "x"\n{QUICK}')
    return "case.toml"


# ------------------------------------------------------------------------------------- the checks


def shifted(tree):
    tree["posterior"]["base"][0] += 50.0


def stuck(tree):
    tree["posterior"]["base"][0] = tree["posterior"]["base"][0, 0]


def diverged(tree):
    tree["sample_stats"]["diverging"][0, :3] = True


def deep(tree):
    tree["sample_stats"]["depth"][:] = posterior.MAX_DEPTH


def still(tree):
    draws = tree["sample_stats"].sizes["draw"]
    tree["sample_stats"]["energy"][0] = np.linspace(0.0, 1.0, draws)


SPOILT = {
    "75 chains that disagree": (shifted, "the chains disagree (R-hat ", "run more draws, or look"),
    "75 a stuck chain": (stuck, "the chains disagree (R-hat ", "run more draws, or look"),
    "75 few effective draws": (lambda _: None, "too few effective draws (bulk ", "run more draws"),
    "75 divergences": (diverged, "3 divergent transitions: parts of", "tighten the widest"),
    "75 largest tree depth": (deep, "100% of the trajectories were cut short", "tighten the"),
    "75 BFMI": (still, "a chain hardly changes its energy (BFMI 0.0", "tighten the widest"),
}  # fmt: skip


@pytest.mark.parametrize("fault", SPOILT)
def test_fault_of_a_fit_is_told_with_its_remedy(fault, short):
    spoil, words, remedy = SPOILT[fault]
    tree = short.tree.copy(deep=True)
    tree["sample_stats"]["diverging"][:] = False
    spoil(tree)
    attrs = posterior.diagnose(tree, load_graph(), "ladder").attrs
    assert attrs["passed"] == 0
    assert words in attrs["verdict"]
    assert remedy in attrs["remedy"]


def test_fault_75_a_failed_fit_ends_with_3_and_a_banner_everywhere(case, here):
    told = program("run", case, "--out", "out")
    assert told.code == 3
    assert "WARNING: checks failed: " in told.out
    assert "Remedy: run more draws" in told.out
    page = (here / "out" / "report.html").read_text()
    assert "CHECKS FAILED: do not rely on this forecast." in page
    for command in (
        ("ask", "treaty", "--forecast", "out"),
        ("do", "treaty=signed", "--forecast", "out"),
        ("export", "out", "--format", "csv", "--out", "x.csv"),
        ("ledger", "add", "out", "--ledger", "l.sqlite"),
    ):
        told = program(*command)
        assert told.code == 3, command
        assert "checks failed" in told.err
    assert "FAILED" in program("ledger", "list", "--ledger", "l.sqlite").out
    assert "checks_failed" in (here / "x.csv").read_text()


# ------------------------------------------------------------------------------------ the sampler


def breaking(monkeypatch, times, error=EOFError):
    """Let the sampler break off so many times; how many cores it was given."""
    sample, cores = posterior.sample, []

    def broken(target, **options):
        cores.append(options["cores"])
        if len(cores) <= times:
            raise error("a worker is gone\n\nStack backtrace:\n  0: <unknown>")
        return sample(target, **options)

    monkeypatch.setattr(posterior, "sample", broken)
    return cores


@pytest.mark.parametrize("error", [EOFError, RuntimeError, MemoryError, BrokenPipeError])
def test_fault_77_a_sampler_that_breaks_off_is_run_once_more(error, case, here, monkeypatch):
    cores = breaking(monkeypatch, 1, error)
    told = program("run", case, "--out", "out", "--cores", "2")
    assert told.code == 3
    said = f"the sampler broke off ({error.__name__}: a worker is gone); once more, one chain at a"
    assert said in told.err
    assert cores == [min(2, os.cpu_count()), 1]


def test_fault_77_a_sampler_that_breaks_off_twice_is_an_error(case, here, monkeypatch):
    cores = breaking(monkeypatch, 9)
    told = program("run", case, "--out", "out")
    assert told.code == 2
    assert (
        "error: the sampler broke off twice (EOFError: a worker is gone); look at the" in told.err
    )
    assert "or try the other sampler (--sampler pymc)" in told.err
    assert len(cores) == 2
    assert left(here) == [case]


def test_fault_77_priors_that_let_no_chain_begin_are_named(case, here):
    text = (Path(cf.__file__).parent / "priors" / "alyarli-2021.toml").read_text(encoding="utf-8")
    at = text.index('["tension->reports_azerbaijan"]')
    line = text[at:].partition("kwargs = ")[2].partition("\n")[0]
    far = text[:at] + text[at:].replace(line, "{ mu = 1e12, sigma = 1.0 }", 1)
    (here / "mine.toml").write_text(far, encoding="utf-8")
    told = program("run", case, "--priors", "mine.toml")
    assert told.code == 2
    assert "the sampler broke off twice (RuntimeError: All initialization points failed" in told.err
    assert "Traceback" not in told.err
    assert "<unknown>" not in told.err


def killed_once(job):
    """Score an origin; the first process to begin kills itself."""
    flag = Path(os.environ["KILLED_ONCE"])
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return SCORE(job)


def killed(job):
    os.kill(os.getpid(), signal.SIGKILL)


SCORE = backtesting.score
BACKTEST = ("backtest", "--models", "own36", "--first", "2019-01", "--last", "2019-06", "--workers")


def test_fault_77_a_process_that_dies_is_done_without(here, monkeypatch):
    monkeypatch.setenv("KILLED_ONCE", str(here / "flag"))
    monkeypatch.setattr(backtesting, "score", killed_once)
    told = program(*BACKTEST, "2", "--out", "kept")
    assert told.code == 0
    assert "a process died; the other " in told.err
    assert len(left(here / "kept")) == 7
    monkeypatch.setattr(backtesting, "score", SCORE)
    assert program(*BACKTEST, "2").out == told.out


def test_fault_77_a_process_that_dies_again_is_an_error(here, monkeypatch):
    monkeypatch.setattr(backtesting, "score", killed)
    told = program(*BACKTEST, "2")
    assert told.code == 2
    assert "the process died again, at the origin 2019-0" in told.err


def test_fault_77_what_a_backtest_kept_is_checked(here):
    assert program(*BACKTEST, "1", "--out", "kept").code == 0
    for name, body, words in (
        ("2019-02.csv", b"\xff\xfe", "2019-02.csv: damaged"),
        ("2019-02.csv", b"model,unit\nx,y\n", "2019-02.csv: damaged"),
        ("2019-02.csv", b"", "2019-02.csv: damaged"),
        ("backtest.json", b"\xff", "kept: holds a backtest with other settings or data"),
    ):
        before = (here / "kept" / name).read_bytes()
        (here / "kept" / name).write_bytes(body)
        told = program(*BACKTEST, "1", "--out", "kept")
        assert told.code == 2
        assert words in told.err
        (here / "kept" / name).write_bytes(before)


@pytest.mark.parametrize("how", ["missing", "another version"])
def test_fault_78_without_nutpie_pymc_samples_and_it_is_said(how, short, here, monkeypatch):
    if how == "missing":
        monkeypatch.setitem(sys.modules, "nutpie", None)
        monkeypatch.setitem(sys.modules, "nutpie.compile_pymc", None)
        words = "nutpie is not installed; PyMC samples instead"
    else:
        from nutpie import compile_pymc

        monkeypatch.setattr(compile_pymc, "CompiledPyMCModel", lambda *, other: other)
        words = "this version of nutpie cannot be used ("
    asked = []

    def sample_pymc(model, **options):
        asked.append(type(model).__name__)
        kept = {k: short.tree[k].to_dataset() for k in ("posterior", "sample_stats")}
        kept["sample_stats"].attrs["sampler"] = "pymc"
        return xr.DataTree.from_dict(kept)

    monkeypatch.setattr(posterior, "sample_pymc", sample_pymc)
    sizes = ("horizon", "draws", "chains", "paths", "tune")
    fields = [f"{k} = {getattr(short.study.case, k)}" for k in sizes]
    (here / "case.toml").write_text("\n".join(fields))
    told = program("run", "case.toml", "--out", "out")
    assert told.code == 3
    assert words in told.err
    assert asked == ["Model"]
    note = "nutpie could not be used, so pymc sampled"
    assert note in told.out
    assert note[1:] in (here / "out" / "report.html").read_text()


# ---------------------------------------------------------------------------------- compiled code

TINY = "from caucasus_forecast.jit import compiled\n@compiled\ndef more(x):\n    return x + 1\n"


@pytest.fixture
def compiling(here, monkeypatch):
    """Compile a function in a module of its own, as often as one likes; how it was come by."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(here / "cache"))
    (here / "tiny.py").write_text(TINY)
    jit._say_once.cache_clear()

    def again():
        spec = spec_from_file_location("tiny", here / "tiny.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.more(1) == 2
        stats = module.more.stats
        return "read" if stats.cache_hits else "compiled"

    return again


def files(here, kind):
    return sorted((here / "cache").rglob(f"*.{kind}"))


def emptied(path):
    path.write_bytes(b"")


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def random(path):
    path.write_bytes(bytes(range(256)) * 4)


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("spoil", [emptied, halved, flipped, random, a_folder])
def test_fault_79_damaged_compiled_code_is_compiled_anew_and_it_is_said(
    kind, spoil, compiling, here, caplog
):
    assert [compiling(), compiling()] == ["compiled", "read"]
    (path,) = files(here, kind)
    spoil(path)
    assert caplog.messages == []
    assert compiling() == "compiled"
    assert "compiled" in caplog.messages[0]
    assert str(here / "cache") in caplog.messages[0]
    if spoil is not a_folder:
        assert compiling() == "read", "what was damaged has been replaced"
    assert len(caplog.messages) <= 2


def test_fault_79_a_place_that_cannot_be_written_is_done_without(compiling, monkeypatch, caplog):
    def nowhere(self, function):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(jit._Kept, "__init__", nowhere)
    assert [compiling(), compiling()] == ["compiled", "compiled"]
    assert len(caplog.messages) == 1
    assert "no folder for compiled code can be written" in caplog.messages[0]
    assert "NUMBA_CACHE_DIR" in caplog.messages[0]


def test_fault_79_pytensor_gets_a_folder_where_its_own_cannot_be_written(here, monkeypatch, caplog):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("PYTENSOR_FLAGS", raising=False)
    monkeypatch.delitem(sys.modules, "pytensor", raising=False)
    drawing._give_room()
    folder = os.environ["PYTENSOR_FLAGS"].partition("base_compiledir=")[2]
    monkeypatch.setenv("PYTENSOR_FLAGS", "")
    assert Path(folder).is_dir()
    assert f"every run compiles it anew, in {folder}" in caplog.messages[0]


# ---------------------------------------------------------------------------- cores, chains, draws


def test_fault_82_no_core_is_refused_and_too_many_are_fewer(case, here):
    told = program("run", case, "--cores", "0")
    assert told.code == 2
    assert "--cores" in told.err
    assert left(here) == [case]
    with pytest.raises(CaseError, match="cores is 0; give at least 1, or leave it out for all"):
        cf.run(cf.Case(as_of="2021-11-30"), cores=0)
    told = program("run", case, "--cores", "1000", "--out", "out")
    assert told.code == 3
    there = os.cpu_count()
    assert f"cores is 1000, and this machine has {there}: {there} are used" in told.err


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        ("chains = 1", 3, "WARNING: checks failed: "),
        ("draws = 5", 3, "WARNING: checks failed: "),
        ("chains = 0", 2, "chains is 0: Input should be greater than or equal to 1"),
        ("draws = 0", 2, "draws is 0: Input should be greater than or equal to 4"),
        ("draws = 100001", 2, "draws is 100001: Input should be less than or equal to 100000"),
    ],
)
def test_fault_82_chains_and_draws(field, code, words, here):
    lines = dict(line.split(" = ") for line in [*QUICK.splitlines(), field])
    (here / "case.toml").write_text("".join(f"{k} = {v}\n" for k, v in lines.items()))
    told = program("run", "case.toml", "--out", "out")
    assert told.code == code
    assert words in told.out + told.err


def test_fault_83_any_number_of_cores_gives_the_same_bits(case):
    digests = set()
    for cores in ("1", "2", "4"):
        program("run", case, "--cores", cores, "--out", cores)
        digests.add(forecasting.load(cores).digest)
    assert len(digests) == 1


@pytest.mark.parametrize("months", ["0", "-1", "121", "600"])
def test_fault_85_a_horizon_that_is_none_or_too_far(months, asked, here):
    told = program("run", "--horizon", months)
    assert told.code == 2
    assert f"horizon is {months}: Input should be " in told.err
    assert asked == []
    assert left(here) == []


def test_fault_85_a_far_horizon_is_said_to_be_an_extrapolation(here):
    (here / "case.toml").write_text(QUICK.replace("horizon = 2", "horizon = 60"))
    told = program("run", "case.toml", "--out", "out")
    assert told.code == 3
    words = "the horizon of 60 months is an extrapolation: the skill of the method was measured up"
    assert words in told.out
    assert words[1:] in (here / "out" / "report.html").read_text()
