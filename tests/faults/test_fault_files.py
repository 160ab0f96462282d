"""Faults 42 to 56, in files of priors, scenarios and graphs: refused by place, or said beside."""

from pathlib import Path

import pytest
from faulty import QUICK, left, program

import caucasus_forecast as cf
from caucasus_forecast import identification

PRIORS = (Path(cf.__file__).parent / "priors" / "alyarli-2021.toml").read_text(encoding="utf-8")
LINK = "tension->transport_delay"
ENTRY = PRIORS.index(f'["{LINK}"]')
NORMAL = 'dist = "Normal"\nkwargs = { mu = 0.65, sigma = 0.2 }'


def with_prior(text, of=ENTRY):
    """The shipped set with another distribution of one link."""
    assert PRIORS[of:].count(NORMAL)
    return PRIORS[:of] + PRIORS[of:].replace(NORMAL, text, 1)


def dist(name, **kwargs):
    inside = ", ".join(f"{k} = {v}" for k, v in kwargs.items())
    return with_prior(f'dist = "{name}"\nkwargs = {{ {inside} }}')


NORMAL_OF = {"mu": 0, "sigma": 1}
BAD_PRIORS = {
    "42 unknown parameter": (
        PRIORS.replace('["treaty.base"]', '["treaty.bas"]'),
        "unknown parameter 'treaty.bas' of the graph 'alyarli-2021'; did you mean 'treaty.base'?",
    ),
    **{
        f"43 {name}": (dist(name, **NORMAL_OF), f"[{LINK}]: unknown distribution '{name}';")
        for name in ("Nrmal", "sample", "Model", "__doc__", "os.system", "Flat", "Uniform")
    },
    "43 nearest": (dist("Nrmal", **NORMAL_OF), "did you mean 'Normal'? Allowed: Beta, Expon"),
    "44 negative": (dist("Normal", mu=0, sigma=-1), "Normal: sigma is -1; it must be greater than"),
    "44 zero": (dist("Normal", mu=0, sigma=0), "Normal: sigma is 0; it must be greater than 0"),
    "44 NaN": (dist("Normal", mu="nan", sigma=1), "Normal: mu is nan; it must be finite"),
    "44 inf": (dist("Normal", mu=0, sigma="inf"), "Normal: sigma is inf; it must be finite"),
    "44 as good as 0": (dist("Normal", mu=0, sigma="1e-320"), "beyond what can be computed: 1e-09"),
    "44 as good as inf": (dist("Normal", mu="1e308", sigma=1), "beyond what can be computed: at m"),
    "44 Beta": (dist("Beta", alpha=0, beta=1), "Beta: alpha is 0; it must be greater than 0"),
    "44 truth": (dist("Normal", mu=0, sigma="true"), "Normal: sigma is True; write a number"),
    "44 lacking": (dist("Normal", mu=0), "Normal lacks sigma; give every argument"),
    "46 extra key": (with_prior(NORMAL + "\nextra = 1"), "unknown key 'extra' in a prior; Allowed"),
    "46 extra argument": (dist("Normal", nu=3, **NORMAL_OF), "Normal has no argument 'nu'; Allowe"),
    "46 duplicate key": (with_prior(f"{NORMAL}\n{NORMAL}"), "Cannot overwrite a value (at line"),
    "46 duplicate table": (f'{PRIORS}\n["{LINK}"]\n{NORMAL}\n', "twice (at line"),
    "48 YAML in TOML": ("!!python/object/apply:os.system ['touch pwned']", "Invalid statement"),
    "48 nested too deep": ("a = " + "[" * 5000 + "]" * 5000, "tables or lists within each other"),
    "48 too large": ("a = '" + "x" * 1_000_001 + "'", "is larger than 1,000 kB"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_PRIORS)
def test_fault_of_priors(fault, asked, here):
    text, words = BAD_PRIORS[fault]
    (here / "mine.toml").write_text(text, encoding="utf-8")
    (here / "case.toml").write_text('priors = "mine.toml"\n')
    for command in (
        ("run", "--priors", "mine.toml"), ("run", "case.toml"), ("validate", "case.toml"),
        ("priors", "show", "mine.toml"), ("compare", "mine.toml"),
    ):  # fmt: skip
        told = program(*command)
        assert told.code == 2, command
        assert told.err.startswith("error: mine.toml: ")
        if command[0] == "run" or not fault.startswith("42"):
            assert words in told.err
    assert asked == []
    assert left(here) == ["case.toml", "mine.toml"], "and nothing has run"


@pytest.mark.parametrize("option", ["--priors", "--graph"])
def test_fault_42_a_misspelt_name_is_told_the_nearest(option, asked):
    told = program("run", option, "alyarly-2021")
    assert told.code == 2
    assert "did you mean 'alyarli-2021'?" in told.err


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--priors", "x.yaml"), ("run", "--graph", "x.yaml"), ("run", "x.yaml"),
        ("validate", "x.yaml"), ("scenarios", "check", "x.yaml"), ("priors", "show", "x.yaml"),
        ("graph", "x.yaml"), ("compare", "x.yaml"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_fault_48_yaml_is_not_read_and_nothing_runs(command, asked, here):
    (here / "x.yaml").write_text("!!python/object/apply:os.system ['touch pwned']\n")
    told = program(*command)
    assert told.code == 2
    assert told.err.startswith("error: x.yaml: ")
    assert left(here) == ["x.yaml"]


# ------------------------------------------------------------------------------------- priors that
# can be read, and are no belief


def quick(here, **fields):
    lines = [f'{k} = "{v}"' for k, v in fields.items()]
    (here / "case.toml").write_text("\n".join([*lines, QUICK]))
    return program("run", "case.toml", "--out", "out")


def test_fault_52_a_prior_too_wide_is_said_with_a_number(here):
    at = PRIORS.index('["reports_azerbaijan.base"]')
    wide = PRIORS[:at] + PRIORS[at:].replace("sigma = 1.0", "sigma = 1000.0", 1)
    (here / "mine.toml").write_text(wide, encoding="utf-8")
    told = quick(here, priors="mine.toml")
    assert told.code == 3
    words = "of the futures have a month of more than 1,000,000 reports_azerbaijan; narrow its base"
    assert words in told.out
    assert words in (here / "out" / "report.html").read_text()


def test_fault_51_a_prior_that_contradicts_the_data_runs_and_the_report_has_the_verdict(here):
    tight = PRIORS.index('["tension->reports_azerbaijan"]')
    line = PRIORS[tight:].partition("kwargs = ")[2].partition("\n")[0]
    text = PRIORS[:tight] + PRIORS[tight:].replace(line, "{ mu = -3.0, sigma = 0.001 }", 1)
    (here / "mine.toml").write_text(text, encoding="utf-8")
    told = program("run", "--priors", "mine.toml", "--draws", "200", "--out", "out")
    page = (here / "out" / "report.html").read_text()
    assert told.code == 3
    assert "Power-scaling: " in page
    assert "possible prior-data conflict): " in page
    assert "owe what is said of them to their priors" in page


# --------------------------------------------------------------------------------------- scenarios

TWO = """
name = "two"
{head}
[[scenario]]
id = "A"
name = "a"
rule = "r"
source = "s"
void = "v"
when = [{{ measure = "max", of = "{of}", at_least = {least}{more} }}]

[[scenario]]
id = "{other}"
name = "b"
rule = "r"
source = "s"
void = "v"
when = [{last}]
"""
FIELDS = {"head": "", "of": "battle_deaths", "least": 10, "more": "", "last": "", "other": "B"}
BAD_SCENARIOS = {
    "53 unknown node": ({"of": "tensoin"}, "A: no count of 'tensoin' in the graph"),
    "53 bounds in disorder": ({"more": ", below = 5"}, "nothing is at_least 10 and below 5; swap"),
    "53 overlap and gap": (
        {"head": "ordered = false", "last": '{ measure = "max", of = "battle_deaths", '
         "at_least = 50 }"}, "not a partition: gap at max of battle_deaths",
    ),
    "53 no sum of chances": ({"more": ", probability = 0.5"}, "unknown key 'probability'; Allowed"),
    "53 NaN": ({"least": "nan"}, "scenario 1 (A): 'at_least' is nan; write a number"),
    "53 months before": ({"more": ", last = -3"}, "'last' is -3; write a number of months"),
    "53 a date": ({"more": ', start = "2020-01"'}, "unknown key 'start'; Allowed: at_least"),
    "53 too many to number": (
        {"last": "]\n" + "".join(
            f'[[scenario]]\nid = "Z{i}"\nname = "z"\nrule = "r"\nsource = "s"\nvoid = "v"\n'
            "when = []\n" for i in range(127)
        ) + "#"}, "129 scenarios; at most 100 are told apart",
    ),
    "53 id twice": ({"other": "A"}, "id 'A' is used twice; rename one"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_SCENARIOS)
def test_fault_of_scenarios(fault, asked, here):
    change, words = BAD_SCENARIOS[fault]
    (here / "mine.toml").write_text(TWO.format(**FIELDS | change))
    told = program("scenarios", "check", "mine.toml")
    assert told.code == 2
    assert words in told.err
    if "gap" not in fault:  # a run looks at the futures later
        (here / "case.toml").write_text('name = "x"\nscenarios = "mine.toml"\n')
        assert program("validate", "case.toml").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tension=1", "--start", "2022-01", "--until", "2021-12"], "is before start 2022-01"),
        (["tension=1", "--start", "2019-01"], "start 2019-01 is not among the months"),
        (["tension=1", "tension=2"], "a node is given twice; keep one act for each"),
        (["tensoin=1"], "no node 'tensoin'; did you mean 'tension'?"),
        (["tension=nan"], "tension = nan: write a number"),
        (["treaty=maybe"], "treaty = 'maybe'"),
    ],
)
def test_fault_53_an_act_that_cannot_be(arguments, words, golden):
    told = program("do", *arguments, "--forecast", golden)
    assert told.code == 2
    assert words in told.err


@pytest.mark.parametrize(
    ("as_of", "words"),
    [
        ("1890-01-01", "no observation of tension ends by 1890-01-01"),
        ("2021-02-30", "as_of is '2021-02-30': write a day as 2021-11-30"),
    ],
)
def test_fault_53_a_day_before_the_data(as_of, words, here):
    told = program("run", "--as-of", as_of)
    assert told.code == 2
    assert words in told.err
    assert "sampling" not in told.err


# ------------------------------------------------------------------------------------------ graphs

BASE = 'base = "alyarli-2021"\n'


def edge(cause, effect, lag=0):
    return f'[[edge]]\ncause = "{cause}"\neffect = "{effect}"\nlag = {lag}\n'


def node(name, kind="index"):
    return f'[[node]]\nname = "{name}"\nkind = "{kind}"\n'


BAD_GRAPHS = {
    "55 cycle": (BASE + edge("corridor", "tension"), "has a cycle within one month: tension -> "),
    "55 self-loop": (BASE + edge("tension", "tension"), "tension->tension: a node cannot cause"),
    "55 missing node": (BASE + edge("tension", "nobody"), "edge tension->nobody: unknown node "),
    "55 two spellings": (BASE + node("Tension"), "'tension' and 'Tension' are two spellings"),
    "55 underscores": (BASE + node("peace_keepers", "event"), "two spellings of one name"),
    "55 misspelt end": (BASE + edge("Tension", "treaty"), "did you mean 'tension'?"),
    "55 node twice": (BASE + node("tension", "process"), "node 'tension' is listed twice"),
    "55 no prior": (BASE + edge("tension", "treaty", 1), "without a prior: tension->treaty"),
    "55 no base": ('base = "../../etc/passwd"\n', "which is no shipped graph; Allowed: after-miss"),
    "55 class": (node("a", "count") + 'class = "os.system"\n', "unknown key 'class'"),
    "55 no tension": (node("a", "count"), "a graph has exactly one, named 'tension'"),
    "55 name": (BASE + node("<script>"), "a name is made of letters, digits and underscores"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_GRAPHS)
def test_fault_of_graphs(fault, asked, here):
    text, words = BAD_GRAPHS[fault]
    (here / "mine.toml").write_text(text)
    told = program("run", "--graph", "mine.toml")
    assert told.code == 2
    assert words in told.err
    assert asked == []
    if "prior" not in fault:
        assert program("graph", "mine.toml").code == 2
    assert program("validate", "mine.toml").code == 2


def test_fault_55_a_latent_node_cannot_be_conditioned_on(golden):
    told = program("ask", "treaty given tension", "--forecast", golden)
    assert told.code == 2
    assert "tension" in told.err


def test_fault_56_an_effect_that_is_not_identifiable_has_no_number():
    found = identification.identify(cf.graph.load(), "tension", "pressure", ["pressure"])
    assert found.verdict == "not identified"
    assert found.words == "not identified: tension is not measured"
    assert not found.adjustment
    assert not found.identified
