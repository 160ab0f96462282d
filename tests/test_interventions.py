"""do() against closed forms, path-specific effects against products, abduction against what was."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats
from toys import LADDER

import caucasus_forecast as cf
from caucasus_forecast import Shift, Times, interventions, simulate
from caucasus_forecast.cli import main
from caucasus_forecast.errors import InterventionError
from caucasus_forecast.graph import CausalGraph, Edge, Node, holds
from caucasus_forecast.interventions.acts import as_levels, read
from caucasus_forecast.likelihood import Parameters
from caucasus_forecast.names import DEATHS, POSTERIOR, PREDICTIONS, RESOLVED, TENSION

PATHS = 400
MONTHS = np.arange("2022-01", "2022-05", dtype="datetime64[M]")
LENGTH = np.array([31, 28, 31, 30]) / 30.4375
# every kind of node as a cause and as an effect, in the same month and a month later
GRAPH = CausalGraph(
    "kinds",
    (
        Node("gap", "index"),
        Node(TENSION, "process"),
        Node("fear", "index"),
        Node("offers", "count"),
        Node("meetings", "count", reading=-1),
        Node("troops", "event", reading=-1),
        Node("treaty", "event"),
        Node("road", "event"),
        Node("view", "share"),
        Node("trust", "index"),
    ),
    (
        Edge("gap", TENSION),
        Edge(TENSION, "fear"),
        Edge(TENSION, "offers", moderator="troops"),
        Edge("fear", "offers"),
        Edge("offers", "meetings"),
        Edge("offers", "treaty", lag=1),
        Edge("meetings", "trust", lag=1),
        Edge("view", "trust"),
        Edge("fear", "view", "-"),
        Edge("treaty", "trust"),
        Edge("troops", "view", lag=1),
        Edge("fear", "troops", lag=1),
        Edge("treaty", "road", role="gate"),
        Edge("fear", "road", "-"),
        Edge("trust", TENSION, "-", lag=1),
    ),
)
RNG = np.random.default_rng(4)
SLOPE = RNG.normal(0.0, 0.6, (PATHS, len(GRAPH.slopes)))
B = {name: SLOPE[:, i] for i, name in enumerate(GRAPH.slopes)}
BASE = {n: RNG.normal(-0.5, 0.4, PATHS) for n in GRAPH.based}
NOISE, OVER = np.full(PATHS, 0.3), np.full(PATHS, 0.7)
PARAMETERS = Parameters(SLOPE, BASE, {"view": NOISE}, OVER)
START = simulate.Origin(
    PARAMETERS,
    {"ladder.drift": np.full(PATHS, 0.2), "ladder.mobility": np.full(PATHS, 0.1)},
    LADDER.start(np.tile(np.exp(LADDER.log_initial), (PATHS, 1)), RNG.random(PATHS)),
    {n: RNG.normal(size=PATHS) if n in ("gap", "trust") else np.zeros(PATHS) for n in GRAPH.node},
    dict.fromkeys(("troops", "treaty", "road"), np.zeros(PATHS)),
    {"view": np.full(PATHS, 0.5)},
)
U = {
    (n, h): np.random.default_rng([h, i]).random(PATHS)
    for h in range(len(MONTHS))
    for i, n in enumerate((*GRAPH.node, DEATHS))
}


def _walk(do=None, shift=None, **more):
    acts = simulate.Acts.of(GRAPH, PATHS, len(MONTHS), do, shift)
    noise = more.pop("noise", lambda name, h: U[name, h])
    return list(simulate.walk_months(GRAPH, LADDER, START, MONTHS, noise, acts, **more))


def _count(u, mean):
    return stats.nbinom.ppf(u, mean / OVER, 1 / (1 + OVER))


def _by_hand(do, shift):
    """The months written out, equation by equation, with SciPy's quantiles."""
    seen, last = [], dict(START.last)
    level, status = START.state, {n: x.copy() for n, x in START.status.items()}
    for h, length in enumerate(LENGTH):
        out, z, was = {}, {}, dict(status)

        def eta(name, causes, h=h, out=out):
            total = causes + shift.get(name, 0.0)
            if name in do and name not in ("troops", "treaty", "road", TENSION):
                total = np.full(PATHS, do[name])
            out[f"level {name}"] = total
            return total

        gap = eta("gap", np.zeros(PATHS))
        pull = eta(TENSION, B["gap->tension"] * gap + B["trust->tension"] * last["trust"])
        if TENSION in do:
            score = np.full(PATHS, do[TENSION])
            level = np.abs(LADDER.score - do[TENSION]).argmin() + np.zeros(PATHS, int)
        else:
            tilt = (0.2 + pull)[:, None] / LADDER.response
            step = LADDER.score[None] - LADDER.score[level][:, None]
            logit = LADDER.log_reference[level] + tilt * step - 0.1 * np.abs(step)
            chance = np.cumsum(special.softmax(logit, axis=1), axis=1)
            level = (U[TENSION, h][:, None] >= chance).sum(1)
            score = LADDER.score[level]
        fear = eta("fear", B["tension->fear"] * score)
        troops_now = eta("troops", B["fear->troops"] * last["fear"])
        hazard = np.exp(BASE["troops"] - troops_now) * length
        leaves = (was["troops"] == 0) & (U["troops", h] < 1 - np.exp(-hazard))
        status["troops"] = np.where(leaves, -1.0, was["troops"])
        if "troops" in do:
            status["troops"] = np.full(PATHS, do["troops"])
        offers = eta(
            "offers",
            B["tension->offers"] * score * (1 + status["troops"]) + B["fear->offers"] * fear,
        )
        mean = np.exp(BASE["offers"] + offers) * length
        out["offers"] = _count(U["offers", h], mean)
        z["offers"] = np.log((out["offers"] + 0.5) / (np.exp(BASE["offers"]) * length + 0.5))
        meetings = eta("meetings", B["offers->meetings"] * offers)
        out["meetings"] = _count(U["meetings", h], np.exp(BASE["meetings"] - meetings) * length)
        z["meetings"] = np.log((out["meetings"] + 0.5) / (np.exp(BASE["meetings"]) * length + 0.5))
        treaty = eta("treaty", B["offers->treaty"] * last["offers"])
        hazard = np.exp(BASE["treaty"] + treaty) * length
        signs = (was["treaty"] == 0) & (U["treaty", h] < 1 - np.exp(-hazard))
        status["treaty"] = np.where(signs, 1.0, was["treaty"])
        if "treaty" in do:
            status["treaty"] = np.full(PATHS, do["treaty"])
        road = eta("road", B["fear->road"] * fear)
        hazard = np.exp(BASE["road"] + road) * length
        opens = (was["treaty"] > 0.5) & (was["road"] == 0) & (U["road", h] < 1 - np.exp(-hazard))
        status["road"] = np.where(opens, 1.0, was["road"])
        if "road" in do:
            status["road"] = np.full(PATHS, do["road"])
        view = eta("view", B["fear->view"] * fear + B["troops->view"] * last["troops"])
        out["view"] = special.expit(BASE["view"] + view + NOISE * special.ndtri(U["view", h]))
        trust = eta(
            "trust",
            B["meetings->trust"] * last["meetings"] + B["view->trust"] * view
            + B["treaty->trust"] * status["treaty"],
        )  # fmt: skip
        out |= {n: x.copy() for n, x in status.items()} | {TENSION: score}
        last = {"trust": trust, "fear": fear, "troops": status["troops"], **z}
        seen.append(out)
    return seen


