"""Does the causal part pay its way? Scenarios and tension, forecast at past days and scored.

Two questions, each put to forecasts made as of a day with nothing that ended later:

**Scenarios.** As of 30 November of 2020 to 2024, every shipped prior set gives the probabilities of
the eight states twelve months on. What happened is resolved by the same rules, through the same
code, from the embedded evidence of those months (`happened`), and is written down with its reasons
in ``data/resolutions.csv``. Where the state hangs on something that nobody observed, the outcome is
a set of states, and these are scored as one in every year. The eight states have no order (is a
treaty on Moscow's terms nearer to war than an exit without treaty?), so they get no ranked score.
The deaths of the worst month have one: RPS of five classes.

Base-rate forecasts, none of which looks past its day:

    reference    model="reference": every month one of the last 36, every node at its prior base
                 rate, no arrows. The one that differences are taken from.
    uniform      1/8 each
    record       1 + the years resolved so far, over 8 + their number
    prior alone  each prior set before the evidence, from the tension that the fit inferred

**Tension.** At every origin the ladder forecasts the deaths of 1, 3, 6 and 12 months on, once from
all the evidence and once from the battle deaths alone, beside one of the own last 12 months
(`conflictology12`) and of the last 36 (`own36`). A target is a month whose count is known by
itself; a total of zero over several months is a zero in each. Before November 2020 other nodes have
hardly a row, so the origins since then are also given apart.

Choices that matter:

- The baselines need a number for every month. The 2020 war is one total; its days count equally
  (`tension.own_history`), which puts it into three months. No target is among them.
- `as_of` removes later facts, not later revisions, and not hindsight (docs/limits.md).
- With few draws a fit may miss the convergence gate; how many do is counted. The Monte Carlo error
  beside a score is a jackknife over the chains, so it holds whatever the chains disagree about.

Five years are five cases: the interval of a difference is the exact bootstrap of the years (all
3,125 resamples), and is too short, as such intervals are with five cases. The interval of a skill,
and of a difference of tension scores, is a moving-block bootstrap of origins in blocks of a year.

    python benchmarks/causal_value.py [--quick] [--draws 250] [--out FILE]

Finished fits are kept beside FILE until the end; the same command after an interruption goes on
from them, unless the package has changed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from caucasus_forecast import baselines, fitting, names, priors, scenarios, scoring
from caucasus_forecast import evidence as rows
from caucasus_forecast import graph as graphs
from caucasus_forecast import panel as panels
from caucasus_forecast.case import Case
from caucasus_forecast.errors import EvidenceError
from caucasus_forecast.evidence import ONE_DAY, Evidence
from caucasus_forecast.likelihood import plan
from caucasus_forecast.names import DEATHS
from caucasus_forecast.panel import ONE_MONTH
from caucasus_forecast.scenarios import observed
from caucasus_forecast.scenarios.known import Record
from caucasus_forecast.scenarios.known import known as range_of
from caucasus_forecast.study import lay_out
from caucasus_forecast.tension import own_history

Array = np.ndarray

PARTITION = "alyarli-2021"
DEFAULT = "alyarli-2021"
HORIZON = 12
HORIZONS = (1, 3, 6, 12)
YEARS = tuple(date(year, 11, 30) for year in range(2020, 2025))
LAST_ORIGIN, FIRST_MONTH = np.datetime64("2025-11"), np.datetime64("2015-12")
OTHERS_SINCE = np.datetime64("2020-11")
STEP = 3
CHAINS = 4
MEASURES = ("ignorance", "rps", "log1p_crps")
PAIRS = (
    ("all evidence", "deaths alone"),
    ("all evidence", "conflictology12"),
    ("all evidence", "own36"),
    ("deaths alone", "conflictology12"),
    ("deaths alone", "own36"),
)
OUT = Path(__file__).resolve().parent / "results" / "causal_value.json"


# ------------------------------------------------------------------------------------ what happened


@cache
def embedded() -> Evidence:
    """The embedded evidence."""
    return rows.load()


def whole_months(series: str, observed: Sequence[rows.Observation]) -> dict[np.datetime64, float]:
    """Counts of the months that a row covers, no more and no less."""
    return {
        np.datetime64(row.window.start, "M"): row.count
        for row in observed
        if row.series == series and row.window.whole_month
    }


def record(months: Array) -> Record:
    """What the embedded evidence says of some months; rows in doubt are bounds."""
    doubtful = [row for row in rows.table() if row.suspect and row.count >= 0]
    return Record.of(embedded(), graphs.load(), months, doubtful=doubtful)


def after(origin: date) -> Record:
    """What it says of the twelve months after a day."""
    return record(panels.Horizon(origin, HORIZON).months)


def happened(origin: date) -> tuple[str, ...]:
    """States that the twelve months after a day can have resolved to; one, if all was observed."""
    return observed.scenarios(scenarios.load(PARTITION), after(origin)).possible


def settled(origin: date) -> bool:
    """Whether the peacekeepers, whom the partition presumes, had already left on that day."""
    month = np.array([origin], "datetime64[M]")
    return range_of(scenarios.Condition("status", "peacekeepers"), record(month)).high == 0


def worst_month(origin: date) -> float:
    """Deaths of the deadliest month, where their class does not hang on a month in doubt."""
    found = range_of(scenarios.Condition("max", DEATHS), after(origin))
    if (
        len(
            {
                int(np.searchsorted(scoring.CLASSES, x, side="right"))
                for x in (found.low, found.high)
            }
        )
        > 1
    ):
        raise SystemExit(f"the worst month after {origin} is not known to its class: {found}")
    return found.high


@dataclass(frozen=True)
class Resolution:
    """A row of ``data/resolutions.csv``."""

    scenarios: str
    origin: str
    end: str
    state: str
    settled: str
    reason: str
    rows: str
    source: str

    @property
    def states(self) -> tuple[str, ...]:
        """The states it can be."""
        return tuple(self.state.split(";"))


def resolutions() -> tuple[Resolution, ...]:
    """What the package says happened."""
    path = files("caucasus_forecast").joinpath("data", "resolutions.csv")
    table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    return tuple(Resolution(**row) for row in table)


# ------------------------------------------------------------------------------------ the forecasts


@dataclass(frozen=True)
class Task:
    """One fit: a model, a prior set, what it may know, and as of when."""

    origin: date
    priors: str = DEFAULT
    model: str = "ladder"
    known: str = "all evidence"

    @property
    def key(self) -> str:
        """Its name in the file of finished fits."""
        return f"{self.origin} {self.model} {self.priors} {self.known}"

    def evidence(self) -> Evidence:
        """What it may know."""
        known = embedded().as_of(self.origin)
        if self.known == "all evidence":
            return known
        deaths = tuple(o for o in known.observations if o.series == DEATHS)
        return Evidence({DEATHS: known.series[DEATHS]}, deaths)


def fitted(task: Task, draws: int, paths: int, seed: int) -> dict[str, Any]:
    """Scenario probabilities and scored death counts of one fit.

    Whatever is estimated comes five times: from all chains, then with each chain left out.
    """
    chosen = priors.load(task.priors)
    case = Case(
        as_of=task.origin, horizon=HORIZON, model=task.model, priors=task.priors, draws=draws,
        paths=paths, chains=CHAINS, seed=seed,
    )  # fmt: skip
    study = lay_out(case, evidence=task.evidence())
    tree = fitting.complete(fitting.draw(study, chosen), study, chosen)
    futures = tree[names.PREDICTIONS].to_dataset()
    resolved = scenarios.resolve(study.partition, futures, study.graph, {})[..., -1]
    deaths = futures[DEATHS].to_numpy()
    gate = tree[names.DIAGNOSTICS].attrs
    count = len(study.partition.scenarios)
    return {
        "passed": int(gate["passed"]),
        "max_rhat": round(float(gate["max_rhat"]), 4),
        "states": [shares(x, count).tolist() for x in leaving_out(resolved)],
        "prior_alone": tree[names.SCENARIOS]["prior_probability"].to_numpy().tolist(),
        "worst": [
            scoring.class_probability(x, scoring.CLASSES).tolist()
            for x in leaving_out(deaths.max(-1))
        ],
        "deaths": {
            str(h): [scores(baselines.empirical(x), y) for x in leaving_out(deaths[..., h - 1])]
            for h, y in targets(task.origin).items()
        },
    }


def leaving_out(values: Array) -> list[Array]:
    """The values of all chains, then of all but each, flat."""
    others = [np.delete(values, c, axis=0).ravel() for c in range(len(values))]
    return [values.ravel(), *others]


def shares(resolved: Array, count: int) -> Array:
    """Share of the futures in each state; a state that none met gets half a future."""
    weight = np.maximum(np.bincount(resolved, minlength=count), 0.5)
    return weight / weight.sum()


def targets(origin: date) -> dict[int, float]:
    """Deaths of the months to be forecast, by horizon, where they are known exactly."""
    known = whole_months(DEATHS, embedded().observations)
    months = panels.Horizon(origin, HORIZON).months
    return {h: known[months[h - 1]] for h in HORIZONS if months[h - 1] in known}


def scores(law: baselines.Distribution, y: float) -> list[float]:
    """Ignorance, RPS and log1p CRPS of one forecast."""
    return [
        float(scoring.ignorance(law.class_probability(scoring.BINS), y)),
        float(scoring.rps(law.class_probability(scoring.CLASSES), y)),
        float(scoring.log1p_crps(law.values.astype(float), y, weight=law.probability)),
    ]


def own_months(origin: date) -> dict[str, baselines.Distribution]:
    """The baselines: one of the own last 12, and of the own last 36 months."""
    panel = panels.build(embedded().as_of(origin), graphs.load(), origin)
    cells = plan(panel, graphs.load())
    history = own_history(cells.deaths, cells.months, 36).history
    nobody = baselines.empirical([0])
    return {n: baselines.find(n)(history, nobody, 1) for n in ("conflictology12", "own36")}


def worst_of(law: baselines.Distribution) -> Array:
    """Classes of the worst of twelve months, each drawn by itself."""
    below = law.cdf(np.array(scoring.CLASSES[1:]) - 1) ** HORIZON
    return np.diff(np.r_[0.0, below, 1.0])


def others_known(origin: date) -> int:
    """Rows of other series than the deaths on record on a day."""
    return sum(o.series != DEATHS for o in embedded().as_of(origin).observations)


class Shelf:
    """Finished fits, kept in a file until all are there."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.header = path, json.dumps({**settings, "package": package_digest()})
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        usable = lines[:1] == [self.header]
        self.done: dict[str, Any] = {}
        for line in lines[1:] if usable else []:
            try:
                self.done |= json.loads(line)
            except json.JSONDecodeError:  # cut off in mid-line
                break
        kept = [self.header, *(json.dumps({k: v}) for k, v in self.done.items())]
        path.write_text("\n".join(kept) + "\n", encoding="utf-8")

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Keep one more fit."""
        self.done[key] = record
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({key: record}) + "\n")


def package_digest() -> str:
    """SHA-256 of the package's code and data."""
    folder = Path(str(files("caucasus_forecast")))
    kinds = {".py", ".toml", ".json", ".csv"}
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in kinds):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


