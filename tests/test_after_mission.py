"""The case of May 2026: it lays out, partitions, runs, and says what its priors rest on."""

import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import caucasus_forecast as cf
from caucasus_forecast import case as cases
from caucasus_forecast import evidence, names, priors, scenarios, study, theory
from caucasus_forecast.cli import main
from caucasus_forecast.cli.common import read_case
from caucasus_forecast.rehearsal import rehearse

CASE = cases.load("after-mission")
PARTITION = scenarios.load("after-mission")
NEW = {"initialled", "armenia_csto", "armenia_eaeu"}
REVISED = {"treaty.base", "accession.base", "corridor.base", "fsb_post.base", "minsk_meetings.base"}


@pytest.fixture(scope="module")
def laid_out():
    return study.lay_out(CASE)


@pytest.fixture(scope="module")
def check():
    return rehearse(CASE)


def test_the_case_is_that_of_the_last_month_of_evidence(laid_out):
    assert CASE.as_of == date(2026, 5, 31) == laid_out.as_of
    deaths = [o for o in evidence.load().observations if o.series == names.DEATHS]
    assert max(o.window.end for o in deaths) == CASE.as_of
    assert laid_out.months[[0, -1]].astype(str).tolist() == ["2026-06", "2027-05"]
    assert "after-mission" in cases.available()


def test_no_evidence_after_the_day_is_used(laid_out):
    last = laid_out.panel["end"].to_numpy().max().astype("datetime64[D]")
    assert last.astype(object) <= CASE.as_of
    assert laid_out.panel[names.MONTH].to_numpy()[-1].astype("datetime64[M]") == np.datetime64(
        "2026-05"
    )
    own = theory.load("after-mission").evidence
    assert all(o.window.end <= CASE.as_of for o in own.observations if o.series in NEW)
    assert all(w.end <= CASE.as_of for n in NEW for w in own.series[n].coverage)


@pytest.mark.parametrize(
    ("node", "status"),
    [
        ("peacekeepers", -1.0),  # left on 12 June 2024, so its moderated links do not act
        ("demarcation_failure", -1.0),
        ("initialled", 1.0),
        ("treaty", 0.0),
        ("corridor", 0.0),
        ("accession", 0.0),
        ("armenia_csto", 0.0),
        ("armenia_eaeu", 0.0),
    ],
)
def test_the_status_of_the_day(laid_out, node, status):
    assert laid_out.status[node][-1] == status


def test_the_graph_adds_three_events_and_leaves_the_article_alone(laid_out):
    graph, article = laid_out.graph, cf.graph.load()
    assert graph.node.keys() - article.node.keys() == NEW
    added = [graph.edge[name] for name in graph.edge.keys() - article.edge.keys()]
    assert {e.effect for e in added} == {"treaty", "armenia_csto", "armenia_eaeu"}
    assert all(e.reason.startswith("The modeller's") and not e.claims for e in added)
    assert article.edge.keys() <= graph.edge.keys()


def test_every_prior_says_what_it_rests_on(laid_out):
    beliefs = laid_out.theory.beliefs(CASE.priors)
    assert set(beliefs) == set(priors.parameters(laid_out.graph))
    assert all(len(p.why) > 20 for p in beliefs.values())
    grounds = ("reference class", "judgement", "as in alyarli-2021: ", "the Minsk Process ended")
    assert all(p.why.startswith(grounds) for p in beliefs.values())


def test_the_set_differs_from_the_articles_in_five_base_rates():
    article, own = priors.load("alyarli-2021"), priors.load("after-mission-2026")
    same = {k for k in own if own[k].why == "as in alyarli-2021: " + article[k].why}
    assert set(own) - same == REVISED
    assert {d.parameter for d in priors.diff(article, own)} <= REVISED


# --------------------------------------------------------------------------------- the partition


def test_the_set_partitions_futures_and_is_exhaustive_on_paper(check):
    assert check.passed
    assert check.faults == ()
    assert (check.futures, check.cells) == (4000, 16)
    assert check.scenarios["reachable"].values.all()
    assert (check.scenarios["ever"] > 0).all()
    assert float(check.scenarios["probability"].sum()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("deaths", "treaty", "corridor", "state"),
    [
        ([0, 0, 100], 1, 1, "A1"),
        ([9, 0, 0], 1, 1, "A2"),
        ([0, 99, 0], 1, 0, "A3"),
        ([0, 0, 99], 0, 1, "A4"),
        ([4, 3, 3], 0, 0, "A5"),
        ([4, 3, 2], 0, 0, "A6"),
        ([50, 0, 0, 0], 0, 0, "A6"),  # only the last three months count
        ([0, 0, 0], 0, 0, "A6"),
    ],
)
def test_a_future_is_resolved_by_the_rules(check, laid_out, deaths, treaty, corridor, state):
    futures = one_future(laid_out, deaths, {"treaty": treaty, "corridor": corridor})
    found = scenarios.resolve(PARTITION, futures, laid_out.graph, {})
    assert PARTITION.scenarios[found[0, 0, 0, -1]].id == state


