"""Learn the reference class of the ladder: how political violence rises, lasts and ebbs elsewhere.

A country's month stands on one of ``LEVELS`` ordered levels, which nobody observes; the deaths of
the month are drawn from its level. All countries share one ladder. For month ``t`` of a country,
with level ``s[t]`` and deaths ``y[t]``::

    P(s[0] = k)                = initial[k]
    P(s[t] = j | s[t - 1] = i) = transition[i, j]
    y[t] | s[t] = k            ~ NegBinomial(mean[k], size[k])
    Var(y[t] | s[t] = k)       = mean[k] + mean[k]**2 / size[k]

The fit is expectation-maximisation. The E-step (forward-backward, exact) gives, summed over
countries, the expected number of starts on a level, ``first[k]``, of moves, ``moves[i, j]``, and of
months with ``values[u]`` deaths, ``visits[u, k]``. The M-step is::

    initial[k]       ∝ first[k] + 1 / LEVELS
    transition[i, j] ∝ moves[i, j] + pseudo[i, j],   pseudo[i, j] ∝ DECAY**|i - j|,  Σ_j pseudo = 1
    mean[k]          = Σ_u visits[u, k] values[u] / Σ_u visits[u, k],  at least MEAN_FLOOR
    size[k]          = argmax_r Σ_u visits[u, k] log NegBinomial(values[u]; mean[k], r)

The mean is the maximum-likelihood one whatever the size, so each size is a search in one dimension,
inside ``SIZE_BOUNDS``.

``pseudo`` is a Dirichlet prior worth one month a row. A row has seen dozens to thousands of
months, so the prior decides only the moves that nobody has made: none is impossible, and a move one
step longer is ``DECAY`` times as likely. Without it a zero would stay zero under any evidence.
``initial`` gets one country's worth, spread evenly.

EM climbs the log posterior, ``log_likelihood + Σ pseudo log transition + Σ log(initial) / LEVELS``,
and stops when an iteration raises it by less than ``TOLERANCE`` of itself, or after
``MAX_ITERATIONS``. Levels are then put in the order of their means, so level 0 is the quietest.
The order is one of means only. Sizes are free, so beside steady levels there are bursty ones, of a
similar mean but with many months at zero, and two levels at ``MEAN_FLOOR`` may differ only in where
they lead. One month, Rwanda in April 1994, weighs on the mean of the top level.

A vintage is a fit to the months up to the end of a year, for forecasts made afterwards. It leaves
out later months, not later revisions of earlier ones. The first vintage of a run keeps the best of
one start on a regular grid and ``PERTURBED_STARTS`` starts around it; each later one starts from
the vintage before it, so the vintages asked for are part of the result. The dyad that the library
forecasts is held out of its own reference class.

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

LEVELS = 14
HELD_OUT = ("Armenia", "Azerbaijan")
VINTAGES = tuple(range(2009, 2022))

DECAY = 0.5
MEAN_FLOOR = 0.003
MEAN_GRID = (0.02, 6000.0)
SIZE_BOUNDS = (0.05, 200.0)
START_SIZE = 2.0
START_STAY = 0.8

PERTURBED_STARTS = 3
PERTURBATION = 0.3
SEED = 20210101

TOLERANCE = 1e-6
MAX_ITERATIONS = 300
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
    log_posterior: float
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


def log_prior(ladder: Ladder) -> float:
    """The Dirichlet terms of the log posterior, up to a constant."""
    rows = np.sum(pseudo_counts() * np.log(ladder.transition))
    return float(rows + np.mean(np.log(ladder.initial)))


def pseudo_counts() -> Floats:
    """``pseudo[i, j]``: one month a row, halved with each step away from the diagonal."""
    level = np.arange(LEVELS)
    weight = DECAY ** np.abs(level[:, None] - level)
    return normalised(weight)


def normalised(weight: Floats) -> Floats:
    """``weight`` with its last axis summing to one."""
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


@njit()
def forward_backward(
    code: Integers, density: Floats, initial: Floats, transition: Floats
) -> tuple[Floats, Floats, Floats, float]:
    """Expected ``first``, ``moves`` and ``visits``, and the log likelihood, over all countries.

    ``code[t, n]`` is the row of ``density`` that holds the month's deaths. The filtered
    probabilities ``alpha[t]`` sum to one; ``scale[t]`` is the density of the month given the past;
    ``weight`` carries the future back, so that ``alpha[t] * transition @ weight`` is the smoothed
    probability of a level at ``t``.
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
            visits[code[t, n]] += alpha[t] * beta
            weight = density[code[t, n]] * beta / scale[t]
            pairs += np.outer(alpha[t - 1], weight)
            beta = transition @ weight
        visits[code[0, n]] += alpha[0] * beta
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
    first, moves, visits, relative = forward_backward(
        code, density, ladder.initial, ladder.transition
    )
    return Expected(first, moves, visits, float(relative + best[code].sum()))