# -------------------------------------------------------------------------------- scores: scenarios


def joined(outcomes: Sequence[tuple[str, ...]], states: Sequence[str]) -> list[tuple[str, ...]]:
    """The states, those that an outcome could not tell apart taken together."""
    groups = {s: (s,) for s in states}
    for outcome in outcomes:
        union = tuple(s for s in states if any(s in groups[o] for o in outcome))
        groups |= dict.fromkeys(union, union)
    return list(dict.fromkeys(groups.values()))


def jackknife(values: Array) -> float:
    """Monte Carlo error of ``values[0]``, from the values with each chain left out."""
    out = values[1:]
    return float(np.sqrt((len(out) - 1) * np.mean((out - out.mean()) ** 2)))


def resampled(difference: Array) -> tuple[float, float]:
    """Ends of the middle 90 % of the mean over all resamples of the cases."""
    every = itertools.product(range(len(difference)), repeat=len(difference))
    means = [difference[list(chosen)].mean() for chosen in every]
    lower, upper = np.quantile(means, [0.05, 0.95], method="inverted_cdf")
    return float(lower), float(upper)


def score_partition(
    probability: Array, outcomes: Sequence[tuple[str, ...]], states: Sequence[str]
) -> dict[str, Array]:
    """Brier and log score of each case, (..., cases), of probabilities (..., cases, states)."""
    groups = joined(outcomes, states)
    place = {s: i for i, g in enumerate(groups) for s in g}
    merged = np.stack([probability[..., [states.index(s) for s in g]].sum(-1) for g in groups], -1)
    merged /= merged.sum(-1, keepdims=True)
    what = np.broadcast_to([place[o[0]] for o in outcomes], merged.shape[:-1])
    return {
        "brier": np.asarray(scoring.partition_brier(merged, what)),
        "log": np.asarray(scoring.partition_log(merged, what)),
    }


