"""What is shipped and what is imported: the wheel, the public names, the layers, the quiet."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import caucasus_forecast as cf

PACKAGE = Path(cf.__file__).resolve().parent
ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(PACKAGE.rglob("*.py"))


def python(code, *arguments):
    """What a fresh interpreter prints."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


# -------------------------------------------------------------------------------------- the archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names in the wheel that is built from the source archive."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed; it builds the archives (pip install uv)")
    folder = tmp_path_factory.mktemp("dist")
    command = ["uv", "build", "--offline", "--out-dir", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert len(list(folder.glob("*.tar.gz"))) == 1
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return {n for n in archive.namelist() if not n.endswith("/")}


PATTERNS = {
    "tables": ("data/*.csv", 5),
    "cases": ("data/cases/*.toml", 1),
    "scenario sets": ("data/scenarios/*.toml", 1),
    "prior sets": ("priors/*.toml", 21),
    "reference classes": ("priors/ladder/*.json", 13),
    "models": ("models/*.py", 6),
    "modules": ("*.py", 20),
    "report": ("report/*.j2", 1),
    "types": ("py.typed", 1),
}


@pytest.mark.parametrize("what", PATTERNS)
def test_the_wheel_built_from_the_sdist_holds_everything(what, wheel):
    pattern, least = PATTERNS[what]
    here = {f.relative_to(PACKAGE.parent).as_posix() for f in PACKAGE.glob(pattern)}
    assert len(here) >= least
    assert here <= wheel


def test_the_wheel_holds_nothing_but_the_package(wheel):
    inside = {n for n in wheel if ".dist-info/" not in n}
    kept = {f for f in PACKAGE.rglob("*") if f.is_file() and "__pycache__" not in f.parts}
    assert inside == {f.relative_to(PACKAGE.parent).as_posix() for f in kept}
    assert any(n.endswith("licenses/LICENSE") for n in wheel)


@pytest.mark.parametrize("name", ["models", "priors"])
def test_the_root_shows_the_models_and_the_priors(name):
    link = ROOT / name
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == PACKAGE / name


# ------------------------------------------------------------------------------------- public names


def test_the_public_names_are_sorted_and_listed():
    assert cf.__all__ == sorted(cf.__all__)
    assert dir(cf) == cf.__all__


@pytest.mark.parametrize("name", cf.__all__)
def test_every_public_name_can_be_imported(name):
    value = getattr(cf, name)
    assert value.__doc__


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'forcast'"):
        cf.forcast  # noqa: B018


# ------------------------------------------------------------------------------------------ imports


def test_the_import_layers_hold():
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed; uv sync brings it")
    ran = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "0 broken" in ran.stdout


def test_reading_counts_does_not_wait_for_the_sampler(tmp_path):
    counts = tmp_path / "counts.csv"
    counts.write_text("month,count\n2021-01,3\n", encoding="utf-8")
    code = (
        "import sys, caucasus_forecast as cf\n"
        "print(len(cf.evidence.read_counts(sys.argv[1])))\n"
        "print(*sys.modules)"
    )
    rows, *loaded = python(code, str(counts))
    assert rows == "1"
    assert {"pymc", "pytensor", "arviz", "numpy", "scipy", "xarray"}.isdisjoint(loaded)
    assert "caucasus_forecast.evidence" in loaded


def test_building_a_model_opens_no_socket():
    code = """
import sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(refuse)
from datetime import date
import caucasus_forecast as cf
from caucasus_forecast import models, panel
panel = panel.build(cf.evidence.load(), cf.graph.load(), date(2021, 11, 30))
model = models.ladder.build(panel, cf.priors.load("agnostic"))
print(len(model.free_RVs) > 0)
import socket
try:
    socket.socket()
except RuntimeError:
    print("watched")
"""
    assert python(code) == ["True", "watched"]


# --------------------------------------------------------------------------------- nothing executed

NAMES = {"eval", "exec", "compile", "__import__", "import_module"}
MEMBERS = NAMES | {
    "system", "popen", "Popen", "startfile", "posix_spawn", "fork", "execv", "execve", "execvp",
    "spawnv", "spawnl", "read_pickle", "to_pickle", "unsafe_load", "full_load", "exec_module",
}  # fmt: skip
MODULES = {
    "pickle", "_pickle", "marshal", "shelve", "subprocess", "socket", "ctypes", "runpy", "code",
    "codeop", "imp", "pty", "dill", "cloudpickle", "joblib", "yaml", "ruamel", "torch",
}  # fmt: skip
LOADERS = {"np", "numpy", "yaml", "torch", "pickle"}  # whose `load` may run what it reads
FLAGS = {"allow_pickle", "shell"}  # never true, and never anybody's choice


EXCEPT = {
    "__init__.py": {"import_module"},  # its own modules, by the names in its own table
    "jit.py": {"compile"},  # numba's, of a function of the library
}


def suspicious(source):
    """Names and modules in a source that could run text a user gave."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in NAMES:
            yield node.id
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if (node.attr in MEMBERS and owner != "re") or (
                node.attr in ("load", "loads") and owner in LOADERS
            ):
                yield node.attr
        elif isinstance(node, ast.keyword) and node.arg in FLAGS:
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield node.arg
        elif isinstance(node, ast.Import):
            yield from {a.name.split(".")[0] for a in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            yield from {(node.module or "").split(".")[0]} & MODULES
            yield from {a.name for a in node.names} & MEMBERS


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_source_runs_text(path):
    found = set(suspicious(path.read_text(encoding="utf-8")))
    assert found == EXCEPT.get(path.relative_to(PACKAGE).as_posix(), set())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("eval(x)", ["eval"]),
        ("import os\nos.system(x)", ["system"]),
        ("from os import system", ["system"]),
        ("from subprocess import run", ["subprocess"]),
        ("import pickle as p", ["pickle"]),
        ("from importlib import import_module as f", ["import_module"]),
        ("import importlib\nimportlib.import_module(user)", ["import_module"]),
        ("__import__(user)", ["__import__"]),
        ("exec(text)", ["exec"]),
        ("import numpy as np\nnp.load(path)", ["load"]),
        ("import numpy as np\nf(path, allow_pickle=True)", ["allow_pickle"]),
        ("f(path, allow_pickle=chosen)", ["allow_pickle"]),
        ("f(path, allow_pickle=False)", []),
        ("run(text, shell=True)", ["shell"]),
        ("import yaml\nyaml.load(text)", ["yaml", "load"]),
        ("from yaml import load", ["yaml"]),
        ("import pandas as pd\npd.read_pickle(path)", ["read_pickle"]),
        ("from concurrent import futures\nimport os\nos.execv(a, b)", ["execv"]),
        ("case.load(path)", []),
        ("import re\nre.compile(x)", []),
    ],
)
def test_the_scan_finds_what_it_looks_for(source, found):
    assert list(suspicious(source)) == found
