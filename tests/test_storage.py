"""A saved forecast is whole and comes back in every bit; any other file is refused by name."""

import gzip
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from h5py import h5d, h5p, h5s, h5t
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import caucasus_forecast as cf
from caucasus_forecast import cli, names, reweighting, storage
from caucasus_forecast.errors import CorruptResultError, StorageError
from caucasus_forecast.storage import guard, netcdf

GOLDEN = Path(__file__).parent / "golden"
TINY = {"horizon": 2, "draws": 10, "tune": 50, "chains": 2, "paths": 2}


def sealed(body):
    """Some bytes with a right seal after them."""
    return body + netcdf.SEALED + hashlib.sha256(body).hexdigest().encode() + b"\n"


def same(one, two):
    """Whether two trees are equal in every bit, kind and order."""
    assert storage.parts(one) == storage.parts(two)
    assert one.identical(two)
    for path, group in one.to_dict().items():
        other = two[path].to_dataset()
        assert list(group.variables) == list(other.variables)
        assert {k: v.dtype for k, v in group.variables.items()} == {
            k: v.dtype for k, v in other.variables.items()
        }
        assert [(k, v) for k, v in group.attrs.items()] == list(other.attrs.items())
    return True


@pytest.fixture
def tree():
    dims = ("chain", "edge")
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"slope": (dims, np.eye(2))}, {"edge": ["a", "b"]}),
            "smoothed": xr.Dataset({"tension": (dims, np.eye(2) + 1)}),
        }
    )
    tree.attrs = {"schema": storage.SCHEMA, "title": "x"}
    return tree


@pytest.fixture
def saved(tree, tmp_path):
    return storage.save(tree, tmp_path / "a.nc")


# ------------------------------------------------------------------------------ there and back

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
DTYPES = st.sampled_from(
    ["<f8", "<f4", ">f8", "<i8", "<i4", "i1", "u1", "<u8", "?", "<U1", "<U7", "<M8[ns]"]
)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=7)


@st.composite
def variables(draw):
    dtype = np.dtype(draw(DTYPES))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    if dtype.kind == "M":
        days = arrays.arrays("<i8", shape, elements=st.integers(-40_000, 40_000))
        return (draw(days).astype("M8[D]")).astype(dtype)
    if dtype.kind == "U":
        size = dtype.itemsize // 4
        return draw(arrays.arrays(dtype, shape, elements=WORDS.map(lambda x: x[:size])))
    return draw(arrays.arrays(dtype, shape))


ATTRS = st.dictionaries(
    NAMES, WORDS | st.floats() | st.integers(-(2**63), 2**63 - 1), max_size=3
).filter(lambda x: not {"units", "calendar", "dtype", "coordinates"} & x.keys())


@st.composite
def trees(draw):
    groups = draw(st.lists(st.sampled_from(names.GROUPS), min_size=1, max_size=3, unique=True))
    found = {}
    for group in groups:
        held = draw(st.dictionaries(NAMES, variables(), max_size=4))
        data = xr.Dataset(
            {f"v_{k}": ([f"{k}_{i}" for i in range(v.ndim)], v) for k, v in held.items()},
            attrs=draw(ATTRS),
        )
        if data.data_vars and draw(st.booleans()):
            data = data.set_coords(next(iter(data.data_vars)))
        found[group] = data
    tree = xr.DataTree.from_dict(found)
    tree.attrs = {"schema": storage.SCHEMA, **draw(ATTRS)}
    return tree


@settings(max_examples=150)
@given(trees())
def test_what_is_saved_comes_back_in_every_bit(tree):
    body = storage.image(tree)
    back = storage.tree_of(body)
    assert storage.parts(back) == storage.parts(tree)
    assert back.to_dict().keys() == tree.to_dict().keys()
    assert storage.image(back) == body, "and is written in the same bytes"


