import copy
import csv
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caucasus_forecast import graph as graphs
from caucasus_forecast import priors, shipped
from caucasus_forecast.errors import PriorError
from caucasus_forecast.priors import (
    DISTRIBUTIONS,
    Normal,
    Prior,
    PriorSet,
    as_prior,
    diff,
    load,
    parameters,
    read,
    resolve,
)

SLOPE = "tension->transport_delay"
SETS = priors.list()


@pytest.fixture(scope="module")
def written():
    """A complete set as TOML, with one entry written by the test."""
    whole = load("agnostic")

    def write(entry, *, without=SLOPE, more=""):
        others = "\n".join(
            f'["{key}"]\ndist = "{p.dist}"\nkwargs = {{ '
            + ", ".join(f"{k} = {v}" for k, v in p.kwargs.items())
            + " }"
            for key, p in whole.items()
            if key != without
        )
        return f"{more}\n{others}\n{entry}\n"

    return write


def refusal(ask, *arguments):
    with pytest.raises(PriorError) as caught:
        ask(*arguments)
    return str(caught.value)


# --------------------------------------------------------------------------------- the shipped sets


# sets that are no view of the reference material
LATER = {"after-mission-2026"}


def test_twenty_one_sets_are_shipped_and_the_later_ones():
    assert len(set(SETS) - LATER) == 21
    assert set(SETS) >= LATER
    assert {"agnostic", "alyarli-2021", "sceptical"} < set(SETS)


@pytest.mark.parametrize("name", SETS)
def test_a_shipped_set_is_complete_named_and_reasoned(name):
    loaded = load(name)
    assert (loaded.name, bool(loaded.title)) == (name, True)
    assert list(loaded) == list(parameters())
    assert all(p.why for p in loaded.values())
    known = {c.id for c in graphs.claims()}
    assert all(set(p.claims) <= known for p in loaded.values())


def test_every_set_is_its_own():
    assert len({load(name).digest for name in SETS}) == len(SETS)


def test_every_parameter_belongs_to_the_graph_or_to_tension():
    graph = graphs.load()
    slopes = {k for k in parameters() if "->" in k}
    assert slopes == set(graph.slopes)
    based = {n.name for n in graph.nodes if n.kind in ("count", "event", "share")}
    assert {k.removesuffix(".base") for k in parameters() if k.endswith(".base")} == based


# -------------------------------------------------- the views of the reference material, translated

VIEWS = {
    "allison": "allison-1994",
    "article_author": "alyarli-2021",
    "barros": "barros-2020",
    "betrayal_school": "betrayal-school-2021",
    "de_waal": "de-waal-2021",
    "eaeu_sceptics": "eaeu-sceptics-2013",
    "giragosian": "giragosian-2020",
    "huseynov": "huseynov-2021",
    "ibrahimov": "ibrahimov-2021",
    "lake_morgan": "lake-morgan-1997",
    "libaridian": "libaridian-2021",
    "macfarlane_schnabel": "macfarlane-schnabel-1995",
    "minassian": "minassian-2021",
    "official_baku": "official-baku-2021",
    "punishment_school": "punishment-school-2020",
    "russian_mfa": "russian-mfa-2021",
    "transport_supporters": "transport-supporters-2021",
    "troianovski_gall": "troianovski-gall-2020",
    "valiyev_2021": "valiyev-2021",
}
OUTSIDE = {"CSTO_LEGIT", "RU_TRUST", "WESTERNISATION", "WEST_POLICY"}


def translated(cause, effect, mean, sd):
    """The slopes that stand for one link of the reference material."""
    if (cause, effect) == ("TR_DELAY", "RU_TR_LOSS"):  # five benefits share the loss
        benefits = [n.name for n in graphs.load().nodes if n.name.startswith("benefit_")]
        assert len(benefits) == 5
        return {f"transport_delay->{b}": (-mean, sd * math.sqrt(5)) for b in benefits}
    if (cause, effect) == ("DEMARC", "BG"):  # demand for guards, less what the law allows
        demand, law = (mean + 0.2, -0.2) if mean >= 0 else (0.2, mean - 0.2)
        return {
            "demarcation_failure->guard_demand": (demand, sd),
            "demarcation_failure->border_legality": (law, sd),
        }
    if (cause, effect) == ("TEN", "PERC"):  # through fear, whose unit is that of tension
        return {"fear->public_view": (mean, sd)}
    named = {r["code"]: r["node"] for r in shipped.table("nodes.csv")}
    return {f"{named[cause]}->{named[effect]}": (mean, sd)}


