"""Learn the reference class of the ladder: how political violence rises, lasts and ebbs elsewhere.

A country's month stands on one of ``LEVELS`` ordered levels, which nobody observes; the deaths of
the month are drawn from its level. All countries share one ladder. For month ``t`` of a country,
with level ``s[t]`` and deaths ``y[t]``::

    P(s[0] = k)                = initial[k]
    P(s[t] = j | s[t - 1] = i) = transition[i, j]
    y[t] | s[t] = k            ~ NegBinomial(mean[k], size[k])
    Var(y[t] | s[t] = k)       = mean[k] + mean[k]**2 / size[k]

The fit is expectation-maximisation. The E-step (forward-backward, exact) gives, summed over
countries with weight ``0.5**(age in months / HALF_LIFE)``, the expected number of starts on a
level, ``first[k]``, of moves, ``moves[i, j]``, and of months with ``values[u]`` deaths,
``visits[u, k]``. The M-step is::

    initial[k]       ∝ first[k] + 1 / LEVELS
    transition[i, j] ∝ moves[i, j] + near[i, j] + SMOOTH · shifted[i, j]
    mean[k]          = Σ_u visits[u, k] values[u] / Σ_u visits[u, k],  at least MEAN_FLOOR
    size[k]          = argmax_r Σ_u visits[u, k] log NegBinomial(values[u]; mean[k], r)

The mean is the maximum-likelihood one whatever the size, so each size is a search in one dimension,
inside ``SIZE_BOUNDS``.

``near`` is worth one month a row and halves with each step of distance, so no move is impossible.
``shifted`` is the mean of the current rows of the two neighbouring levels, each moved one step
along the diagonal, and worth ``SMOOTH`` months: levels that are rarely visited learn from their
neighbours. ``initial`` gets one country's worth, spread evenly. Levels are put in the order of
their means. Sizes are free, so beside steady levels there are bursty ones, of a similar mean but
with many months at zero.

How far a country departs from the class, and how long it remembers, is said by ``OWN``, which
`caucasus_forecast.learning` explains. Those numbers, ``LEVELS``, ``HALF_LIFE`` and ``SMOOTH`` were
chosen on forecasts of 2000-2009 from fits to 1999 and 2004; `docs/skill.md` has what was tried.

A vintage is a fit to the months up to the end of a year, for forecasts made afterwards. It leaves
out later months, not later revisions of earlier ones. The first vintage of a run starts from a
regular grid, each later one from the vintage before it, so the vintages asked for are part of the
result. The dyad that the library forecasts is held out of its own reference class.

Usage::

    python benchmarks/reference_class.py PANEL.csv.gz [--out DIR] [--vintages 2009 2010 ...]

PANEL.csv.gz has a column ``month`` (``1989-01``), then one column of deaths per country.

Data: UCDP Georeferenced Event Dataset, CC BY 4.0 (Sundberg & Melander 2013,
doi:10.1177/0022343313484347; Davies, Pettersson, Sollenberg & Öberg 2025).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, xlog1py, xlogy

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]

LEVELS = 20
HELD_OUT = ("Armenia", "Azerbaijan")
VINTAGES = tuple(range(2009, 2022))

HALF_LIFE = 240.0
DECAY = 0.5
SMOOTH = 20.0
MEAN_FLOOR = 0.003
MEAN_GRID = (0.02, 6000.0)
SIZE_BOUNDS = (0.05, 200.0)
START_SIZE = 2.0
START_STAY = 0.8

OWN = {
    "move_prior": 1.0,
    "bin_prior": 15.0,
    "fade": 0.975,
    "temper": 0.85,
    "robust": 1e-3,
    "bins": [0, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
}

TOLERANCE = 1e-5
LEAST_ITERATIONS, FIRST_ITERATIONS, NEXT_ITERATIONS = 10, 120, 30
DIGITS = 6

ROOT = Path(__file__).resolve().parents[1]
LADDERS = ROOT / "src" / "caucasus_forecast" / "priors" / "ladder"


@dataclass(frozen=True)
class Panel:
    """Monthly deaths, ``deaths[t, n]`` in month ``months[t]`` and country ``units[n]``."""

    months: tuple[str, ...]
    units: tuple[str, ...]
    deaths: Integers

    def through(self, year: int) -> Panel:
        """The panel as it stood at the end of ``year``."""
        last = f"{year}-12"
        if last not in self.months:
            sys.exit(f"no month {last} in the panel: {self.months[0]} to {self.months[-1]}")
        stop = self.months.index(last) + 1
        return Panel(self.months[:stop], self.units, self.deaths[:stop])


@dataclass(frozen=True)
class Ladder:
    """The parameters, over ``K`` levels: ``(K,)``, ``(K,)``, ``(K, K)`` and ``(K,)``."""

    mean: Floats
    size: Floats
    transition: Floats
    initial: Floats

    def ordered(self) -> Ladder:
        """The same ladder, quietest level first."""
        by = np.argsort(self.mean, kind="stable")
        return Ladder(
            self.mean[by], self.size[by], self.transition[np.ix_(by, by)], self.initial[by]
        )


@dataclass(frozen=True)
class Fit:
    """A ladder and how it was reached."""

    ladder: Ladder
    log_likelihood: float
    iterations: int


@dataclass(frozen=True)
class Expected:
    """What the E-step expects of the hidden levels; the module docstring names the arrays."""

    first: Floats
    moves: Floats
    visits: Floats
    log_likelihood: float


def read_panel(path: Path) -> Panel:
    """Read the months and the countries, without the held-out dyad and without unnamed columns."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    keep = [
        column
        for column, name in enumerate(header)
        if column and name not in HELD_OUT and not name.startswith("Unnamed")
    ]
    deaths = np.array([[int(row[column]) for column in keep] for row in rows], dtype=np.int64)
    return Panel(tuple(row[0] for row in rows), tuple(header[column] for column in keep), deaths)