def test_the_bits_are_the_same_to_the_last(tmp_path):
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1 / 3, 1.7976931348623157e308])
    signalling = np.array([0x7FF0000000000001, 0xFFF8DEADBEEF0000], "u8").view("f8")
    data = xr.Dataset(
        {
            "odd": ("x", np.concatenate([odd, signalling])),
            "when": ("when", np.array(["1918-05-28", "NaT", "2021-11-30"], "M8[ns]")),
            "text": ("t", np.array(["", "Լեռնային", "a" * 12], "<U30")),
            "yes": ("t", np.array([True, False, True])),
        },
        attrs={"max_rhat": np.inf, "half": 0.5, "n": 2**62, "empty": ""},
    )
    tree = xr.DataTree.from_dict({"fans": data})
    tree.attrs["schema"] = storage.SCHEMA
    back = storage.load(storage.save(tree, tmp_path / "a.nc"))
    assert same(back, tree)
    bits = back["fans"]["odd"].to_numpy().view("u8")
    np.testing.assert_array_equal(bits, tree["fans"]["odd"].to_numpy().view("u8"))
    assert back["fans"]["text"].dtype == "<U30"
    assert {k: type(v) for k, v in back["fans"].attrs.items()} == {
        "max_rhat": float, "half": float, "n": int, "empty": str
    }  # fmt: skip


def test_what_is_loaded_holds_no_file_open_and_no_chunks(saved):
    loaded = storage.load(saved)
    held = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if n.isdigit()
            and os.path.islink(f"/proc/self/fd/{n}")]  # fmt: skip
    assert str(saved) not in held
    for group in loaded.to_dict().values():
        assert group.encoding == {}
        assert all(not v.encoding and isinstance(v.data, np.ndarray)
                   for v in group.variables.values())  # fmt: skip


def test_every_other_reader_opens_the_file(small_forecast, tmp_path):
    path = small_forecast.save(tmp_path / "f.nc")
    expected = small_forecast.tree["scenarios"]["probability"].to_numpy()
    for engine in ("h5netcdf", None):
        with xr.open_datatree(path, engine=engine) as other:
            assert set(other.children) == set(names.GROUPS)
            np.testing.assert_array_equal(other["scenarios"]["probability"], expected)
    with xr.open_dataset(path, group="scenarios") as data:
        np.testing.assert_array_equal(data["probability"], expected)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["scenarios/probability"], expected)
        said = json.loads(file.attrs["manifest"])["parts"]
    assert {k: v["sha256"] for k, v in said.items()} == storage.parts(small_forecast.tree)


def test_the_seal_is_what_a_shell_can_check(saved):
    """`head -c -91 FILE | sha256sum` gives the digest in the last line, as is documented."""
    head = subprocess.run(["head", "-c", "-91", saved], capture_output=True, check=True)
    found = subprocess.run(["sha256sum"], input=head.stdout, capture_output=True, check=True)
    digest = found.stdout.split()[0].decode()
    assert saved.read_bytes()[-91:].decode() == f"\ncaucasus-forecast sha256 {digest}\n"


# ------------------------------------------------------------------------------ every forecast


@pytest.fixture(scope="module")
def short():
    return cf.run(cf.Case(as_of="2021-11-30", **TINY))


def back(forecast, tmp_path):
    loaded = cf.load(forecast.save(tmp_path / "f.nc"))
    assert same(loaded.tree, forecast.tree)
    assert loaded == forecast
    assert loaded.digest == forecast.digest
    assert repr(loaded) == repr(forecast) or forecast.labels
    return loaded


def test_a_forecast_comes_back_and_goes_on(small_forecast, tmp_path):
    from caucasus_forecast import report

    loaded = back(small_forecast, tmp_path)
    assert loaded.notes == small_forecast.notes
    for act in (lambda f: f.do(tension="calm"), lambda f: f.with_priors({"tension->pressure":
                cf.Normal(0.3, 0.2)})):  # fmt: skip
        assert act(loaded) == act(small_forecast)
    question = "battle_deaths >= 10 within 3 months"
    assert loaded.ask(question).to_json() == small_forecast.ask(question).to_json()
    assert report.page(loaded, {}) == report.page(small_forecast, {})
    assert loaded.signposts(1).rows == small_forecast.signposts(1).rows