def substantive(shared):
    with (shared / "seed" / "views.csv").open(encoding="utf-8", newline="") as file:
        return [r for r in csv.DictReader(file) if r["stance"] != "silent"]


def test_every_view_of_the_reference_material_is_shipped(shared):
    rows = substantive(shared)
    assert {r["prior_set"] for r in rows} == set(VIEWS)
    assert set(VIEWS.values()) | {"agnostic", "sceptical"} == set(SETS) - LATER


@pytest.mark.parametrize(("view", "name"), VIEWS.items())
def test_a_view_is_shipped_as_the_reference_material_has_it(shared, view, name):
    rows = [r for r in substantive(shared) if r["prior_set"] == view]
    inside = [r for r in rows if not {r["cause_node"], r["effect_node"]} & OUTSIDE]
    assert inside
    for row in inside:
        mean, sd = float(row["suggested_mean"]), float(row["suggested_sd"])
        for key, expected in translated(row["cause_node"], row["effect_node"], mean, sd).items():
            entry = load(name)[key]
            assert entry.dist == "Normal", key
            assert tuple(entry.kwargs.values()) == pytest.approx(expected, abs=1e-4), key


# ---------------------------------------------------------------------------- refusals of one prior

REFUSED = {
    "misspelt": (
        "Nrmal",
        {"mu": 0, "sigma": 1},
        "unknown distribution 'Nrmal'; did you mean 'Normal'",
    ),
    "lower case": ("normal", {"mu": 0, "sigma": 1}, "did you mean 'Normal'"),
    "a call": ("os.system", {}, "unknown distribution 'os.system'; Allowed: Beta, Exponential"),
    "a class of PyMC": ("Model", {}, "unknown distribution 'Model'"),
    "a function of PyMC": ("sample", {}, "unknown distribution 'sample'"),
    "a dunder": ("__doc__", {}, "unknown distribution '__doc__'"),
    "a list": (["Normal"], {}, "'dist' is ['Normal']; write the name of a distribution"),
    "nothing": (None, {}, "'dist' is None; write the name"),
    "unknown argument": (
        "Normal",
        {"mu": 0, "sgma": 1},
        "no argument 'sgma'; did you mean 'sigma'",
    ),
    "an argument of another": ("Normal", {"mu": 0, "sigma": 1, "nu": 3}, "no argument 'nu'"),
    "missing argument": ("Normal", {"mu": 0}, "Normal lacks sigma; give every argument"),
    "no arguments": ("Beta", {}, "Beta lacks alpha, beta"),
    "zero": ("Normal", {"mu": 0, "sigma": 0}, "sigma is 0; it must be greater than 0"),
    "negative": ("Normal", {"mu": 0, "sigma": -1}, "sigma is -1; it must be greater than 0"),
    "zero shape": ("Beta", {"alpha": 0, "beta": 1}, "alpha is 0; it must be greater than 0"),
    "not a number": ("Normal", {"mu": math.nan, "sigma": 1}, "mu is nan; it must be finite"),
    "infinite": ("Normal", {"mu": 0, "sigma": math.inf}, "sigma is inf; it must be finite"),
    "too large": ("Normal", {"mu": -(10**400), "sigma": 1}, "it must be finite"),
    "boolean": ("Normal", {"mu": True, "sigma": 1}, "mu is True; write a number"),
    "text": ("Normal", {"mu": "0.5", "sigma": 1}, "mu is '0.5'; write a number"),
    "array": ("Normal", {"mu": [0, 1], "sigma": 1}, "mu is [0, 1]; write a number"),
    "nested": ("Normal", {"mu": {"dist": "Normal"}, "sigma": 1}, "write a number"),
    "unnamed": ("Normal", {1: 0, "sigma": 1}, "Normal has no argument 1"),
}