def one_future(laid_out, deaths, status):
    """One future, from what `simulate` would give."""
    from caucasus_forecast import simulate

    graph, months = laid_out.graph, laid_out.months[: len(deaths)]
    rest = np.zeros((1, len(deaths)))
    drawn = {n.name: rest + status.get(n.name, 0) for n in graph.nodes if n.kind != "index"}
    drawn |= {names.DEATHS: np.array([deaths])}
    return simulate.as_dataset(drawn, graph, months, (1, 1, 1))


@pytest.mark.parametrize("item", [*PARTITION.scenarios, *PARTITION.questions], ids=lambda x: x.id)
def test_every_rule_says_how_it_is_resolved_and_what_voids_it(item):
    assert all(len(text.strip()) > 3 for text in (item.rule, item.source, item.void))


def test_the_page_has_every_scenario_and_every_added_event():
    page = (Path(__file__).resolve().parents[1] / "docs" / "after-mission.md").read_text("utf-8")
    assert all(f"| {s.id} | {s.name} |" in page for s in PARTITION.scenarios)
    assert all(f"({q.id})" in page for q in PARTITION.questions)
    assert all(f"| `{name}` |" in page for name in NEW)


# ------------------------------------------------------------------------------------ the commands


def test_the_case_is_run_by_its_name():
    assert read_case("after-mission", {}) == CASE


def test_the_case_runs():
    quick = {"draws": 60, "tune": 100, "chains": 2}
    found = cf.run(cases.make("quick", CASE.model_dump() | quick))
    assert found.tree.attrs["as_of"] == "2026-05-31"
    assert found.tree.attrs["graph"] == "after-mission"
    assert found.tree.attrs["prior_set"] == "after-mission-2026"
    table = found.tree[names.SCENARIOS]["probability"]
    assert table[names.SCENARIO].values.tolist() == [s.id for s in PARTITION.scenarios]
    assert float(table.sum()) == pytest.approx(1.0)
    asked = found.tree[names.QUESTIONS]
    assert asked["probability"].groupby(names.QUESTION).sum().values == pytest.approx(np.ones(4))


OWN = """name = "own"
title = "Own"
ordered = {ordered}

[[scenario]]
id = "A"
name = "leaves"
when = [{{ measure = "status", of = "armenia_csto", is = true }}]
rule = "r"
source = "s"
void = "v"

[[scenario]]
id = "B"
name = "rest"
when = {rest}
rule = "r"
source = "s"
void = "v"
"""


@pytest.fixture
def written(tmp_path):
    def write(ordered="true", rest="[]"):
        path = tmp_path / "own.toml"
        path.write_text(OWN.format(ordered=ordered, rest=rest), encoding="utf-8")
        return str(path)

    return write


def test_a_set_of_ones_own_is_checked_on_a_graph(written, capsys):
    path = written()
    assert main(["scenarios", "check", path, "--graph", "after-mission", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["futures"], found["cells"]) == (True, 4000, 2)
    assert [s["scenario"] for s in found["scenarios"]] == ["A", "B"]
    assert found["answers"] == found["faults"] == []


def test_a_series_the_graph_lacks_ends_the_check(written, capsys):
    assert main(["scenarios", "check", written()]) == 2
    told = capsys.readouterr().err
    assert "scenario set 'own', A: no event of 'armenia_csto' in the graph 'alyarli-2021'" in told


def test_a_set_that_is_no_partition_ends_the_check_with_2(written, capsys):
    path = written("false", '[{ measure = "status", of = "treaty", is = true }]')
    assert main(["scenarios", "check", path, "--case", "after-mission"]) == 2
    told = capsys.readouterr()
    assert "NOT a partition" in told.out
    assert "own.toml: not a partition: gap at status of armenia_csto = 0" in told.err


def test_the_set_of_the_documentation_reaches_a_forecast(tmp_path):
    page = (Path(__file__).resolve().parents[1] / "docs" / "scenarios.md").read_text("utf-8")
    (example,) = re.findall(r'```toml\n(name = "calm"\ntitle.*?)```', page, re.S)
    (tmp_path / "calm.toml").write_text(example, encoding="utf-8")
    mine = tmp_path / "case.toml"
    mine.write_text('scenarios = "calm.toml"\ntune = 100\ndraws = 40\nchains = 2', encoding="utf-8")
    case = cases.load(mine)
    assert rehearse(case).passed
    found = cf.run(case)
    assert found.tree.attrs["scenario_set"] == "calm"
    assert found.scenarios.data[names.SCENARIO].values.tolist() == ["A", "B"]


def test_the_sets_are_listed(capsys):
    assert main(["scenarios", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(scenarios.available())