@pytest.mark.parametrize("model", ["drift", "reference"])
def test_a_forecast_of_every_model_comes_back(model, tmp_path):
    made = cf.run(cf.Case(as_of="2021-11-30", model=model, **TINY))
    back(made, tmp_path)


def test_a_forecast_of_the_years_after_comes_back(tmp_path):
    from caucasus_forecast import case

    made = cf.run(case.load("after-mission").model_copy(update=TINY))
    back(made, tmp_path)


def test_a_forecast_of_a_graph_of_ones_own_comes_back(tmp_path):
    graph = Path(__file__).parents[1] / "docs" / "examples" / "no-deal-first.toml"
    made = cf.run(cf.Case(as_of="2021-11-30", graph=str(graph), **TINY))
    assert "theory" in back(made, tmp_path).tree.attrs


def test_a_reweighted_forecast_comes_back(small_forecast, tmp_path, monkeypatch):
    monkeypatch.setattr(reweighting, "MIN_EFFECTIVE", 100.0)
    moved = small_forecast.with_priors({"tension->pressure": cf.Normal(0.45, 0.24)})
    assert names.WEIGHT in moved.tree[names.SAMPLE_STATS]
    loaded = back(moved, tmp_path)
    assert loaded.with_priors({}) == moved.with_priors({})


@pytest.mark.parametrize("kind", ["do", "counterfactual"])
def test_what_was_done_comes_back_and_is_marked(small_forecast, tmp_path, kind):
    if kind == "do":
        done = small_forecast.do(tension="calm")
    else:
        done = small_forecast.counterfactual(tension="calm", since="2021-06")
    assert back(done, tmp_path).labels == done.labels


def test_equality_is_of_results_not_of_runs(altered):
    one, two, other = altered(sampling_seconds=1.0), altered(sampling_seconds=2.0), altered(seed=5)
    assert one == two
    assert hash(one) == hash(two)
    assert one != other
    assert one != "a forecast"
    assert storage.differences(one.tree, other.tree) == {"/": "in seed"}


# ------------------------------------------------------------------------------ damage