def summary(case_scores: Array, base: Array, keep: Array) -> dict[str, Any]:
    """Mean over the cases, its Monte Carlo error, and how it differs from the base rate's."""
    own, other = case_scores[:, keep], base[:, keep]
    difference = own - other
    lower, upper = resampled(difference[0])
    return {
        "mean": own[0].mean(),
        "mcse": jackknife(own.mean(1)),
        "minus_reference": difference[0].mean(),
        "interval": [lower, upper],
        "minus_reference_mcse": jackknife(difference.mean(1)),
    }


def records(years: Sequence[date], outcomes: Mapping[date, tuple[str, ...]], count: int) -> Array:
    """The `record` forecast: one of each state, and the years that had ended by each origin."""
    states = [s.id for s in scenarios.load(PARTITION).scenarios]
    out = np.ones((len(years), count))
    for i, origin in enumerate(years):
        for past in (y for y in YEARS if y.replace(year=y.year + 1) <= origin):
            for s in outcomes[past]:
                out[i, states.index(s)] += 1.0 / len(outcomes[past])
    return out / out.sum(-1, keepdims=True)


def score_scenarios(
    done: Mapping[str, Any], sets: Sequence[str], years: Sequence[date]
) -> dict[str, Any]:
    """Everything about the scenarios, ready to be written."""
    states = [s.id for s in scenarios.load(PARTITION).scenarios]
    outcomes = {y: happened(y) for y in YEARS}
    there = np.array([not settled(y) for y in years])

    def of(name: str, part: str, model: str = "ladder") -> Array:
        found = [np.array(done[Task(y, name, model).key][part]) for y in years]
        return np.stack(found, axis=-2)

    def steady(table: Array) -> Array:
        return np.broadcast_to(table, (1 + CHAINS, *table.shape))

    base = of(DEFAULT, "states", "reference")
    forecasts = {name: of(name, "states") for name in sets}
    forecasts["mean of the sets"] = np.mean([forecasts[name] for name in sets], axis=0)
    forecasts |= {f"prior alone: {n}": steady(np.maximum(of(n, "prior_alone"), 1e-4)) for n in sets}
    forecasts["reference"] = base
    forecasts["uniform"] = steady(np.full((len(years), len(states)), 1.0 / len(states)))
    forecasts["record"] = steady(records(years, outcomes, len(states)))
    worst = {name: of(name, "worst") for name in sets}
    worst["mean of the sets"] = np.mean(list(worst.values()), axis=0)
    worst["reference"] = of(DEFAULT, "worst", "reference")
    for name in ("conflictology12", "own36"):
        worst[name] = steady(np.array([worst_of(own_months(y)[name]) for y in years]))

    seen = [outcomes[y] for y in years]
    readings = {"joined": seen}
    if any(len(o) > 1 for o in seen):
        readings |= {
            "read as " + ", ".join(x for x, o in zip(p, seen, strict=True) if len(o) > 1): [
                (x,) for x in p
            ]
            for p in itertools.product(*seen)
        }
    table: dict[str, Any] = {}
    for name, probability in forecasts.items():
        table[name] = {"probability": probability[0]}
        for reading, which in readings.items():
            own, other = (score_partition(p, which, states) for p in (probability, base))
            for measure in own:
                parts = {"all origins": np.ones(len(years), bool)}
                if reading == "joined" and not there.all() and there.any():
                    parts["mission present"] = there
                for part, keep in parts.items():
                    cell = table[name].setdefault(f"{measure}, {reading}", {})
                    cell[part] = summary(own[measure], other[measure], keep)
            if reading == "joined":
                table[name]["log_by_origin"] = own["log"][0]
    deaths = np.array([worst_month(y) for y in years])
    ranked = {
        n: np.asarray(scoring.rps(p, np.broadcast_to(deaths, p.shape[:-1])))
        for n, p in worst.items()
    }
    everyone = np.ones(len(years), bool)
    return {
        "origins": years,
        "states": states,
        "outcomes": [outcomes[y] for y in years],
        "mission_present": there,
        "scored_as_one": [g for g in joined(seen, states) if len(g) > 1],
        "forecasts": table,
        "worst_month": {
            "deaths": deaths,
            "classes": scoring.CLASSES,
            "forecasts": {
                n: {"probability": worst[n][0], "rps_by_origin": ranked[n][0]}
                | summary(ranked[n], ranked["reference"], everyone)
                for n in worst
            },
        },
    }