def log_pmf(values: Integers, mean: Floats | float, size: Floats | float) -> Floats:
    """Log probability of ``values`` under NegBinomial(mean, size); arguments broadcast."""
    return np.asarray(
        gammaln(values + size)
        - gammaln(size)
        - gammaln(values + 1)
        - xlog1py(size, mean / size)
        + xlogy(values, mean / (mean + size))
    )


def near() -> Floats:
    """``near[i, j]``: one month a row, halved with each step away from the diagonal."""
    level = np.arange(LEVELS)
    weight = DECAY ** np.abs(level[:, None] - level)
    return normalised(weight)


def shifted(transition: Floats) -> Floats:
    """Mean of the rows one level above and below, each moved one step along the diagonal.

    A move that would leave the ladder stops at its end; at the ends the missing row is the own one.
    """
    total = np.zeros_like(transition)
    row = np.arange(LEVELS)
    for step in (-1, 1):
        inside = (row + step >= 0) & (row + step < LEVELS)
        reached = np.clip(row + step, 0, LEVELS - 1)
        total[inside] += transition[row[inside] + step][:, reached] / 2
        total[~inside] += transition[~inside] / 2
    return normalised(total)


def pseudo_counts(transition: Floats) -> Floats:
    """Months that a row is given before any is seen."""
    return near() + SMOOTH * shifted(transition)


def normalised(weight: Floats) -> Floats:
    """``weight`` with its last axis summing to one."""
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