@pytest.mark.parametrize("keep", [0, 0.1, 0.5, 0.999])
def test_fault_58_a_truncated_file_is_refused(short, tmp_path, capsys, keep):
    path = short.save(tmp_path / "f.nc")
    body = path.read_bytes()
    path.write_bytes(body[: int(keep * len(body))])
    with pytest.raises(CorruptResultError, match=r"f\.nc: damaged: .*; take another copy of it"):
        cf.load(path)
    assert cli.main(["ask", "treaty", "--forecast", str(path), "-q"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {path}: damaged: ")
    assert told.out == ""


def test_fault_58_a_file_without_its_last_bytes_is_refused(saved):
    body = saved.read_bytes()
    for lost in (1, 2, 90, 91, 92, 500):
        saved.write_bytes(body[:-lost])
        with pytest.raises(CorruptResultError):
            storage.load(saved)


def test_fault_59_any_flipped_bit_is_refused(saved):
    body, rng = saved.read_bytes(), np.random.default_rng(59)
    places = [0, 8, 9, len(body) - 1, len(body) - 70, *rng.integers(len(body), size=300)]
    for place in places:
        flipped = bytearray(body)
        flipped[place] ^= 1 << int(rng.integers(8))
        with pytest.raises((netcdf.Damaged, netcdf.Foreign)):
            storage.tree_of(bytes(flipped))
    storage.tree_of(body)


def test_fault_59_added_bytes_are_refused(saved):
    saved.write_bytes(saved.read_bytes() + b"\n")
    with pytest.raises(CorruptResultError, match="its last line is missing"):
        storage.load(saved)


def rewritten(body, change):
    """A file of ours that was opened, changed, closed, and sealed anew."""
    held = io.BytesIO(body[:-91])
    with h5py.File(held, "r+") as file:
        change(file)
    return sealed(held.getvalue())


def swapped(file):
    one, two = file["posterior/slope"], file["smoothed/tension"]
    one[...], two[...] = two[...], one[...]


def renamed(file):
    file.move("smoothed", "prior")


def relabelled(file):
    file["posterior/edge"][0] = "c"


def retitled(file):
    file.attrs["title"] = "y"


def forged(file):
    said = json.loads(file.attrs["manifest"])
    said["parts"]["posterior/slope"]["sha256"] = "0" * 64
    file.attrs["manifest"] = json.dumps(said)


def unlisted(file):
    said = json.loads(file.attrs["manifest"])
    del said["parts"]["smoothed/tension"]
    file.attrs["manifest"] = json.dumps(said)


def added(file):
    file["posterior"].create_dataset("extra", data=np.ones(2))


def removed(file):
    del file["smoothed/tension"]


def unsaid(file):
    del file.attrs["manifest"]


def garbled(file):
    file.attrs["manifest"] = "{"


def misshapen(file):
    file.attrs["manifest"] = '{"format": 1, "parts": [1]}'


def nested(file):
    file.attrs["manifest"] = "[" * 100_000


def mistyped(file):
    said = json.loads(file.attrs["manifest"])
    said["parts"]["posterior/slope"]["dtype"] = "os.system"
    file.attrs["manifest"] = json.dumps(said)


CHANGES = {
    swapped: "'posterior/slope' is not what was saved",
    renamed: "'smoothed', which its manifest lists, is missing",
    relabelled: "'posterior/edge' is not what was saved",
    retitled: "'/' is not what was saved",
    forged: "'posterior/slope' is not what was saved",
    unlisted: "'smoothed/tension' is not in its manifest",
    added: "'posterior/extra' is not in its manifest",
    removed: "'smoothed/tension', which its manifest lists, is missing",
    unsaid: "its manifest is missing",
    garbled: "its manifest does not parse",
    misshapen: "its manifest does not parse",
    nested: "its manifest does not parse",
    mistyped: "its manifest has the dtype 'os.system'",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_fault_59_a_changed_part_is_refused_by_name(saved, change):
    saved.write_bytes(rewritten(saved.read_bytes(), change))
    with pytest.raises(CorruptResultError, match=rf"a\.nc: damaged: {CHANGES[change]}"):
        storage.load(saved)


# ------------------------------------------------------------------------------ harm


def built(make, tree):
    """A file of ours with something in it that no forecast has, and a right seal."""
    return rewritten(storage.image(tree), make)


def raw(file, name, kind, shape=(2,), made=None):
    """A dataset of any kind HDF5 has."""
    where = file["posterior"].id
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.NULL)
    return h5d.create(where, name.encode(), kind, space, made or h5p.create(h5p.DATASET_CREATE))


def packed_by(number):
    made = h5p.create(h5p.DATASET_CREATE)
    made.set_chunk((2,))
    made.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (1,))
    return made


def kept_elsewhere():
    made = h5p.create(h5p.DATASET_CREATE)
    made.set_external(b"/etc/passwd", 0, 16)
    return made


def virtual(file):
    layout = h5py.VirtualLayout((2,), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2,))
    file["posterior"].create_virtual_dataset("v", layout)


def looped(file):
    file["posterior"]["again"] = file["posterior"]