# ---------------------------------------------------------------------------------- scores: tension


def score_tension(
    done: Mapping[str, Any], origins: Sequence[date], step: int, seed: int
) -> dict[str, Any]:
    """Everything about the deaths, ready to be written."""
    shape = (len(MEASURES), 1 + CHAINS, len(HORIZONS), len(origins))
    table = {
        n: np.full(shape, np.nan)
        for n in ("all evidence", "deaths alone", "conflictology12", "own36")
    }
    for i, origin in enumerate(origins):
        laws = own_months(origin)
        for h, y in targets(origin).items():
            row = HORIZONS.index(h)
            for name in ("all evidence", "deaths alone"):
                record = done[Task(origin, known=name).key]["deaths"]
                table[name][:, :, row, i] = np.array(record[str(h)]).T
            for name, law in laws.items():
                table[name][:, :, row, i] = np.array(scores(law, y))[:, None]
    month = np.array(origins, "datetime64[M]")
    parts = {
        "all origins": np.ones(len(origins), bool),
        f"origins since {OTHERS_SINCE}": month >= OTHERS_SINCE,
    }
    return {
        "origins": origins,
        "rows_of_other_series": [others_known(o) for o in origins],
        "parts": {
            part: _tension_part({n: x[..., keep] for n, x in table.items()}, step, seed)
            for part, keep in parts.items()
        },
    }