@njit()
def forward_backward(
    code: Integers, density: Floats, initial: Floats, transition: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats, float]:
    """Expected ``first``, ``moves`` and ``visits``, and the log likelihood, over all countries.

    ``code[t, n]`` is the row of ``density`` that holds the month's deaths. The filtered
    probabilities ``alpha[t]`` sum to one; ``scale[t]`` is the density of the month given the past;
    ``news`` carries the future back, so that ``alpha[t] * transition @ news`` is the smoothed
    probability of a level at ``t``. ``weight[t]`` is how much the month counts.
    """
    months, units = code.shape
    levels = initial.size
    first = np.zeros(levels)
    pairs = np.zeros((levels, levels))
    visits = np.zeros(density.shape)
    log_likelihood = 0.0
    alpha = np.empty((months, levels))
    scale = np.empty(months)
    for n in range(units):
        ahead = initial
        for t in range(months):
            joint = ahead * density[code[t, n]]
            scale[t] = joint.sum()
            alpha[t] = joint / scale[t]
            ahead = alpha[t] @ transition
        log_likelihood += np.log(scale).sum()

        beta = np.ones(levels)
        for t in range(months - 1, 0, -1):
            visits[code[t, n]] += weight[t] * alpha[t] * beta
            news = density[code[t, n]] * beta / scale[t]
            pairs += weight[t] * np.outer(alpha[t - 1], news)
            beta = transition @ news
        visits[code[0, n]] += weight[0] * alpha[0] * beta
        first += alpha[0] * beta
    return first, pairs * transition, visits, log_likelihood


def coded(deaths: Integers) -> tuple[Integers, Integers]:
    """The distinct ``values``, and ``code`` such that ``values[code]`` is ``deaths``."""
    values, code = np.unique(deaths, return_inverse=True)
    return values, code.reshape(deaths.shape)


def expect(ladder: Ladder, values: Integers, code: Integers) -> Expected:
    """E-step. Densities are taken relative to the best level of each value, against underflow."""
    log_density = log_pmf(values[:, None], ladder.mean, ladder.size)
    best = log_density.max(axis=1)
    density = np.exp(log_density - best[:, None])
    weight = 0.5 ** (np.arange(len(code))[::-1] / HALF_LIFE)
    first, moves, visits, relative = forward_backward(
        code, density, ladder.initial, ladder.transition, weight
    )
    return Expected(first, moves, visits, float(relative + best[code].sum()))


def maximise(ladder: Ladder, expected: Expected, values: Integers) -> Ladder:
    """M-step."""
    mean = np.maximum(values @ expected.visits / (expected.visits.sum(axis=0) + 1e-9), MEAN_FLOOR)
    size = [best_size(values, *level) for level in zip(expected.visits.T, mean, strict=True)]
    return Ladder(
        mean=mean,
        size=np.array(size),
        transition=normalised(expected.moves + pseudo_counts(ladder.transition)),
        initial=normalised(expected.first + 1 / LEVELS),
    )


def best_size(values: Integers, weight: Floats, mean: float) -> float:
    """Weighted maximum-likelihood size, searched on the log scale inside ``SIZE_BOUNDS``."""

    def loss(log_size: float) -> float:
        return -float(weight @ log_pmf(values, mean, np.exp(log_size)))

    bounds = tuple(np.log(SIZE_BOUNDS))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit(start: Ladder, deaths: Integers, most: int) -> Fit:
    """Iterate from ``start`` until the log likelihood stands still, ten to ``most`` times."""
    values, code = coded(deaths)
    ladder, expected = start, expect(start, values, code)
    gain, iterations = np.inf, 0
    while iterations < most and (
        iterations < LEAST_ITERATIONS or abs(gain) > TOLERANCE * abs(expected.log_likelihood)
    ):
        previous = expected.log_likelihood
        ladder = maximise(ladder, expected, values)
        expected = expect(ladder, values, code)
        gain, iterations = expected.log_likelihood - previous, iterations + 1
    return Fit(ladder.ordered(), expected.log_likelihood, iterations)


def grid_start() -> Ladder:
    """Means evenly spaced in logs; a month stays with ``START_STAY``, else moves as ``pseudo``."""
    stay = START_STAY * np.eye(LEVELS)
    return Ladder(
        mean=np.geomspace(*MEAN_GRID, LEVELS),
        size=np.full(LEVELS, START_SIZE),
        transition=stay + (1 - START_STAY) * near(),
        initial=np.full(LEVELS, 1 / LEVELS),
    )


