"""What to watch: bits held to closed forms and brute force, and every row to the question asked."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from caucasus_forecast import cli, names, plots
from caucasus_forecast.errors import CaseError
from caucasus_forecast.estimate import Sample
from caucasus_forecast.graph import CausalGraph, Node
from caucasus_forecast.questions import World, ask, evaluate, parse
from caucasus_forecast.questions.tree import Measure
from caucasus_forecast.scenarios import Condition, Scenario, ScenarioSet
from caucasus_forecast.scenarios import resolve as resolved_by
from caucasus_forecast.signposts import known, leading, observables, signposts, value_of_data
from caucasus_forecast.signposts.information import by_block, entropy, information, jackknife, shift
from caucasus_forecast.signposts.ruling import by_rule
from caucasus_forecast.signposts.watching import change, cut

GRAPH = CausalGraph(
    "watched",
    (
        Node("tension", "process"),
        Node("treaty", "event"),
        Node("troops", "event", reading=-1),
        Node("offers", "count", unit="offers a month"),
        Node("noise", "count", unit="acts a month"),
        Node("view", "share"),
    ),
    (),
)
DIMS = ("chain", "draw", "path", "month")
SET = ScenarioSet(
    "toy",
    "a toy",
    (
        Scenario("war", "war", (Condition("max", "battle_deaths", at_least=20.0),)),
        Scenario("peace", "peace", (Condition("status", "treaty", at_least=0.5),)),
        Scenario("calm", "calm", ()),
    ),
)


def toy(seed=1, shape=(4, 100, 5, 4)):
    """Futures in which offers foretell the treaty and noise foretells nothing."""
    rng = np.random.default_rng(seed)
    deaths = rng.negative_binomial(1, 0.15, shape)
    heat = rng.gamma(2.0, 1.0, (*shape[:3], 1))
    offers = rng.poisson(heat * np.ones(shape))
    treaty = np.maximum.accumulate(rng.random(shape) < 0.06 * heat, -1)
    troops = -np.maximum.accumulate(rng.random(shape) < 0.05, -1).astype(int)
    months = np.datetime64("2022-01", "M") + np.arange(shape[3]).astype("timedelta64[M]")
    counts = np.stack([offers, rng.poisson(2.0, shape)], 3)
    futures = xr.Dataset(
        {
            "tension": (DIMS, rng.normal(size=shape)),
            "battle_deaths": (DIMS, deaths),
            "count": ((*DIMS[:3], "node", "month"), counts),
            "status": ((*DIMS[:3], "state", "month"), np.stack([treaty, troops], 3).astype("int8")),
            "share": ((*DIMS[:3], "indicator", "month"), rng.random((*shape[:3], 1, shape[3]))),
        },
        coords={
            "month": months.astype("datetime64[ns]"),
            "node": ["offers", "noise"],
            "state": ["treaty", "troops"],
            "indicator": ["view"],
        },
    )
    war = np.maximum.accumulate(deaths, -1) >= 20
    resolved = np.where(war, 0, np.where(treaty, 1, 2))
    return World(futures, GRAPH, resolved, ("war", "peace", "calm"))


# ------------------------------------------------------------------------------- bits


@given(hnp.arrays(float, (3, 4), elements=st.floats(0.01, 5.0)))
def test_information_is_the_sum_over_the_table(joint):
    p = joint / joint.sum()
    by_hand = sum(
        p[o, s] * np.log2(p[o, s] / (p[o].sum() * p[:, s].sum()))
        for o in range(3)
        for s in range(4)
    )
    assert information(joint) == pytest.approx(by_hand, abs=1e-12)
    assert information(joint.T) == pytest.approx(float(information(joint)), abs=1e-12)
    assert information(joint) <= min(entropy(p.sum(0)), entropy(p.sum(1))) + 1e-12


@given(hnp.arrays(float, (3, 4), elements=st.floats(0.0, 5.0)), st.floats(0.1, 9.0))
def test_shifts_cancel_over_outcomes_and_over_scenarios(joint, scale):
    joint = joint + np.eye(3, 4)  # some weight for each outcome
    moved = shift(joint)
    assert moved.sum(1) == pytest.approx(np.zeros(3), abs=1e-12)
    assert joint.sum(1) @ moved == pytest.approx(np.zeros(4), abs=1e-9)
    assert shift(scale * joint) == pytest.approx(moved, abs=1e-9)


def test_the_jackknife_of_a_mean_has_the_error_of_a_mean(rng):
    share = rng.random(30)
    tables = np.stack([share, 1 - share], axis=-1)[:, None, :]
    value, error = jackknife(lambda t: t[..., 0, 0] / t.sum((-1, -2)), tables)
    assert value == pytest.approx(share.mean())
    assert error == pytest.approx(share.std(ddof=1) / np.sqrt(30))


def test_the_jackknife_takes_the_bias_of_chance_away(rng):
    """Of independent outcome and scenario: the plug-in is off by what Miller says, this is not."""
    shape, cells = (1, 400, 2), (4, 5)
    plugged, found = [], []
    for _ in range(200):
        outcome, scenario = (rng.integers(0, n, shape) for n in cells)
        tables = by_block(outcome, scenario, np.full((1, 400), 1 / 400), cells)
        plugged.append(float(information(tables.sum(0))))
        found.append([float(x) for x in jackknife(information, tables)])
    value, error = np.transpose(found)
    miller = 3 * 4 / (2 * 800 * np.log(2))
    noise = value.std() / np.sqrt(200)
    assert np.mean(plugged) == pytest.approx(miller, abs=4 * noise)
    assert value.mean() == pytest.approx(0.0, abs=4 * noise)
    assert (value > 2 * error).mean() < 0.03  # noise is seldom taken for a signpost


def test_paths_of_a_draw_count_as_alike(rng):
    """Five copies of each path are worth no more than one."""
    outcome, scenario = rng.integers(0, 3, (2, 200, 1)), rng.integers(0, 3, (2, 200, 1))
    weight = np.full((2, 200), 1 / 400)
    once = jackknife(information, by_block(outcome, scenario, weight, (3, 3)))
    copies = (np.repeat(x, 5, axis=-1) for x in (outcome, scenario))
    assert jackknife(information, by_block(*copies, weight, (3, 3))) == pytest.approx(once)


def test_weight_counts_as_repetition(rng):
    outcome, scenario = rng.integers(0, 3, (1, 50, 4)), rng.integers(0, 2, (1, 50, 4))
    times = rng.integers(0, 4, 50)
    weighted = by_block(outcome, scenario, (times / times.sum())[None], (3, 2)).sum(0)
    again = [np.repeat(x, times, axis=1) for x in (outcome, scenario)]
    plain = by_block(*again, np.full((1, times.sum()), 1 / times.sum()), (3, 2)).sum(0)
    assert weighted == pytest.approx(plain)


# ------------------------------------------------------------------------------- what is watched


@pytest.mark.parametrize("months", [1, 3])
def test_outcomes_are_questions_of_which_one_comes_true(months):
    world = toy()
    everywhere = Sample(np.ones(world.resolved.shape[:3], bool))
    found = list(observables(world, SET, everywhere, months, {"view"}))
    assert [o.series for o in found] == ["battle_deaths", "offers", "noise", "treaty", "troops",
                                         "view"]  # fmt: skip
    for seen in found:
        assert all(parse(o.text) == o.question for o in seen.outcomes)
        hits = [evaluate(parse(o.text), world).value for o in seen.outcomes]
        assert (np.sum(hits, axis=0) == 1).all()


def test_the_deadliest_month_is_cut_where_the_rules_cut_it():
    world = toy()
    everywhere = Sample(np.ones(world.resolved.shape[:3], bool))
    deaths = next(observables(world, SET, everywhere, 4))
    assert deaths.outcomes[-1].text == "worst month of battle_deaths at least 20 within 4 months"
    assert deaths.outcomes[-2].text.endswith("less than 20) within 4 months")


def test_shares_without_readings_are_not_watched():
    world = toy()
    everywhere = Sample(np.ones(world.resolved.shape[:3], bool))
    assert "view" not in [o.series for o in observables(world, SET, everywhere, 1)]


@pytest.mark.parametrize(
    ("measure", "at", "unit", "words"),
    [
        ("total", (1, 2, 5), "offers", ["none", "1 offer", "2 to 4 offers", "5 or more offers"]),
        ("total", (3,), "", ["fewer than 3", "3 or more"]),
        ("worst", (1.0, 20.0), "", ["none", "1 to 19", "20 or more"]),
        ("last", (0.4, 0.55), "", ["below 40 %", "40-55 %", "55 % or more"]),
    ],
)
def test_outcomes_are_said_in_words(measure, at, unit, words):
    found = cut("x", Measure("x", measure), 2, at, unit)
    assert [o.words for o in found.outcomes] == [f"x: {w}" for w in words]


def test_changes_are_said_in_words():
    assert [o.words for o in change(GRAPH.node["troops"], 1).outcomes] == [
        "troops: still", "troops: no longer"]  # fmt: skip
    assert [o.words for o in change(GRAPH.node["treaty"], 1).outcomes] == [
        "treaty: not yet", "treaty: yes"]  # fmt: skip


# ------------------------------------------------------------------------------- the table


def told(world, **options):
    return signposts(world, SET, **{"within": 2} | options)


def answer(world, text, weight=None):
    return ask(text, world.futures, GRAPH, resolved=world.resolved, scenarios=world.scenarios,
               weight=weight)  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
def test_every_number_is_that_of_the_question(weighted):
    world = toy()
    weight = np.random.default_rng(2).gamma(1.0, 1.0, (4, 100)) if weighted else None
    data = told(world, weight=weight).data
    rows = 0
    for i in range(data.sizes["outcome"]):
        row = data.isel(outcome=i)
        seen = answer(world, str(row["question"].item()), weight)
        assert float(row["chance"]) == pytest.approx(seen.probability)
        assert float(row["chance_mcse"]) == pytest.approx(seen.mcse)
        if scenario := str(row["scenario"].item()):
            rows += 1
            now = answer(world, scenario, weight)
            then = answer(world, f"{scenario} given {row['question'].item()}", weight)
            for key in ("probability", "mcse", "lower", "upper"):
                assert float(row[f"now_{key}"]) == pytest.approx(getattr(now, key))
                assert float(row[f"then_{key}"]) == pytest.approx(getattr(then, key))
    assert rows > 5


def test_what_foretells_is_told_apart_from_noise():
    data = told(toy(shape=(4, 400, 5, 4))).data
    telling = dict(zip(data["series"].values, data["telling"].values, strict=True))
    assert telling["offers"]
    assert not telling["noise"]
    shown = [str(w) for w in leading(data)["words"].to_numpy()]
    assert not any(w.startswith("noise") for w in shown)


def test_what_the_rules_decide_is_marked():
    data = told(toy()).data
    ruled = {str(q) for q, r in zip(data["words"].values, data["by_rule"].values, strict=True) if r}
    assert "battle_deaths, deadliest month: 20 or more" in ruled
    assert not any(w.startswith("offers") for w in ruled)


def test_an_outcome_that_is_always_followed_by_a_scenario_is_no_rule():
    """Deaths of 20 or more are war by rule; here 5 or more always come to war too."""
    world = toy()
    early = world.futures["battle_deaths"].to_numpy()[..., :2].max(-1)
    resolved = np.where((early >= 5)[..., None], 0, np.maximum(world.resolved, 1))
    table = told(World(world.futures, GRAPH, resolved, world.scenarios))
    data = table.data
    deaths = data.isel(outcome=[str(w).startswith("battle_deaths") for w in data["words"].values])
    sure = deaths["then_probability"].values == 1.0
    assert sure.sum() > 1
    ruled = [str(w) for w in deaths["words"].values[deaths["by_rule"].values]]
    assert ruled == ["battle_deaths, deadliest month: 20 or more"]


def test_a_certainty_of_few_futures_is_a_bound():
    world = toy()
    offers = world.futures["count"].sel(node="offers").to_numpy()[..., 0]
    resolved = np.where((offers >= 5)[..., None], 1, np.minimum(2 * world.resolved, 2))
    table = told(World(world.futures, GRAPH, resolved, world.scenarios), within=1)
    row = next(r for r in table.rows if r[0].startswith("offers"))
    assert row[5].startswith(("> 9", "< "))
    assert row[6] == ""


STATES = st.sampled_from(["treaty", "troops"])
CONDITIONS = st.one_of(
    st.builds(
        Condition, st.sampled_from(["max", "total", "mean"]),
        st.sampled_from(["battle_deaths", "offers"]), st.sampled_from([-np.inf, 1.0, 5.0, 20.0]),
        st.sampled_from([3.0, 10.0, np.inf]), st.sampled_from([0, 2, 4]),
    ),
    st.builds(lambda of: Condition("status", of, at_least=0.5), STATES),
    st.builds(lambda of: Condition("status", of, below=0.5), STATES),
    st.builds(lambda low: Condition("share", "view", at_least=low), st.sampled_from([0.1, 0.5])),
)  # fmt: skip


@given(
    st.lists(st.lists(CONDITIONS, min_size=1, max_size=2), min_size=1, max_size=3),
    st.sampled_from([1, 3, 4]),
)
def test_what_is_marked_by_rule_has_no_exception(rules, months):
    world = toy(shape=(1, 40, 5, 4))
    scenarios = [Scenario(f"X{i}", "x", tuple(when)) for i, when in enumerate(rules)]
    chosen = ScenarioSet("any", "any", (*scenarios, Scenario("rest", "rest", ())))
    final = resolved_by(chosen, world.futures, GRAPH, {})[..., -1]
    world = replace(world, scenarios=tuple(s.id for s in chosen.scenarios))
    everywhere = Sample(np.ones(final.shape, bool))
    for seen in observables(world, chosen, everywhere, months, {"view"}):
        for outcome in seen.outcomes:
            hit = evaluate(outcome.question, world).value
            for i in range(len(chosen.scenarios)):
                if by_rule(seen, outcome, chosen, i, 4):
                    assert len(np.unique(final[hit] == i)) <= 1


def ruled(observable, at, when, *, months, before=(), ordered=True):
    """Whether the outcome in this place decides a scenario with these conditions."""
    several = tuple(Scenario(f"B{i}", "b", (c,)) for i, c in enumerate(before))
    chosen = ScenarioSet("a", "a", (*several, Scenario("X", "x", when)), ordered=ordered)
    seen = observable(months)
    return by_rule(seen, seen.outcomes[at], chosen, len(several), 4)


def worst(months):
    return cut("x", Measure("battle_deaths", "worst"), months, (5.0, 20.0))


def treaty(months):
    return change(GRAPH.node["treaty"], months)


def troops(months):
    return change(GRAPH.node["troops"], months)


def view(months):
    return cut("x", Measure("view", "last"), months, (0.4,))


WAR = Condition("max", "battle_deaths", at_least=20.0)
PEACE, STAY = (
    Condition("status", "treaty", at_least=0.5),
    Condition("status", "troops", at_least=0.5),
)


@pytest.mark.parametrize(
    ("observable", "at", "when", "early", "late"),
    [
        (worst, 2, (WAR,), True, True),  # a maximum only grows
        (worst, 1, (WAR,), False, True),  # 5 to 19: war may still come, until the end
        (worst, 2, (Condition("max", "battle_deaths", below=20.0),), True, True),
        (worst, 0, (Condition("max", "battle_deaths", below=20.0),), False, True),
        (worst, 2, (Condition("max", "battle_deaths", at_least=30.0),), False, False),
        (worst, 2, (Condition("max", "battle_deaths", at_least=20.0, last=2),), False, False),
        (worst, 2, (Condition("max", "battle_deaths", at_least=20.0, last=4),), True, True),
        (worst, 2, (Condition("total", "battle_deaths", at_least=20.0),), False, False),
        (worst, 2, (WAR, PEACE), False, False),  # one of two
        (worst, 2, (Condition("max", "battle_deaths", below=9.0), PEACE), True, True),
        (treaty, 1, (PEACE,), True, True),  # once signed
        (treaty, 0, (PEACE,), False, True),
        (troops, 1, (STAY,), True, True),
        (troops, 0, (STAY,), False, True),
        (troops, 1, (PEACE,), False, False),  # another series
        (view, 1, (Condition("share", "view", at_least=0.4),), False, True),  # may fall again
        (view, 0, (Condition("share", "view", at_least=0.4),), False, True),
        (treaty, 1, (), True, True),  # nothing asked for, nothing before
    ],
)  # fmt: skip
def test_ranges_decide_conditions(observable, at, when, early, late):
    assert ruled(observable, at, when, months=2) is early
    assert ruled(observable, at, when, months=4) is late


def test_the_order_of_scenarios_decides_too():
    # a treaty is signed: peace unless there was a war before it in the order
    assert not ruled(treaty, 1, (PEACE,), months=2, before=(WAR,))
    assert ruled(treaty, 1, (PEACE,), months=2, before=(WAR,), ordered=False)
    # a war: whatever comes after it in the order is out
    assert ruled(worst, 2, (PEACE,), months=2, before=(WAR,))
    assert ruled(worst, 2, (), months=2, before=(WAR,))
    assert not ruled(worst, 2, (PEACE,), months=2, before=(WAR,), ordered=False)
    # no war up to the end: it is not in the way any more
    assert ruled(worst, 1, (), months=4, before=(WAR,))
    assert not ruled(worst, 1, (), months=2, before=(WAR,))


def test_rows_are_ranked_by_bits_and_name_the_largest_move():
    table = told(toy(), within=(1, 2))
    bits = leading(table.data)["bits"].to_numpy()
    assert (np.diff(bits) <= 0).all()
    for row, at in zip(table.rows, range(len(bits)), strict=True):
        one = leading(table.data).isel(outcome=at)
        assert row[0] == str(one["words"].item())
        assert row[1] == ("1 month" if int(one["within"]) == 1 else "2 months")
    of = table.data["of"].to_numpy()
    moved = np.abs(table.data["then_probability"] - table.data["now_probability"]).to_numpy()
    best = [np.nanmax(moved[of == i]) for i in range(of.max() + 1)
            if np.isfinite(moved[of == i]).any()]  # fmt: skip
    shown = leading(table.data)
    gap = np.abs(shown["then_probability"] - shown["now_probability"]).to_numpy()
    assert set(gap[np.isfinite(gap)].round(12)) <= set(np.round(best, 12))


def test_what_is_unknown_is_the_entropy_of_the_scenarios():
    world = toy()
    rate = np.bincount(world.resolved[..., -1].ravel()) / world.resolved[..., -1].size
    plain = -(rate * np.log2(rate)).sum()
    attrs = told(world).data.attrs
    assert attrs["entropy"] == pytest.approx(plain, abs=3 * attrs["entropy_mcse"])
    assert f"unknown now: {attrs['entropy']:.2f} bits" in told(world).notes[0]


def test_an_outcome_too_rare_says_nothing_of_what_follows():
    world = toy()
    deaths = world.futures["battle_deaths"].to_numpy()
    deaths[:] = 1
    deaths[0, 0, :, 0] = 50  # five paths
    data = told(world, within=1).data
    rare = data.isel(outcome=data["words"] == "battle_deaths: 20 or more")
    assert rare["scenario"].item() == ""
    assert np.isnan(rare["then_probability"].item())


def test_a_scenario_with_an_odd_name_can_be_asked_for_as_told():
    world = toy()
    odd = World(world.futures, GRAPH, world.resolved, ("war", "peace at last", "given"))
    note = next(n for n in told(odd).notes if n.startswith("each can be asked for"))
    assert answer(odd, note.removeprefix("each can be asked for, as ")[1:-1]).given_paths > 0


@pytest.mark.parametrize("within", [0, 5, True, 1.5, (), (1, 99), "3"])
def test_months_that_are_not_of_the_horizon_are_refused(within):
    with pytest.raises(CaseError, match="whole months, 1 to 4"):
        told(toy(), within=within)


def test_futures_that_are_all_alike_are_refused():
    world = toy()
    still = world.futures.map(lambda x: x * 0)
    with pytest.raises(CaseError, match="nothing that can be seen"):
        told(World(still, GRAPH, world.resolved, world.scenarios))


@pytest.mark.parametrize("weighted", [False, True])
def test_futures_that_resolve_alike_are_refused(weighted):
    world = toy()
    weight = np.zeros((4, 100))
    weight[:, :10] = 1.0
    resolved = world.resolved * 0
    if weighted:
        resolved[:, 10:] = 1  # where nothing counts
    alike = World(world.futures, GRAPH, resolved, world.scenarios)
    for ask_ in (told, value_of_data):
        with pytest.raises(CaseError, match="every future resolves as 'war': nothing is unknown"):
            ask_(alike, weight=weight if weighted else None)


# ------------------------------------------------------------------------------- all the data


def test_what_a_month_tells_is_bounded_by_what_it_could_tell():
    """The scenario is a coin turned by whether there were offers: the information is known."""
    world = toy(shape=(4, 500, 5, 2))
    rng = np.random.default_rng(3)
    offers = world.futures["count"].sel(node="offers").to_numpy()
    offers[:] = rng.integers(0, 2, offers.shape)
    flipped = rng.random(offers.shape[:3]) < 0.1
    scenario = offers[..., 0] ^ flipped
    resolved = np.stack([np.full_like(scenario, 2), scenario], axis=-1)  # nothing resolved early
    coin = World(world.futures, GRAPH, resolved, world.scenarios)
    exact = 1 + 0.1 * np.log2(0.1) + 0.9 * np.log2(0.9)
    bits, error = known(coin, None, 1)
    assert bits < exact + 4 * error
    assert bits > exact - 4 * error - 0.02  # what is lost to learning from half of the draws
    weight = rng.gamma(2.0, 1.0, (4, 500))
    weighted, unsure = known(coin, weight, 1)
    assert weighted == pytest.approx(exact, abs=4 * unsure + 0.03)


def test_data_on_something_else_are_worth_nothing():
    world = toy(shape=(4, 300, 5, 2))
    scenario = np.random.default_rng(4).integers(0, 3, world.resolved.shape[:3])
    resolved = np.stack([scenario * 0, scenario], axis=-1)
    bits, error = known(World(world.futures, GRAPH, resolved, world.scenarios), None, 1)
    assert bits < 3 * error


def test_a_scenario_that_one_half_never_saw_does_no_harm():
    world = toy(shape=(1, 40, 5, 2))
    resolved = world.resolved.copy()
    resolved[:] = 2
    resolved[:, 39, 0, -1] = 0
    bits, error = known(World(world.futures, GRAPH, resolved, world.scenarios), None, 2)
    assert np.isfinite([bits, error]).all()


def test_the_last_month_tells_nearly_all():
    """Where the horizon ends with the data, the scenario itself is seen."""
    table = value_of_data(toy(), months=99)
    bits, entropy_ = table.data["bits"].to_numpy(), table.data.attrs["entropy"]
    assert bits[-1] == pytest.approx(entropy_, rel=0.05)
    assert (np.diff(bits) > 0).all()
    assert [row[0] for row in table.rows] == ["2022-01", "2022-02", "2022-03", "2022-04"]


@pytest.mark.parametrize("months", [0, "6", True, 1.5, None, (1, 2)])
def test_a_number_of_months_that_is_none_is_refused(months):
    message = re.escape(f"months is {months!r}; write whole months, 1 or more")
    with pytest.raises(CaseError, match=message):
        value_of_data(toy(), months=months)


# ------------------------------------------------------------------------------- of a forecast


def test_a_forecast_says_what_to_watch(altered):
    forecast = altered()
    table = forecast.signposts(within=3)
    assert set(table.data["within"].values) == {3}
    series = set(table.data["series"].values)
    assert "arms_share" in series  # has readings by then, and public_view has none
    assert "public_view" not in series
    assert table.notes[-1] == forecast.notes[-1]
    first = leading(table.data).isel(outcome=0)
    told = forecast.ask(f"{first['scenario'].item()} given {first['question'].item()}")
    assert told.probability == pytest.approx(float(first["then_probability"]))
    assert set(forecast.signposts().data["within"].values) == {1, 3, 6}


def test_failed_checks_are_said_with_the_signposts(altered):
    forecast = altered(passed=False)
    table = forecast.signposts(1)
    assert any(n.startswith("WARNING") for n in table.notes)
    assert any(n.startswith("WARNING") for n in forecast.value_of_data(1).notes)
    words = [t.get_text() for t in plots.signposts(forecast, table).texts]
    assert any(w.startswith("CHECKS FAILED") for w in words)


def test_the_picture_shows_the_probabilities(altered):
    forecast = altered()
    table = forecast.signposts(3)
    shown = leading(table.data)
    shown = shown.isel(outcome=np.flatnonzero(shown["scenario"] != "")[:15])
    left, right = plots.signposts(forecast, table).axes
    dots = next(line for line in left.lines if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx(shown["now_probability"].to_numpy())
    ends = np.asarray(left.collections[-1].get_offsets())[:, 0]
    assert ends == pytest.approx(shown["then_probability"].to_numpy())
    assert [p.get_width() for p in right.patches] == pytest.approx(shown["bits"].to_numpy())


def test_the_command_says_the_same(small_forecast, tmp_path, capsys):
    saved = str(small_forecast.save(tmp_path / "forecast.nc"))
    picture = tmp_path / "watch.svg"
    cli.main(["signposts", "--forecast", saved, "--within", "1,2", "--json", "--plot",
              str(picture)])  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    table = small_forecast.signposts((1, 2))
    assert [p["bits"] for p in found["signpost"]] == pytest.approx(table.data["bits"].to_numpy())
    assert [o["question"] for o in found["outcome"]] == list(table.data["question"].values)
    assert [v["month"] for v in found["value"]] == ["2021-12", "2022-01"]
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    cli.main(["signposts", "--forecast", saved, "--within", "1"])
    assert "What the next months of data are worth" in capsys.readouterr().out


@pytest.mark.parametrize("within", ["x", "1.5", "-1", "1,two"])
def test_the_command_refuses_what_is_not_months(within, capsys):
    assert cli.main(["signposts", "--within", within]) == 2
    assert "write months, as 3 or 1,3,6" in capsys.readouterr().err


def test_months_are_kept_by_name(altered):
    data = altered().value_of_data(2).data
    assert data[names.MONTH].to_numpy()[0] == np.datetime64("2021-12-01")