@pytest.mark.parametrize(("dist", "kwargs", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_prior_is_refused(dist, kwargs, told):
    assert told in refusal(Prior, dist, kwargs)


GIVEN = {
    "a number": (0.5, "0.5 is not a prior; give Prior(dist, kwargs), or a dict"),
    "a name": ("Normal", "'Normal' is not a prior"),
    "no dist": ({"kwargs": {}}, "lacks 'dist'"),
    "arguments as a list": (
        {"dist": "Normal", "kwargs": [0, 1]},
        "write { mu = 0.0, sigma = 0.5 }",
    ),
    "an extra key": (
        {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}, "whi": "x"},
        "unknown key 'whi' in a prior; did you mean 'why'",
    ),
    "claims as text": (
        {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}, "claims": "a-claim"},
        "'claims' is 'a-claim'; write a list of claim ids",
    ),
    "claims as a number": (
        {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}, "claims": 5},
        "'claims' is 5; write a list",
    ),
    "dims": (
        {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}, "dims": ("side",)},
        "'dims' is ('side',); a prior is one number: leave 'dims' out",
    ),
    "a transform": (
        {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}, "transform": "exp"},
        "'transform' is 'exp'",
    ),
}


@pytest.mark.parametrize(("given_value", "told"), GIVEN.values(), ids=GIVEN)
def test_what_cannot_be_honoured_is_refused(given_value, told):
    assert told in refusal(as_prior, given_value)


@pytest.mark.parametrize("number", [1, 1.0, np.float32(1), np.int64(1), Fraction(1)])
def test_any_real_number_will_do(number):
    assert Prior("Normal", {"mu": number, "sigma": number}) == Normal(1, 1)


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_every_distribution_of_the_list_can_be_given_and_shown(dist):
    arguments = dict.fromkeys(reversed(DISTRIBUTIONS[dist][0]), 0.5)
    prior = Prior(dist, arguments)
    assert eval(repr(prior), {dist: lambda **given: Prior(dist, given)}) == prior  # noqa: S307
    assert as_prior({"dist": dist, "kwargs": arguments}) == prior
    assert copy.deepcopy(prior) == pickle.loads(pickle.dumps(prior)) == prior  # noqa: S301


def test_a_reason_is_kept_and_does_not_make_a_prior_another():
    told = as_prior(
        {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}, "why": "x", "claims": ["c"]}
    )
    assert (told.why, told.claims) == ("x", ("c",))
    assert told == Normal(0, 1)
    assert hash(told) == hash(Normal(0, 1))
    assert Normal(0, 1) != Normal(0, 2)


def test_a_prior_of_pymc_extras_is_accepted():
    extras = pytest.importorskip("pymc_extras.prior")
    assert as_prior(extras.Prior("Normal", mu=0, sigma=1)) == Normal(0, 1)
    assert "'dims'" in refusal(as_prior, extras.Prior("Normal", mu=0, sigma=1, dims="side"))


def test_anything_that_becomes_such_a_dict_is_accepted():
    class Elsewhere:
        def to_dict(self):
            return {
                "dist": "Normal",
                "kwargs": {"mu": 0, "sigma": 1},
                "centered": False,
                "dims": (),
            }

    assert as_prior(Elsewhere()) == Normal(0, 1)


# -------------------------------------------------------------------------------- refusals of a set


def test_a_set_lists_what_it_lacks():
    message = refusal(PriorSet, "mine", {SLOPE: Normal(0, 1)})
    assert f"'mine' lacks {len(parameters()) - 1} of {len(parameters())} parameters" in message
    assert "copy a shipped file" in message


@pytest.mark.parametrize(
    ("key", "prior", "told"),
    [
        ("tension->transport_dealy", Normal(0, 1), f"did you mean {SLOPE!r}"),
        ("overdispersion", Normal(0, 1), "overdispersion takes positive numbers, but Normal(mu=0"),
        ("drift.persistence", Prior("HalfNormal", {"sigma": 1}), "numbers between 0 and 1"),
        (SLOPE, "Normal", f"[{SLOPE}]: 'Normal' is not a prior"),
    ],
)
def test_a_set_refuses_what_does_not_belong(key, prior, told):
    whole = dict(load("agnostic"))
    assert told in refusal(PriorSet, "mine", {**whole, key: prior})
    assert told in refusal(load("agnostic").replace, {key: prior})


def test_a_support_error_names_what_fits():
    message = refusal(load("agnostic").replace, {"overdispersion": Normal(0, 1)})
    fitting = "Beta, Exponential, Gamma, HalfNormal, InverseGamma, LogNormal"
    assert message.endswith(f"use one of: {fitting}")


# ----------------------------------------------------------------------------------- text and files