def maximise(expected: Expected, values: Integers) -> Ladder:
    """M-step."""
    mean = np.maximum(values @ expected.visits / expected.visits.sum(axis=0), MEAN_FLOOR)
    size = [best_size(values, *level) for level in zip(expected.visits.T, mean, strict=True)]
    return Ladder(
        mean=mean,
        size=np.array(size),
        transition=normalised(expected.moves + pseudo_counts()),
        initial=normalised(expected.first + 1 / LEVELS),
    )


def best_size(values: Integers, weight: Floats, mean: float) -> float:
    """Weighted maximum-likelihood size, searched on the log scale inside ``SIZE_BOUNDS``."""

    def loss(log_size: float) -> float:
        return -float(weight @ log_pmf(values, mean, np.exp(log_size)))

    bounds = tuple(np.log(SIZE_BOUNDS))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit(start: Ladder, deaths: Integers) -> Fit:
    """Climb from ``start`` to the nearest mode of the log posterior."""
    values, code = coded(deaths)
    ladder, expected = start, expect(start, values, code)
    reached = expected.log_likelihood + log_prior(ladder)
    gain, iterations = np.inf, 0
    while gain > TOLERANCE * abs(reached) and iterations < MAX_ITERATIONS:
        ladder = maximise(expected, values)
        expected = expect(ladder, values, code)
        previous, reached = reached, expected.log_likelihood + log_prior(ladder)
        gain, iterations = reached - previous, iterations + 1
    return Fit(ladder.ordered(), reached, iterations)


def grid_start() -> Ladder:
    """Means evenly spaced in logs; a month stays with ``START_STAY``, else moves as ``pseudo``."""
    stay = START_STAY * np.eye(LEVELS)
    return Ladder(
        mean=np.geomspace(*MEAN_GRID, LEVELS),
        size=np.full(LEVELS, START_SIZE),
        transition=stay + (1 - START_STAY) * pseudo_counts(),
        initial=np.full(LEVELS, 1 / LEVELS),
    )


def perturbed(ladder: Ladder, rng: np.random.Generator) -> Ladder:
    """``ladder`` with every positive number multiplied by log-normal noise."""

    def shaken(numbers: Floats) -> Floats:
        return numbers * rng.lognormal(0.0, PERTURBATION, numbers.shape)

    return Ladder(
        np.sort(shaken(ladder.mean)),
        shaken(ladder.size),
        normalised(shaken(ladder.transition)),
        normalised(shaken(ladder.initial)),
    )


def first_fit(deaths: Integers) -> Fit:
    """The best of the grid start and the starts around it."""
    rng = np.random.default_rng(SEED)
    grid = grid_start()
    starts = [grid, *(perturbed(grid, rng) for _ in range(PERTURBED_STARTS))]
    return max((fit(start, deaths) for start in starts), key=lambda one: one.log_posterior)


def fits(panel: Panel, years: Sequence[int]) -> Iterator[tuple[int, Panel, Fit]]:
    """One fit for each vintage, in order of time, each from the one before it."""
    latest: Fit | None = None
    for year in sorted(years):
        seen = panel.through(year)
        latest = fit(latest.ladder, seen.deaths) if latest else first_fit(seen.deaths)
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
        print(f"{path}: log posterior {fitted.log_posterior:.1f}, {fitted.iterations} iterations")


if __name__ == "__main__":
    main()