@pytest.mark.parametrize(
    ("do", "shift"),
    [
        ({}, {}),
        ({TENSION: -1.0}, {}),
        ({"gap": 0.7}, {}),
        ({"fear": -0.4}, {}),
        ({"offers": 0.9}, {}),
        ({"meetings": -0.9}, {}),
        ({"troops": -1.0}, {}),
        ({"treaty": 1.0}, {}),
        ({"road": 1.0}, {}),
        ({"view": 0.5}, {}),
        ({"trust": 1.0}, {}),
        ({"treaty": 1.0, TENSION: 1.3, "meetings": 0.2}, {"fear": 0.3}),
        ({}, dict.fromkeys((TENSION, "gap", "fear", "offers"), 0.4)),
        ({}, dict.fromkeys(("troops", "treaty", "road", "view", "trust"), -0.6)),
    ],
)  # fmt: skip
def test_do_and_shift_agree_with_the_equations_by_hand(do, shift):
    exact = _by_hand(do, shift)
    for h, month in enumerate(_walk(do, shift)):
        for name in GRAPH.node:
            if name in ("offers", "meetings", "troops", "treaty", "road", "view", TENSION):
                np.testing.assert_allclose(month.seen[name], exact[h][name], atol=1e-10)
            if name != TENSION:
                np.testing.assert_allclose(month.level[name], exact[h][f"level {name}"], atol=1e-10)