ENTRY = f'["{SLOPE}"]\ndist = "Normal"\nkwargs = {{ mu = 0.25, sigma = 1 }}\n'
TEXTS = {
    "a duplicate key": (ENTRY + ENTRY, "Cannot declare ('tension->transport_delay',) twice"),
    "a duplicate argument": (
        f'["{SLOPE}"]\ndist = "Normal"\nkwargs = {{ mu = 1, mu = 2, sigma = 1 }}',
        "at line",
    ),
    "a misspelt parameter": (ENTRY.replace("delay", "dealy"), f"did you mean {SLOPE!r}"),
    "a number for a table": (
        f'["{SLOPE}"]\ndist = "Normal"\nkwargs = 5',
        f"[{SLOPE}]: 'kwargs' is 5",
    ),
    "a text number": (
        ENTRY.replace("0.25", '"0.25"'),
        f"[{SLOPE}]: Normal: mu is '0.25'; write a num",
    ),
    "not a number": (
        ENTRY.replace("0.25", "nan"),
        f"[{SLOPE}]: Normal: mu is nan; it must be finite",
    ),
    "infinite": (ENTRY.replace("= 1 ", "= inf "), f"[{SLOPE}]: Normal: sigma is inf"),
    "a long integer": (ENTRY.replace("0.25", "9" * 5000), "check the TOML"),
    "a long hexadecimal": (
        ENTRY.replace("0.25", "0x" + "f" * 9000),
        "'mu' is a number of more than 4300 digits, beyond 64 bits",
    ),
    "claims as text": (ENTRY + 'claims = "a"', f"[{SLOPE}]: 'claims' is 'a'; write a list"),
    "an extra key": (ENTRY + "scale = 1", f"[{SLOPE}]: unknown key 'scale'"),
    "a list of distributions": (
        ENTRY.replace('"Normal"', '["Normal"]'),
        "write the name of a dist",
    ),
    "a system call": (ENTRY.replace("Normal", "os.system"), "unknown distribution 'os.system'"),
    "YAML": ("!!python/object/apply:os.system ['true']", "check the TOML"),
    "deep nesting": ("x = " + "[" * 5000, "check the TOML"),
    "tables of another thing": ("[a]\n[b]\n[[c]]", "'c' is [{}]; each parameter is a table"),
}


@pytest.mark.parametrize(("entry", "told"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_refused_with_its_file_and_key(written, entry, told):
    message = refusal(read, written(entry), "mine.toml")
    assert message.startswith("mine.toml: ")
    assert told in message


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("name = 5", "name is 5, title is ''; write both as text"),
        ("title = [1]", "title is [1]; write both as text"),
        ("nmae = 'x'", "'nmae' is 'x'; each parameter is a table"),
        ("x = 0x" + "f" * 9000, "'x' is a number of more than 4300 digits, beyond 64 bits"),
    ],
)
def test_a_heading_is_refused(written, heading, told):
    assert told in refusal(read, written(ENTRY, more=heading), "mine.toml")


def test_a_whole_text_is_read(written):
    mine = read(written(ENTRY, more="name = 'mine'\ntitle = 'my view'"), "mine.toml")
    assert (mine.name, mine.title, mine[SLOPE]) == ("mine", "my view", Normal(0.25, 1))
    assert [d.parameter for d in diff(mine, "agnostic")] == [SLOPE]


def test_a_file_is_read_under_its_own_name(tmp_path, written):
    path = tmp_path / "mine.toml"
    path.write_text(written(ENTRY), encoding="utf-8-sig")
    assert load(path).name == load(str(path)).name == "mine"


def test_nothing_but_the_set_is_loaded_from_a_file(tmp_path, written):
    touched = tmp_path / "touched"
    call = f"__import__('pathlib').Path('{touched.as_posix()}').touch()"
    message = refusal(read, written(ENTRY.replace("Normal", call)), "mine.toml")
    assert "unknown distribution" in message
    assert not touched.exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("agnostc", "no prior set 'agnostc'; did you mean 'agnostic'"),
        ("ALYARLI-2021", "did you mean 'alyarli-2021'"),
        ("none.toml", "none.toml: no such file; check the path"),
        ("", "not a TOML text file"),
        ("a\0b.toml", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("agnostic.toml/x.toml", "check the path"),
    ],
)
def test_a_set_that_is_not_there_is_refused(name, told):
    assert told in refusal(load, name)