def _tension_part(table: Mapping[str, Array], step: int, seed: int) -> dict[str, Any]:
    out: dict[str, Any] = {"targets": (~np.isnan(table["own36"][0, 0])).sum(-1)}
    block = max(12 // step, 1)
    for m, measure in enumerate(MEASURES):
        found: dict[str, Any] = {"mean": {}, "by_horizon": {}, "pairs": {}}
        for name, x in table.items():
            found["mean"][name] = np.nanmean(x[m, 0])
            found["by_horizon"][name] = np.nanmean(x[m, 0], axis=-1)
        for name, other in PAIRS:
            one, two = table[name][m], table[other][m]
            parts = {"all horizons": slice(None)} | {f"h = {h}": j for j, h in enumerate(HORIZONS)}
            found["pairs"][f"{name} over {other}"] = {
                "difference": np.nanmean(one[0] - two[0]),
                "mcse": jackknife(np.nanmean(one - two, axis=(1, 2))),
                "interval": blocks_resampled(one[0] - two[0], block, seed),
                "skill": {k: skill(one[0, j], two[0, j], block, seed) for k, j in parts.items()},
            }
        out[measure] = found
    return out


def skill(score: Array, reference: Array, block: int, seed: int) -> Sequence[float | None]:
    """Skill and its interval, or no ends where a resample leaves the reference without a loss."""
    try:
        return scoring.skill_interval(score, reference, seed=seed, block=block, missing="drop")
    except EvidenceError:
        both = np.nansum(score), np.nansum(reference)
        return (1.0 - both[0] / both[1] if both[1] > 0 else None, None, None)


def blocks_resampled(
    difference: Array, block: int, seed: int, resamples: int = 2000
) -> list[float]:
    """Ends of the middle 90 % of the mean difference, (horizons, origins), in blocks of origins."""
    origins = difference.shape[-1]
    starts = np.random.default_rng(seed).integers(
        0, origins - block + 1, (resamples, -(-origins // block))
    )
    chosen = (starts[..., None] + np.arange(block)).reshape(resamples, -1)[:, :origins]
    total, number = np.nansum(difference, 0), (~np.isnan(difference)).sum(0)
    means = total[chosen].sum(1) / number[chosen].sum(1)
    return [float(x) for x in np.quantile(means, [0.05, 0.95])]


# ------------------------------------------------------------------------------------------ the run


def quarters(step: int) -> list[date]:
    """Last days of the months to forecast from, every `step` months back from November 2025."""
    span = int((LAST_ORIGIN - FIRST_MONTH).astype(int))
    months = [LAST_ORIGIN - np.timedelta64(back, "M") for back in range(0, span + 1, step)]
    after = [(m + ONE_MONTH).astype("datetime64[D]").item() for m in reversed(months)]
    return [day - ONE_DAY for day in after]


def tidy(value: Any) -> Any:
    """Numbers, arrays and dates as JSON takes them, four decimals."""
    if isinstance(value, Mapping):
        return {str(k): tidy(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return tidy(value.tolist())
    if isinstance(value, list | tuple):
        return [tidy(v) for v in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 4) + 0.0  # no negative zero
    return str(value) if isinstance(value, date) else value


def show_scenarios(found: Mapping[str, Any]) -> None:
    """The scenario tables."""
    outcomes = ["/".join(o) for o in found["outcomes"]]
    merged = "; ".join("/".join(g) for g in found["scored_as_one"])
    print(f"\nScenarios twelve months on; outcomes {' '.join(outcomes)} ({merged} scored as one)")
    print(f"{'':<38}{'Brier':>7}  {'log, bits':<12}{'minus reference':>24}   by origin")
    for name, row in found["forecasts"].items():
        log = row["log, joined"]["all origins"]
        lower, upper = log["interval"]
        print(
            f"{name:<38}{row['brier, joined']['all origins']['mean']:7.3f}  "
            f"{log['mean']:5.2f} ± {log['mcse']:.2f}{log['minus_reference']:+9.2f} "
            f"({lower:+.2f} to {upper:+.2f})   "
            + " ".join(f"{x:5.2f}" for x in row["log_by_origin"])
        )
    print(f"\nDeaths of the worst month: {found['worst_month']['deaths']}; RPS, 90 % interval")
    for name, row in found["worst_month"]["forecasts"].items():
        lower, upper = row["interval"]
        print(
            f"{name:<38}{row['mean']:7.3f} ± {row['mcse']:.3f}{row['minus_reference']:+9.3f} "
            f"({lower:+.3f} to {upper:+.3f})"
        )


def show_tension(found: Mapping[str, Any]) -> None:
    """The tension tables."""
    for part, scores_ in found["parts"].items():
        print(f"\nBattle deaths, {part}: {sum(scores_['targets'])} targets")
        for measure in MEASURES:
            cell = scores_[measure]
            print(f"{measure}: " + "  ".join(f"{n} {x:.4f}" for n, x in cell["mean"].items()))
            for pair, found_ in cell["pairs"].items():
                lower, upper = found_["interval"]
                value, *ends = found_["skill"]["all horizons"]
                spread = "" if None in ends else f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})"
                print(
                    f"    {pair:<34} difference {found_['difference']:+.4f} "
                    f"({lower:+.4f} to {upper:+.4f}), MC error {found_['mcse']:.4f}; "
                    f"skill {100 * value:+.1f} %{spread}"
                )


def main() -> None:
    """Fit, score, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few draws, sets and origins")
    parser.add_argument("--draws", type=int, default=250)
    parser.add_argument("--paths", type=int, default=20)
    parser.add_argument("--step", type=int, default=STEP, help="months from origin to origin")
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    sets, years, step = list(priors.list()), list(YEARS), asked.step
    draws, paths = asked.draws, asked.paths
    if asked.quick:
        sets, years, step, draws, paths = [DEFAULT, "agnostic"], years[::3], 24, 60, 4
    for row in resolutions():
        if row.states != happened(date.fromisoformat(row.origin)):
            raise SystemExit(f"{row.origin}: the table says {row.state}, the rules do not")
    origins = quarters(step)
    tasks = [Task(o, known=k) for o in origins for k in ("all evidence", "deaths alone")]
    tasks += [Task(y, model="reference") for y in years]
    tasks += [Task(y, name) for y in years for name in sets]
    tasks = list(dict.fromkeys(tasks))
    settings = {"draws": draws, "chains": CHAINS, "paths": paths, "seed": asked.seed}
    shelf = Shelf(asked.out.with_suffix(".part"), settings)
    left = [t for t in tasks if t.key not in shelf.done]
    clock = perf_counter()
    for i, task in enumerate(left, start=1):
        shelf.add(task.key, fitted(task, **{k: v for k, v in settings.items() if k != "chains"}))
        each = (perf_counter() - clock) / i
        print(f"{i:4d} of {len(left)}  {task.key:<66} {each * (len(left) - i):5.0f} s left",
              flush=True)  # fmt: skip
    done = shelf.done
    result = {
        "settings": {**settings, "quick": asked.quick, "step": step, "package": package_digest()},
        "fits": len(tasks),
        "fits_past_the_gate": sum(done[t.key]["passed"] for t in tasks),
        "max_rhat": max(done[t.key]["max_rhat"] for t in tasks),
        "resolutions": [asdict(row) for row in resolutions()],
        "scenarios": score_scenarios(done, sets, years),
        "tension": score_tension(done, origins, step, asked.seed),
    }
    result = tidy(result)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")
    shelf.path.unlink()
    show_scenarios(result["scenarios"])
    show_tension(result["tension"])
    print(
        f"\n{result['fits']} fits, {result['fits_past_the_gate']} past the gate, "
        f"largest R-hat {result['max_rhat']:.3f}"
    )


if __name__ == "__main__":
    main()