def test_a_value_for_some_months_leaves_the_others_alone():
    free = _walk()
    path = [np.nan, -1.0, np.nan, np.nan]
    held = _walk({TENSION: path})
    np.testing.assert_array_equal(held[0].seen[DEATHS], free[0].seen[DEATHS])
    assert (held[1].seen[TENSION] == -1.0).all()
    assert (held[2].seen[TENSION] != free[2].seen[TENSION]).any()  # it goes on from there
    assert len(np.unique(held[3].seen[TENSION])) > 1


def test_pymc_do_moves_the_same_levels_and_counts():
    """Where PyMC can express it: a month of a linear graph with a count at its end."""
    import pymc as pm

    size = 60_000
    with pm.Model() as model:
        cause = pm.Normal("cause", 0.4, 1.0)
        middle = pm.Normal("middle", 0.8 * cause, 1e-9)
        mean = pm.math.exp(-0.3 + 0.5 * middle - 0.2 * cause) * LENGTH[0]
        pm.NegativeBinomial("events", mu=mean, alpha=mean / 0.7)
    done = pm.do(model, {"middle": -1.0})
    with done:
        theirs = pm.draw(done["events"], draws=size, random_seed=3)
    graph = CausalGraph(
        "line",
        (Node(TENSION, "process"), Node("cause", "index"), Node("middle", "index"),
         Node("events", "count")),
        (Edge("cause", "middle"), Edge("middle", "events"), Edge("cause", "events", "-")),
    )  # fmt: skip
    slope = {"cause->middle": 0.8, "middle->events": 0.5, "cause->events": -0.2}
    p = Parameters(
        np.tile([slope[e] for e in graph.slopes], (size, 1)), {"events": np.full(size, -0.3)}, {},
        np.full(size, 0.7),
    )  # fmt: skip
    zero = np.zeros(size)
    own = dict.fromkeys(("ladder.drift", "ladder.mobility"), zero)
    start = simulate.Origin(p, own, zero.astype(int), dict.fromkeys(graph.node, zero), {}, {})
    cause = np.random.default_rng(5).normal(0.4, 1.0, (size, 1))
    ours = simulate.futures(
        graph, LADDER, start, MONTHS[:1], 9, do={"middle": -1.0}, shift={"cause": cause}
    )["events"][:, 0]
    error = 4.5 * np.hypot(ours.std(), theirs.std()) / np.sqrt(size)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=error)
    for k in range(5):
        both = [(ours == k).mean(), (theirs == k).mean()]
        assert both[0] == pytest.approx(both[1], abs=4.5 * np.sqrt(0.5 / size))


# ------------------------------------------------------------------------------ along single arrows


def _along(felt, do, unseen=frozenset()):
    free = _walk()
    along = simulate.Along.of(GRAPH, frozenset(felt), iter(free), frozenset(unseen))
    return free, _walk(do, along=along)


def test_all_arrows_felt_is_the_total_and_none_is_nothing():
    do = {"fear": 1.5}
    every = [e.name for e in GRAPH.edges]
    free, felt = _along(every, do)
    _, unfelt = _along([], do)
    ungated = ("road",)  # a gate is that of the undisturbed world
    for h, month in enumerate(_walk(do)):
        for name in set(GRAPH.node) - set(ungated):
            np.testing.assert_allclose(felt[h].level[name], month.level[name], atol=1e-12)
            if name != "fear":
                np.testing.assert_array_equal(unfelt[h].level[name], free[h].level[name])


def test_one_arrow_moves_its_effect_by_its_slope():
    free, along = _along([e.name for e in GRAPH.edges if e.name != "fear->offers"], {"fear": 1.5})
    change = 1.5 - free[0].level["fear"]
    np.testing.assert_allclose(along[0].level["offers"], free[0].level["offers"], atol=1e-12)
    moved = along[0].level["view"] - free[0].level["view"]
    np.testing.assert_allclose(moved, B["fear->view"] * change, atol=1e-12)
    direct = B["fear->view"] * change * B["view->trust"]
    np.testing.assert_allclose(along[0].level["trust"] - free[0].level["trust"], direct, atol=1e-10)