def test_a_folder_and_a_binary_file_are_no_sets(tmp_path):
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    assert "not a TOML text file" in refusal(load, tmp_path)
    assert "not a TOML text file" in refusal(load, tmp_path / "b.toml")


def refusal_or_name(text):
    try:
        return f"any.toml: {read(text, 'any.toml').name}"
    except PriorError as error:
        return str(error)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    assert refusal_or_name(text).startswith("any.toml: ")


VALUE = st.one_of(
    st.text("{}[]=,.\"'#ab1 \n", max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", "[]", "{}", "1979-05-27", "{ mu = 0 }", "[[1]]", '"Normal"', "0x" + "f" * 5000]
    ),
)


@given(st.lists(st.tuples(st.sampled_from(["dist", "kwargs", "why", "claims", "name"]), VALUE)))
def test_any_values_under_good_keys_are_read_or_refused(pairs):
    body = "\n".join(f"{key} = {value}" for key, value in pairs)
    for text in (body, f'["{SLOPE}"]\n{body}'):
        assert refusal_or_name(text).startswith("any.toml: ")


# ------------------------------------------------------------------ replacing, comparing, resolving


def test_replacing_makes_a_new_named_set_and_leaves_the_old():
    old = load("agnostic")
    new = old.replace({SLOPE: {"dist": "Normal", "kwargs": {"mu": 1, "sigma": 2}}})
    assert (new.name, new[SLOPE]) == (f"agnostic+{SLOPE}", Normal(1, 2))
    assert (old.name, old[SLOPE]) == ("agnostic", Normal(0, 0.5))
    assert new.digest != old.digest
    assert list(new) == list(old)


def test_a_parameter_that_is_a_word_can_be_replaced_by_keyword():
    dispersed = load("agnostic").replace(overdispersion=Prior("Exponential", {"lam": 1}))
    assert dispersed["overdispersion"].dist == "Exponential"


def test_differences_are_listed_in_order_with_both_sides():
    changed = load("agnostic").replace({SLOPE: Normal(1, 2)})
    (only,) = diff("agnostic", changed)
    assert repr(only) == f"{SLOPE}: Normal(mu=0, sigma=0.5) | Normal(mu=1, sigma=2)"
    assert diff(changed, changed) == ()
    parted = [d.parameter for d in diff("agnostic", "alyarli-2021")]
    assert parted == sorted(parted, key=list(parameters()).index)


def test_names_paths_sets_and_changes_resolve(tmp_path, written):
    path = tmp_path / "mine.toml"
    path.write_text(written(ENTRY), encoding="utf-8")
    assert resolve("agnostic") is resolve(load("agnostic")) is load("agnostic")
    assert resolve(path)[SLOPE] == Normal(0.25, 1)
    assert resolve({SLOPE: Normal(0, 1)}).name == f"alyarli-2021+{SLOPE}"


@pytest.mark.parametrize("given_value", [None, 5, ["agnostic"]])
def test_what_resolves_to_nothing_is_refused(given_value):
    told = (
        f"priors given as {type(given_value).__name__}; give a name, a path, a PriorSet, or a dict"
    )
    assert told in refusal(resolve, given_value)


def test_a_shipped_set_cannot_be_changed_in_place():
    with pytest.raises(TypeError):
        load("agnostic").entries[SLOPE] = Normal(9, 9)
    with pytest.raises(TypeError):
        load("agnostic")[SLOPE].kwargs["mu"] = 9


def test_a_set_survives_copying_and_pickling():
    whole = load("alyarli-2021")
    again = pickle.loads(pickle.dumps(whole))  # noqa: S301 (our own bytes)
    assert again == copy.deepcopy(whole) == whole
    assert hash(again) == hash(whole)
    assert again[SLOPE].why == whole[SLOPE].why


def test_the_digest_follows_numbers_and_not_words():
    whole = load("agnostic")
    renamed = PriorSet("other", {k: Prior(p.dist, p.kwargs) for k, p in whole.items()})
    assert renamed.digest == whole.digest
    assert whole.replace({SLOPE: Normal(0, 0.51)}).digest != whole.digest


def test_a_set_shows_every_entry_and_escapes_its_words():
    whole = load("agnostic")
    assert all(key in repr(whole) for key in parameters())
    hostile = PriorSet("<b>", dict(whole), "<script>")._repr_html_()
    assert "<script>" not in hostile
    assert "&lt;b&gt;: &lt;script&gt;" in hostile