def fits(panel: Panel, years: Sequence[int]) -> Iterator[tuple[int, Panel, Fit]]:
    """One fit for each vintage, in order of time, each from the one before it."""
    latest: Fit | None = None
    for year in sorted(years):
        seen = panel.through(year)
        start, most = (
            (latest.ladder, NEXT_ITERATIONS) if latest else (grid_start(), FIRST_ITERATIONS)
        )
        latest = fit(start, seen.deaths, most)
        yield year, seen, latest


def rounded(numbers: Floats) -> Floats:
    """``numbers`` to ``DIGITS`` significant digits."""
    return np.array([float(f"{x:.{DIGITS}g}") for x in numbers.ravel()]).reshape(numbers.shape)


def rounded_simplex(probability: Floats) -> Floats:
    """Probabilities to ``DIGITS`` significant digits; the largest takes up the remainder."""
    numbers = rounded(probability)
    top = int(numbers.argmax())
    numbers[top] = round(1 - float(np.delete(numbers, top).sum()), 15)
    return numbers


def published(ladder: Ladder) -> Ladder:
    """The ladder as its file gives it."""
    return Ladder(
        rounded(ladder.mean),
        rounded(ladder.size),
        np.array([rounded_simplex(row) for row in ladder.transition]),
        rounded_simplex(ladder.initial),
    )


def log_likelihood(ladder: Ladder, deaths: Integers) -> float:
    """Log probability of ``deaths`` under ``ladder``."""
    return expect(ladder, *coded(deaths)).log_likelihood


def as_json(year: int, panel: Panel, fitted: Fit, sha256: str) -> str:
    """The file of a vintage: one line for each vector and each row of the matrix."""
    ladder = published(fitted.ladder)
    provenance = {
        "panel": "UCDP GED best estimate, all types, monthly, by country of the event",
        "panel_sha256": sha256,
        "months": [panel.months[0], panel.months[-1]],
        "units": len(panel.units),
        "held_out": list(HELD_OUT),
        "log_likelihood": round(log_likelihood(ladder, panel.deaths), 3),
        "iterations": fitted.iterations,
        "command": "python benchmarks/reference_class.py PANEL",
        "source": (
            "UCDP GED, CC BY 4.0; Sundberg & Melander 2013; "
            "Davies, Pettersson, Sollenberg & Öberg 2025"
        ),
    }
    rows = ",\n    ".join(json.dumps(row) for row in ladder.transition.tolist())
    notes = ",\n    ".join(f"{json.dumps(key)}: {text(value)}" for key, value in provenance.items())
    entries = (
        f'"vintage": "{year}-12-31"',
        f'"levels": {LEVELS}',
        f'"mean": {text(ladder.mean.tolist())}',
        f'"size": {text(ladder.size.tolist())}',
        f'"transition": [\n    {rows}\n  ]',
        f'"initial": {text(ladder.initial.tolist())}',
        f'"own": {text(OWN)}',
        f'"provenance": {{\n    {notes}\n  }}',
    )
    return "{\n  " + ",\n  ".join(entries) + "\n}\n"


def text(value: object) -> str:
    """``value`` as one line of JSON."""
    return json.dumps(value, ensure_ascii=False)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Learn the reference class of the ladder.")
    parser.add_argument("panel", type=Path, metavar="PANEL.csv.gz")
    parser.add_argument("--out", type=Path, default=LADDERS, metavar="DIR")
    parser.add_argument("--vintages", type=int, nargs="+", default=VINTAGES, metavar="YEAR")
    return parser.parse_args()


def main() -> None:
    """Fit and write every vintage asked for."""
    asked = arguments()
    if not asked.panel.is_file():
        sys.exit(f"no panel at {asked.panel}: give the path of the monthly deaths, a .csv.gz file")
    sha256 = hashlib.sha256(asked.panel.read_bytes()).hexdigest()
    asked.out.mkdir(parents=True, exist_ok=True)
    for year, panel, fitted in fits(read_panel(asked.panel), asked.vintages):
        path = asked.out / f"{year}.json"
        path.write_text(as_json(year, panel, fitted, sha256), encoding="utf-8")
        print(f"{path}: log likelihood {fitted.log_likelihood:.1f}, {fitted.iterations} iterations")


if __name__ == "__main__":
    main()