def test_within_a_month_the_arrows_add_up():
    do = {"fear": 1.5}
    free, total = _walk()[0], _walk(do)[0]
    every = {e.name for e in GRAPH.edges}
    out = {e.name for e in GRAPH.edges if e.cause == "fear"}
    parts = [_along((every - out) | {e}, do)[1][0] for e in sorted(out)]
    for name in ("offers", "meetings", "view", "trust"):
        summed = sum(p.level[name] - free.level[name] for p in parts)
        np.testing.assert_allclose(summed, total.level[name] - free.level[name], atol=1e-10)


def test_what_is_done_can_be_left_out_of_what_is_seen():
    every = {e.name for e in GRAPH.edges}
    free, along = _along(every, {TENSION: 1.3}, {DEATHS, TENSION})
    np.testing.assert_array_equal(along[0].seen[DEATHS], free[0].seen[DEATHS])
    np.testing.assert_allclose(along[0].level["fear"], B["tension->fear"] * 1.3, atol=1e-12)
    assert (along[0].level["fear"] != free[0].level["fear"]).any()


# ------------------------------------------------------------------------------ abduction


def test_the_chance_behind_what_happened_gives_it_back():
    first = _walk()
    known = {
        n: np.stack([m.seen[n] for m in first], axis=1).astype(float)
        for n in ("offers", "meetings", "treaty", "road", "troops", "view", DEATHS)
    }
    level = np.stack([m.state for m in first], axis=1).astype(float)
    fresh = simulate.fresh(77, PATHS)
    again = _walk(noise=fresh, known=known | {TENSION: level})
    for one, two in zip(first, again, strict=True):
        for name, value in one.seen.items():
            if name == "view":
                np.testing.assert_allclose(two.seen[name], value, rtol=1e-12)
            else:
                np.testing.assert_array_equal(two.seen[name], value)
    kept = {(n, h): u for h, m in enumerate(again) for n, u in m.noise.items()}
    third = _walk(noise=lambda name, h: kept[name, h])
    for one, two in zip(first, third, strict=True):
        for name in (*known, TENSION):
            np.testing.assert_allclose(two.seen[name], one.seen[name], rtol=1e-12)


def test_the_chance_behind_a_count_is_uniform_again():
    """Drawn from the model, then abducted with fresh numbers: uniform, as the model says."""
    free = _walk()
    known = {"offers": np.stack([m.seen["offers"] for m in free], axis=1).astype(float)}
    level = np.stack([m.state for m in free], axis=1).astype(float)
    status = {n: np.stack([m.seen[n] for m in free], axis=1) for n in ("troops", "treaty")}
    found = _walk(noise=simulate.fresh(5, PATHS), known=known | {TENSION: level} | status)
    u = np.concatenate([m.noise["offers"] for m in found])
    assert stats.kstest(u, "uniform").pvalue > 1e-4


# ------------------------------------------------------------------------------ a forecast


@pytest.fixture(scope="module")
def forecast(small_forecast):
    return small_forecast


def test_doing_nothing_new_is_the_forecast_itself(forecast):
    start = forecast.origin
    again = forecast.study.futures(start)[RESOLVED].to_numpy()
    np.testing.assert_array_equal(again, forecast.tree[PREDICTIONS][RESOLVED].to_numpy())


def test_do_changes_only_what_follows(forecast):
    open_ = forecast.do(corridor="open", start=str(forecast.study.months[3]))
    one, two = (f.tree[PREDICTIONS].to_dataset() for f in (forecast, open_))
    np.testing.assert_array_equal(one["tension"], two["tension"])
    status = two["status"].sel(state="corridor").to_numpy()
    assert (status[..., 3:] == 1).all()
    np.testing.assert_array_equal(status[..., :3], one["status"].sel(state="corridor")[..., :3])
    assert "corridor holds from" in open_.notes[-2] or "corridor holds from" in open_.notes[0]
    assert repr(open_.scenarios).count("intervention: do: corridor holds") == 1