HARM = {
    "external link": lambda f: f.__setitem__("prior", h5py.ExternalLink("/etc/passwd", "/")),
    "external link below": lambda f: f["posterior"].__setitem__(
        "x", h5py.ExternalLink("other.nc", "/posterior/slope")
    ),
    "soft link": lambda f: f.__setitem__("prior", h5py.SoftLink("/posterior")),
    "soft link below": lambda f: f["posterior"].__setitem__("x", h5py.SoftLink("/smoothed")),
    "virtual dataset": virtual,
    "values in another file": lambda f: raw(f, "v", h5t.IEEE_F64LE, (2,), kept_elsewhere()),
    "unknown filter": lambda f: raw(f, "v", h5t.IEEE_F64LE, (2,), packed_by(32015)),
    "group in a group": lambda f: f["posterior"].create_group("deeper"),
    "group that holds itself": looped,
    "unknown group": lambda f: f.create_group("pickle"),
    "variable of the root": lambda f: f.create_dataset("posterior2", data=np.ones(2)),
    "named type": lambda f: f["posterior"].__setitem__("t", np.dtype("f8")),
    "opaque bytes": lambda f: raw(f, "v", h5t.create(h5t.OPAQUE, 8)),
    "references": lambda f: raw(f, "v", h5t.STD_REF_OBJ),
    "compound": lambda f: f["posterior"].create_dataset("v", data=np.zeros(2, "i4,f8")),
    "numbers of any length": lambda f: raw(f, "v", h5t.vlen_create(h5t.STD_I32LE)),
    "enumeration": lambda f: f["posterior"].create_dataset("v", data=np.array([True, False])),
    "long double": lambda f: f["posterior"].create_dataset("v", data=np.zeros(2, np.longdouble)),
    "text of fixed length": lambda f: f["posterior"].create_dataset("v", data=np.array([b"ab"])),
    "no shape": lambda f: raw(f, "v", h5t.IEEE_F64LE, ()),
    "too many values": lambda f: raw(f, "v", h5t.IEEE_F64LE, (2**40,), packed_by(1)),
    "name with a dot": lambda f: f["posterior"].create_dataset("os.system", data=np.ones(2)),
    "values that change as they are read": lambda f: f["posterior/slope"].attrs.update(
        scale_factor=2.0
    ),
    "codec by name": lambda f: f["posterior/edge"].attrs.update(_Encoding="os.system"),
    "attribute of bytes": lambda f: f.attrs.create("x", np.void(pickle.dumps(1))),
    "attribute of references": lambda f: f.attrs.create("x", f["posterior"].ref),
    "attribute name": lambda f: f.attrs.update({"os.system": "x"}),
    "wrong dimension list": lambda f: f["posterior/slope"].attrs.update(REFERENCE_LIST="x"),
    "many attributes": lambda f: f["posterior"].attrs.update({f"a{i}": i for i in range(300)}),
    "long attribute": lambda f: f.attrs.update(x="a" * (guard.LONGEST_TEXT + 1)),
    "list attribute": lambda f: f.attrs.update(x=[1, 2, 3]),
}  # fmt: skip
SAID = {
    "external link": "prior is an external link, which is never followed",
    "external link below": "posterior/x is an external link",
    "soft link": "prior is a soft link",
    "soft link below": "posterior/x is a soft link",
    "virtual dataset": "'posterior/v' is a virtual dataset",
    "values in another file": "'posterior/v' keeps its values in another file",
    "unknown filter": "'posterior/v' is packed with the filter 32015, which is never loaded",
    "group in a group": "'posterior/deeper' is not a variable",
    "group that holds itself": "'posterior/again' is not a variable",
    "unknown group": "'pickle' is not a group of a forecast",
    "variable of the root": "'posterior2' is not a group of a forecast",
    "named type": "'posterior/t' is not a variable",
    "too many values": "declare far more values than",
    "no shape": "'posterior/v' has no shape",
    "name with a dot": "'posterior/os.system' is not a name of a forecast",
    "values that change as they are read": "attribute 'scale_factor' of 'posterior/slope' would",
    "codec by name": "attribute '_Encoding' of 'posterior/edge' would change values",
    "attribute of bytes": "attribute 'x' of '/' is neither text nor a number",
    "attribute of references": "attribute 'x' of '/' is neither text nor a number",
    "attribute name": "attribute 'os.system' of '/' is not a name of a forecast",
    "wrong dimension list": "attribute 'REFERENCE_LIST' of 'posterior/slope' is neither",
    "many attributes": "'posterior' has 300 attributes; 200 are allowed",
    "long attribute": "attribute 'x' of '/' has more than 16777216 bytes",
    "list attribute": "attribute 'x' of '/' is ndarray; make it text or a number",
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_fault_61_what_no_forecast_holds_is_refused_by_name(tree, tmp_path, harm):
    path = tmp_path / "a.nc"
    path.write_bytes(built(HARM[harm], tree))
    words = SAID.get(harm, "'posterior/v' holds neither numbers nor text")
    with pytest.raises(CorruptResultError, match=rf"a\.nc: damaged: .*{words}"):
        storage.load(path)


def test_fault_61_one_long_text_named_by_many_cells_is_refused(tree):
    def bomb(file):
        kind = h5py.string_dtype()
        held = file["posterior"].create_dataset("v", (1000,), kind)
        held[...] = "a" * 100_000

    with pytest.raises(netcdf.Damaged, match="'posterior/v' has more than 67108864 bytes of text"):
        storage.tree_of(built(bomb, tree))


class Canary:
    """Runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_fault_61_nothing_that_is_read_runs(tree, tmp_path):
    """Pickles, dotted paths and code in every place for text: read as text, or refused."""
    canary = tmp_path / "ran"
    body = pickle.dumps(Canary(canary))
    (tmp_path / "a.nc").write_bytes(body)
    with pytest.raises(StorageError, match="not a saved forecast: it looks like a pickle, which"):
        storage.load(tmp_path / "a.nc")
    code = f"__import__('os').mkdir({str(canary)!r})"
    tree.attrs |= {
        "model": "os.system",
        "case": code,
        "priors": body.decode("latin-1").replace("\0", ""),
    }
    tree["posterior"].attrs["class"] = "subprocess.Popen"
    tree["posterior"].coords["edge"] = ["os.system", code]
    script = (
        "import sys, json\n"
        "from caucasus_forecast import storage\n"
        "import h5netcdf, xarray.backends.h5netcdf_\n"
        "storage.load(sys.argv[1])\n"
        "seen = []\n"
        "sys.addaudithook(lambda e, a: seen.append([e, str(a[0])]) if e in "
        "('import', 'exec', 'pickle.find_class', 'os.system', 'subprocess.Popen', 'compile') "
        "else None)\n"
        "storage.load(sys.argv[1])\n"
        "print(json.dumps(seen))\n"
    )
    path = storage.save(tree, tmp_path / "b.nc")
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    strange = [x for x in json.loads(done.stdout) if x[0] != "import"]
    assert strange == []
    assert not [x for x in json.loads(done.stdout) if x[1] in ("os.system", "subprocess")]
    assert not canary.exists()
    assert same(storage.load(path), tree)


def test_fault_61_the_size_of_a_file_is_looked_at_first(saved, monkeypatch):
    monkeypatch.setattr(storage, "LARGEST", 1000)
    with pytest.raises(StorageError, match=r"a\.nc: 0\.0 GB, and no forecast has more than"):
        storage.load(saved)


FOREIGN = {
    "a pickle": (b"\x80\x04\x95", "it looks like a pickle, which is never read"),
    "a zip archive": (b"PK\x03\x04", "it is a zip archive"),
    "text": (b"month,count\n2021-01,3\n", "it begins with b'month,co'"),
    "JSON": (b'{"a": 1}', "it is JSON"),
    "netCDF 3": (b"CDF\x01\0\0\0\0", "it is a netCDF file of version 3"),
    "gzip": (b"\x1f\x8b\x08\0", "it is compressed with gzip"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_not_a_forecast_is_said(tmp_path, what):
    body, words = FOREIGN[what]
    (tmp_path / "a.nc").write_bytes(body)
    with pytest.raises(StorageError, match=r"a\.nc: not a saved forecast: ") as told:
        storage.load(tmp_path / "a.nc")
    assert words in str(told.value)
    assert not isinstance(told.value, CorruptResultError)


def test_a_missing_a_foreign_and_a_newer_file_are_refused(tree, tmp_path):
    with pytest.raises(StorageError, match=r"none\.nc: no such file; check the path"):
        storage.load(tmp_path / "none.nc")
    with pytest.raises(StorageError, match="not a file; check the path"):
        storage.load("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="pipe: not a file; check the path"):
        storage.load(tmp_path / "pipe")
    with pytest.raises(StorageError, match="has a null character in it"):
        storage.load("a\0b")
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    with pytest.raises(StorageError, match="not a saved forecast: it has no attribute 'schema'"):
        storage.load(tmp_path / "b.nc")
    tree.attrs["schema"] = storage.SCHEMA + 1
    tree["smoothed"].attrs["new"] = "whatever it is"
    storage.save(tree, tmp_path / "c.nc")
    with pytest.raises(StorageError, match=r"written with schema 2, newer than this version's 1; "
                       "update caucasus-forecast"):  # fmt: skip
        storage.load(tmp_path / "c.nc")
    tree.attrs["schema"] = "one"
    storage.save(tree, tmp_path / "d.nc")
    with pytest.raises(CorruptResultError, match="its schema is 'one', not a whole number"):
        storage.load(tmp_path / "d.nc")


def test_a_newer_manifest_is_said(saved):
    def later(file):
        file.attrs["manifest"] = json.dumps({"format": 2, "parts": {}})

    saved.write_bytes(rewritten(saved.read_bytes(), later))
    with pytest.raises(StorageError, match="its manifest has format 2, newer than this version's"):
        storage.load(saved)


UNFIT = {
    "a list": ("attrs", [1, 2], "attribute 'x' of 'smoothed' is list; make it text or a number"),
    "nothing": ("attrs", None, "attribute 'x' of 'smoothed' is NoneType"),
    "yes": ("attrs", True, "attribute 'x' of 'smoothed' is bool"),
    "a long number": ("attrs", 2**70, "attribute 'x' of 'smoothed' is beyond 64 bits"),
    "null": ("attrs", "a\0b", "attribute 'x' of 'smoothed' has a null character"),
    "half a letter": ("attrs", "\ud800", "surrogates not allowed"),
    "objects": ("values", np.array([{}, 1], object), "'smoothed/x' holds Python objects"),
    "complex numbers": ("values", np.ones(2, complex), "'smoothed/x' has the dtype complex128"),
    "null text": ("values", np.array(["a\0b", "c"]), "'smoothed/x' has text with a null"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_cannot_be_kept_is_refused_by_name(tree, tmp_path, what):
    where, value, words = UNFIT[what]
    if where == "attrs":
        tree["smoothed"].attrs["x"] = value
    else:
        tree["smoothed"]["x"] = xr.DataArray(value, dims="edge")
    with pytest.raises(StorageError, match=rf"a\.nc: cannot be saved: .*{words}"):
        storage.save(tree, tmp_path / "a.nc")
    assert list(tmp_path.iterdir()) == []


def test_groups_within_groups_are_not_kept(tree, tmp_path):
    tree["posterior/deeper"] = xr.DataTree()
    with pytest.raises(StorageError, match="group 'posterior' has groups of its own"):
        storage.save(tree, tmp_path / "a.nc")


def test_text_objects_are_kept_as_such_and_count_as_text(tree, tmp_path):
    words = np.array(["a", "bcd"], object)
    tree["smoothed"]["x"] = xr.DataArray(words, dims="edge")
    tree["smoothed"].coords["edge"] = words
    assert tree["smoothed"]["edge"].dtype == object
    back = storage.load(storage.save(tree, tmp_path / "a.nc"))
    assert same(back, tree)
    assert back["smoothed"]["x"].dtype == object
    tree["smoothed"]["x"] = tree["smoothed"]["x"].astype(str)
    assert storage.digest(back) == storage.digest(tree)


# ------------------------------------------------------------------------------ saving


def test_fault_63_an_existing_file_is_not_overwritten_unless_told(tree, saved):
    before = saved.read_bytes()
    with pytest.raises(StorageError, match="exists; choose another name or allow overwriting"):
        storage.save(tree, saved)
    assert saved.read_bytes() == before
    tree.attrs["title"] = "y"
    storage.save(tree, saved, overwrite=True)
    assert storage.load(saved).attrs["title"] == "y"


def test_fault_66_a_failed_write_leaves_the_old_file(tree, saved, monkeypatch):
    before = saved.read_bytes()

    def full(self, body):
        with open(self, "wb") as file:
            file.write(body[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="No space left"):
        storage.save(tree, saved, overwrite=True)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["a.nc"]


KILLED = """
import json, os, random, signal, sys, time
from pathlib import Path
import numpy as np, xarray as xr
from caucasus_forecast import storage

target, draw = Path(sys.argv[1]), random.Random(69)
trees = []
for i in range(2):
    values = np.random.default_rng(i).normal(size=(4, 1000, 40))
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"slope": (("c", "d", "e"), values)})})
    tree.attrs = {"schema": storage.SCHEMA, "title": str(i)}
    trees.append(tree)