def test_effects_are_the_differences_of_the_two_forecasts(forecast):
    calm = forecast.do(tension="calm")
    table = calm.effects
    one, two = (f.tree["scenarios"]["probability"].to_numpy() for f in (forecast, calm))
    np.testing.assert_allclose(table.data["scenario_effect"], two - one, atol=1e-12)
    assert float(table.data["scenario_effect"].sum()) == pytest.approx(0.0, abs=1e-12)
    moved = dict(
        zip(table.data["node"].to_numpy(), table.data["node_effect"].to_numpy(), strict=True)
    )
    score = forecast.tree[PREDICTIONS]["tension"].to_numpy()[..., -1].mean()
    assert moved["tension"] == pytest.approx(-1.0 - score, abs=1e-4)
    assert "eaeu_cost" not in moved  # not reached from tension
    assert "intervention:" in repr(table)


def test_the_arrows_and_what_they_do_together_are_the_total(forecast):
    table = forecast.do(corridor="open").along("S6")
    found = dict(zip(table.data["along"].to_numpy(), table.data["effect"].to_numpy(), strict=True))
    total = found.pop("total")
    assert sum(found.values()) == pytest.approx(total, abs=1e-12)
    assert total > 0


def test_the_deaths_of_a_set_tension_are_its_own_reading(forecast):
    table = forecast.do(tension="calm").along("battle_deaths")
    found = dict(zip(table.data["along"].to_numpy(), table.data["effect"].to_numpy(), strict=True))
    assert found["battle_deaths, itself"] == pytest.approx(found["total"], abs=1e-12)


def test_what_a_gate_lets_through_is_named(forecast):
    table = forecast.do(corridor="open").along("fsb_post")
    assert "together, and through gates, beyond the sum" in table.data["along"].to_numpy()


def test_conditioning_is_not_intervening(forecast):
    """Seen to be open, the corridor tells of calm; made open, it does not calm anything."""
    last = str(forecast.study.months[-1])
    seen = forecast.ask(f"total battle_deaths >= 20 given corridor until {last}")
    done = forecast.do(corridor="open").ask("total battle_deaths >= 20")
    plain = forecast.ask("total battle_deaths >= 20")
    assert done.probability == plain.probability
    assert any("association" in note for note in seen.notes)
    assert any("intervention: do: corridor holds" in note for note in done.notes)
    assert not any("association" in note or "intervention" in note for note in plain.notes)


def test_more_done_replaces_or_adds(forecast):
    both = forecast.do(tension="calm").do(corridor="open")
    assert [a.node for a in both.acts] == ["tension", "corridor"]
    other = both.do(tension="high")
    assert [a.words[:14] for a in other.acts] == ["corridor holds", "tension = 1 sd"]
    at_once = forecast.do({"tension": "calm", "corridor": "open"})
    np.testing.assert_array_equal(
        both.tree[PREDICTIONS][RESOLVED], at_once.tree[PREDICTIONS][RESOLVED]
    )


def test_an_intervention_is_kept_under_other_priors_and_marked_when_saved(forecast, tmp_path):
    calm = forecast.do(tension="calm")
    swapped = calm.with_priors({})
    assert swapped.acts == calm.acts
    saved = cf.load(calm.save(tmp_path / "calm.nc"))
    assert saved.labels == calm.labels
    with pytest.raises(InterventionError, match="nothing was done; this one is of an intervention"):
        saved.do(tension="high")
    with pytest.raises(InterventionError, match="with_priors"):
        saved.with_priors({})


def test_doing_what_happened_gives_back_what_happened(forecast):
    study = forecast.study
    drawn = forecast.tree[POSTERIOR].to_dataset()
    past = interventions.past(study, drawn, "2021-06")
    seen, end = past.again()
    for name, value in past.seen.items():
        np.testing.assert_allclose(seen[name], value, rtol=1e-10)
        if name not in study.graph.shares:
            np.testing.assert_array_equal(seen[name], value)
    deaths = study.panel["count"].to_numpy()[study.panel["node"] == TENSION]
    assert past.seen[DEATHS].std(0).max() == 0
    assert past.seen[DEATHS][0, -1] == deaths[-1]
    # set, path by path, to what it was: through the same arrows, the same again
    held = {
        TENSION: past.seen[TENSION],
        **{n: past.seen[n] for n in study.graph.node if study.graph.node[n].kind == "event"},
    }
    acts = simulate.Acts.of(study.graph, past.start.paths, len(past.months), held)
    noise = lambda name, h: past.noise[name][:, h]  # noqa: E731
    walked = simulate.walk_months(study.graph, study.process, past.start, past.months, noise, acts)
    again = simulate.gathered(walked, study.graph)
    for name, value in past.seen.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-10)
    np.testing.assert_array_equal(end.state, past.end.state)


def test_counts_of_the_past_are_those_of_the_evidence(forecast):
    """Totals over months are divided, and add up again; single months are what was counted."""
    study = forecast.study
    past = interventions.past(study, forecast.tree[POSTERIOR].to_dataset(), "2021-05")
    months = list(past.months.astype(str))
    window = slice(months.index("2021-06"), months.index("2021-08") + 1)
    total = past.seen["reports_azerbaijan"][:, window].sum(1)
    assert (total >= 55).all()  # 55 until 24 August, and the week that nobody counted
    assert total.std() > 0
    assert (past.seen["pressure"][:, months.index("2021-07")] >= 0).all()


def test_a_counterfactual_calm_has_fewer_deaths_on_every_path(forecast):
    calm = forecast.counterfactual(tension="calm", since="2021-06")
    data = calm.history.data.sel(series="battle_deaths")
    assert (data["would"] <= data["happened"]).all()
    assert float(data["happened"].sel(quantile=0.5).sum()) == 31
    assert calm.labels[0].startswith("counterfactual: had it been that tension = -1 sd")
    np.testing.assert_allclose(calm.changed.data["scenario_effect"].sum(), 0.0, atol=1e-12)
    assert cf.counterfactual(forecast, {"tension": "calm"}, since="2021-06").labels == calm.labels


# ------------------------------------------------------------------------------ paths in a month


def test_paths_within_a_month_sum_to_the_inverse_of_the_graph(forecast):
    study, tree = forecast.study, forecast.tree
    graph = study.graph
    names = [n.name for n in graph.nodes if n.kind in ("index", "count", "share")]
    slope = tree[POSTERIOR]["slope"].isel(chain=0, draw=0)
    matrix = np.zeros((len(names), len(names)))
    status = {n: float(x[-1]) for n, x in study.status.items()}
    for e in graph.edges:
        if not e.lag and e.role != "gate" and e.cause in names and e.effect in names:
            gate = 1.0
            if e.moderator:
                gate = float(holds(graph.node[e.moderator], status[e.moderator]))
            matrix[names.index(e.effect), names.index(e.cause)] = (
                float(slope.sel(edge=e.name)) * gate
            )
    total = np.linalg.inv(np.eye(len(names)) - matrix)
    for cause, effect in (("transport_delay", "net_benefit"), ("stagnation", "net_benefit"),
                          ("transport_delay", "pressure"), ("fear", "public_view")):  # fmt: skip
        found = interventions.links(study, tree, cause, effect)
        summed = sum(float(x.effect[0, 0]) for x in found)
        assert summed == pytest.approx(total[names.index(effect), names.index(cause)], abs=1e-10)


def test_two_signed_paths_are_told_apart(forecast):
    table = forecast.paths("tension", "net_benefit")
    assert any("two-signed" in note for note in table.notes)
    effect = dict(zip(table.data["path"].to_numpy(), table.data["effect"].to_numpy(), strict=True))
    both = effect["all that raise it"] + effect["all that lower it"]
    assert both == pytest.approx(effect["total"], abs=1e-12)
    assert "no path within a month" in repr(forecast.paths("net_benefit", "tension"))


# ------------------------------------------------------------------------------ what is read


def test_values_are_levels_of_what_is_observed():
    acts = read(GRAPH, MONTHS, {"offers": 3.0, "view": 0.7, "troops": "withdrawn", "gap": 1})
    do, shift = as_levels(acts, GRAPH, PARAMETERS)
    assert not shift
    np.testing.assert_allclose(np.exp(BASE["offers"][:, None] + do["offers"]), 3.0)
    np.testing.assert_allclose(special.expit(BASE["view"][:, None] + do["view"]), 0.7)
    assert (do["troops"] == -1.0).all()
    held = read(GRAPH, MONTHS, {"troops": True, "treaty": "signed", "road": "closed"})
    assert [as_levels(held, GRAPH, PARAMETERS)[0][n][0] for n in ("troops", "treaty", "road")] == [
        0,
        1,
        0,
    ]
    few = as_levels(read(GRAPH, MONTHS, {"meetings": 0.5}), GRAPH, PARAMETERS)[0]["meetings"]
    np.testing.assert_allclose(np.exp(BASE["meetings"][:, None] - few), 0.5)