digests = [storage.digest(tree) for tree in trees]
began = time.perf_counter()
storage.save(trees[0], target)
took = time.perf_counter() - began
found, during = [], 0
for _ in range(30):
    child = os.fork()
    if not child:
        while True:
            for tree in trees:
                storage.save(tree, target, overwrite=True)
    time.sleep(draw.uniform(0.2, 3) * took)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    during += len(list(target.parent.iterdir())) > 1
    found.append(digests.index(storage.digest(storage.load(target))))
storage.save(trees[0], target, overwrite=True)
print(json.dumps([found, during, sorted(p.name for p in target.parent.iterdir())]))
"""


def test_fault_69_killed_at_random_times_the_file_is_whole(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "f.nc")],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, during, left = json.loads(done.stdout)
    assert len(found) == 30, "each time one of the two loaded whole, with its digest"
    assert during >= 20, "most were killed in the middle of a save"
    assert set(found) == {0, 1}
    assert left == ["f.nc"], "what the killed left was cleared away"


@pytest.mark.parametrize("name", ["a b #1.nc", "Լեռնային Ղարաբաղ.nc", "прогноз.nc"])
def test_fault_73_paths_of_all_kinds_work(tree, tmp_path, name):
    folder = tmp_path / "тест #2 ընդ"
    folder.mkdir()
    assert same(storage.load(storage.save(tree, folder / name)), tree)


def test_fault_67_an_interrupted_save_leaves_nothing(tree, saved, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "image", stopped)
    with pytest.raises(KeyboardInterrupt):
        storage.save(tree, saved, overwrite=True)
    assert [p.name for p in saved.parent.iterdir()] == ["a.nc"]
    storage.load(saved)


# ------------------------------------------------------------------------------ earlier and later


def golden(number, tmp_path):
    """A file of an earlier version: number 0 stands for the first, without seal and manifest."""
    path = tmp_path / f"forecast-{number}.nc"
    path.write_bytes(gzip.decompress((GOLDEN / f"{path.name}.gz").read_bytes()))
    return cf.load(path)


def test_the_golden_file_loads_and_says_what_it_said(tmp_path):
    """Made with 13 draws, so that its checks failed; every later version must read it so."""
    from caucasus_forecast import report

    found = golden(1, tmp_path)
    tree = found.tree
    assert not found.passed
    assert found.notes[0].startswith("WARNING: checks failed")
    assert tree.attrs["seed"] == 7
    assert tree["posterior"]["slope"].shape == (2, 13, 110)
    standing = [0.038461538461538464, 0, 0, 0, 0.019230769230769232, 0, 0.7884615384615385]
    np.testing.assert_array_equal(
        tree["scenarios"]["probability"], [*standing, 0.15384615384615385]
    )
    assert float(tree["posterior"]["slope"][1, 12, 109]) == 0.5277902157727646
    assert found.digest == "b20669122d0f02c89ce526337e7896c6769d1d650e0bca1d756c4dad2f0013b8"
    assert found.ask("total battle_deaths").to_json()["quantiles"]["0.5"] == 13.0
    done = found.do(tension="calm").labels
    assert done == ("intervention: do: tension = -1 sd from 2021-12 to 2022-01",)
    assert found.with_priors("agnostic").tree.attrs["prior_set"] == "agnostic"
    assert found.update(as_of="2021-12-31").tree.attrs["as_of"] == "2021-12-31"
    assert "the chains disagree" in report.page(found, {})
    assert cf.load(found.save(tmp_path / "again.nc")) == found


def test_a_file_of_the_version_before_loads_and_says_that_nothing_vouches_for_it(tmp_path):
    old = golden(0, tmp_path)
    assert any("without checksums" in note for note in old.notes)
    assert old == golden(1, tmp_path)
    assert cf.load(old.save(tmp_path / "again.nc")).notes == old.notes