def test_shifts_and_factors_act_on_rates():
    acts = read(GRAPH, MONTHS, {"offers": Times(2), "meetings": Times(2), "gap": Shift(0.5)})
    _, shift = as_levels(acts, GRAPH, PARAMETERS)
    assert shift["offers"][0] == pytest.approx(np.log(2))
    assert shift["meetings"][0] == pytest.approx(-np.log(2))
    twice, once = _walk(shift=shift), _walk(shift={"gap": 0.5})
    mean = [np.log(m[0].seen["offers"].mean()) for m in (twice, once)]
    assert mean[0] - mean[1] == pytest.approx(np.log(2), abs=0.25)


@pytest.mark.parametrize("node", ["offers", "meetings", "troops", "treaty"])
def test_a_shift_of_a_rate_is_its_factor_whatever_the_reading(node):
    one, two = (read(GRAPH, MONTHS, {node: how})[0].value for how in (Shift(np.log(3)), Times(3)))
    np.testing.assert_allclose(one, two)


def test_values_by_month_and_in_a_row():
    by_month = read(GRAPH, MONTHS, {"gap": {"2022-02": 1.0, "2022-04": -1.0}})[0].value
    np.testing.assert_array_equal(by_month, [np.nan, 1.0, np.nan, -1.0])
    row = read(GRAPH, MONTHS, {"gap": [1, 2]}, start="2022-02", until="2022-03")[0]
    np.testing.assert_array_equal(row.value, [np.nan, 1, 2, np.nan])
    assert row.words == "gap along a path of 2 months from 2022-02 to 2022-03"


@pytest.mark.parametrize(
    ("acts", "options", "told"),
    [
        ({}, {}, "nothing is done; name a node and a value"),
        ({"tensoin": 1.0}, {}, "no node 'tensoin'; did you mean 'tension'"),
        ({DEATHS: 1.0}, {}, "set tension, which they read"),
        ({TENSION: 3.0}, {}, "tension = 3: write a score from -2 to 2"),
        ({TENSION: "clam"}, {}, "tension = 'clam': did you mean 'calm'"),
        ({"gap": True}, {}, "gap = True: write a number"),
        ({"gap": float("nan")}, {}, "gap = nan: write a number"),
        ({"offers": 0.0}, {}, "offers = 0: write an expected number a month, above 0"),
        ({"view": 30}, {}, "view = 30: write a proportion between 0 and 1"),
        ({"treaty": "sined"}, {}, "treaty = 'sined': did you mean 'signed'"),
        ({"treaty": 3}, {}, "treaty = 3: it is an event"),
        ({"gap": Times(2.0)}, {}, "gap: Times\\(2\\) is for counts and events; gap is an index"),
        ({"gap": [1.0]}, {}, "gap: 1 values for 4 months \\(2022-01 to 2022-04\\)"),
        ({"gap": [1.0, Shift(1.0), 1, 1]}, {}, "set and shifted at once"),
        ({"gap": {"2023-01": 1.0}}, {}, "gap 2023-01 is not among the months; allowed: 2022-01"),
        ({"gap": {}}, {}, "gap: no months"),
        ({"gap": 1.0}, {"start": "2022"}, "start '2022' is not a month; write '2022-03'"),
        ({"gap": 1.0}, {"start": "2022-01xyz"}, "is not a month"),
        ({"gap": 1.0}, {"start": "soon"}, "start 'soon' is not a month; write '2022-03'"),
        ({"gap": 1.0}, {"start": "2022-03", "until": "2022-02"}, "until 2022-02 is before start"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_cure(acts, options, told):
    with pytest.raises(InterventionError, match=told):
        read(GRAPH, MONTHS, acts, **options)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Shift("x"), "Shift\\('x'\\): write a number"),
        (lambda: Shift(float("inf")), "finite"),
        (lambda: Times(0), "Times\\(0\\): a factor is a number above 0"),
        (lambda: Times(float("inf")), "finite"),
    ],
)
def test_a_shift_is_a_number(make, told):
    with pytest.raises(InterventionError, match=told):
        make()


def test_months_that_cannot_be_changed_are_refused(forecast):
    with pytest.raises(InterventionError, match="not among the months of evidence; allowed: "):
        forecast.counterfactual(tension="calm", since="2031-01")
    with pytest.raises(InterventionError, match="since 'then' is not a month"):
        forecast.counterfactual(tension="calm", since="then")
    with pytest.raises(InterventionError, match=r"a total of \d+ deaths spans 2020-0.*begin after"):
        forecast.counterfactual(tension="calm", since="2020-10")
    with pytest.raises(InterventionError, match="no 'S9'; Allowed: S1, S2"):
        forecast.do(corridor="open").along("S9")
    with pytest.raises(InterventionError, match="corridor is what is done"):
        forecast.do(corridor="open").along("corridor")
    with pytest.raises(InterventionError, match="tension is given twice; keep one"):
        forecast.do({"tension": 1.0}, tension=0.0)
    with pytest.raises(InterventionError, match=r"compare_priors\(\) starts from a forecast in wh"):
        cf.compare_priors(forecast.do(tension="calm"), ["agnostic"])
    past = forecast.counterfactual(tension="calm", since="2021-10")
    with pytest.raises(InterventionError, match="counterfactual: the months as they were"):
        past.factual.do(tension="calm")
    with pytest.raises(InterventionError, match="'tension' is given twice"):
        forecast.paths("tension", "tension")
    drift = replace(forecast.study, case=forecast.study.case.model_copy(update={"model": "drift"}))
    with pytest.raises(InterventionError, match="counterfactuals need the model 'ladder'"):
        interventions.past(drift, forecast.tree[POSTERIOR].to_dataset(), "2021-06")


# ------------------------------------------------------------------------------ the commands


def test_the_commands_show_and_print_json(forecast, tmp_path, capsys):
    path = str(forecast.save(tmp_path / "f.nc"))
    code = main(["do", "tension=-1", "--forecast", path, "--json", "-q"])
    body = json.loads(capsys.readouterr().out)
    assert code in (0, 3)  # the small forecast has few draws
    assert body["effects"]["data"]["label"] == "intervention"
    assert len(body["effects"]["data"]["scenario_effect"]["values"]) == 8
    main(["do", "pressure*=2", "--on", "S5", "--forecast", path, "-q"])
    assert "pressure times 2" in capsys.readouterr().out
    main(["do", "tension=calm", "--since", "2021-06", "--forecast", path, "-q"])
    assert "would have" in capsys.readouterr().out
    picture = tmp_path / "calm.png"
    main(["do", "tension=-1", "--forecast", path, "-q", "--plot", str(picture)])
    capsys.readouterr()
    assert picture.read_bytes()[1:4] == b"PNG"
    main(["paths", "tension", "net_benefit", "--forecast", path, "--json", "-q"])
    assert "total" in json.loads(capsys.readouterr().out)["paths"]["data"]["path"]["values"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["do", "tension"], "write NODE=VALUE"),
        (["do", "tension+=x"], "'x' is not a number"),
        (["do", "tension=-1", "tension+=0.5"], "a node is given twice"),
        (["do", "tension=1", "--on", "S1", "--plot", "a.png"], "--plot draws the scenarios"),
        (["do", "tension=1", "--plot", "a.gif"], "must end in .svg or .png"),
        (["do", "tension=1", "--since", "2021-06", "--on", "S1"], "--since asks what would have"),
    ],
)
def test_the_commands_refuse_before_anything_slow(arguments, told, capsys):
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_the_reference_model_has_no_tension_to_set():
    plain = cf.forecast(model="reference", draws=50, horizon=3)
    with pytest.raises(InterventionError, match="past months come again, and no tension"):
        plain.do(tension=Shift(1.0))
    assert plain.do(corridor="open").effects.data.sizes["scenario"] == 8
    assert "no path within a month" in repr(plain.paths("tension", "pressure"))


def test_a_range_over_parameters_reaches_beyond_the_mean(forecast):
    """What closes a scenario takes from each draw what that draw gave it, not the mean."""
    effects = forecast.do(corridor="open", start="2022-03").effects
    data = effects.data
    rows = {row[0]: row for row in effects.rows}
    for name in ("S7", "S8"):
        own = data.sel(scenario=name)
        mean, sd = (100 * float(own[f"scenario_{k}"]) for k in ("effect", "sd"))
        low, high = (float(x) for x in rows[name][4].split(" to "))
        assert sd > 3
        assert low < mean - 1.6 * sd + 0.1
        assert high > mean + 1.6 * sd - 0.1
