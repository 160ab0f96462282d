"""Learn the reference class of the ladder: how political violence rises, lasts and ebbs elsewhere.

A country's month is in one of ``C`` classes and stands on one of ``LEVELS`` ordered levels; nobody
observes either. The deaths of the month are drawn from its level, whatever the class; how the level
moves depends on the class, which a country may leave. All countries share one ladder. For month
``t`` of a country, with state ``s[t]`` (state ``c LEVELS + k`` is level ``k`` in class ``c``) and
deaths ``y[t]``::

    P(s[0] = a)                = initial[a]
    P(s[t] = b | s[t - 1] = a) = transition[a, b]
    y[t] | level k             ~ NegBinomial(mean[k], size[k])
    Var(y[t] | level k)        = mean[k] + mean[k]**2 / size[k]

Two ladders make a vintage, with the numbers of classes in ``CLASSES``. The first, of one class,
carries the causal model; forecasts of counts are the mean of both.

The fit is expectation-maximisation. The E-step (forward-backward, exact) gives, summed over
countries with weight ``0.5**(age in months / HALF_LIFE)``, the expected number of starts in a
state, ``first[a]``, of moves, ``moves[a, b]``, and of months with ``values[u]`` deaths on a level,
``visits[u, k]``. The M-step is::

    initial[a]       ∝ first[a] + 1 / states
    transition[a, b] ∝ moves[a, b] + near[a, b] + SMOOTH · shifted[a, b]
    mean[k]          = Σ_u visits[u, k] values[u] / Σ_u visits[u, k],  at least MEAN_FLOOR
    size[k]          = argmax_r Σ_u visits[u, k] log NegBinomial(values[u]; mean[k], r)

The mean is the maximum-likelihood one whatever the size, so each size is a search in one dimension,
inside ``SIZE_BOUNDS``.

``near`` is worth one month a row and halves with each step of distance, so no move is impossible; a
share ``CROSS`` of it goes to the other classes. ``shifted`` is the mean of the current rows of the
two neighbouring levels of the class, each moved one step along the diagonal, and worth ``SMOOTH``
months: levels that are rarely visited learn from their neighbours. ``initial`` gets one country's
worth, spread evenly. Levels are put in the order of their means. Sizes are free, so beside steady
levels there are bursty ones, of a similar mean but with many months at zero.

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
CLASSES = (1, 3)
HELD_OUT = ("Armenia", "Azerbaijan")
VINTAGES = tuple(range(2009, 2022))

HALF_LIFE = 240.0
DECAY = 0.5
SMOOTH = 20.0
MEAN_FLOOR = 0.003
MEAN_GRID = (0.02, 6000.0)
SIZE_BOUNDS = (0.05, 200.0)
START_SIZE = 2.0
START_STAY = {1: (0.8,), 3: (0.5, 0.725, 0.95)}  # of each class's months, stay on their level
SWITCH, CROSS = 0.01, 0.1

OWN = {
    "move_prior": 1.0,
    "bin_prior": 15.0,
    "fade": 0.975,
    "temper": 0.85,
    "robust": 1e-3,
    "bins": [0, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
    "recent": 0.1,
    "recent_fade": 0.85,
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
    """The parameters, over ``K`` levels and ``S`` states: (K,), (K,), (S, S) and (S,)."""

    mean: Floats
    size: Floats
    transition: Floats
    initial: Floats

    def ordered(self) -> Ladder:
        """The same ladder, quietest level first."""
        by = np.argsort(self.mean, kind="stable")
        to = (np.arange(self.classes)[:, None] * LEVELS + by).ravel()
        return Ladder(
            self.mean[by], self.size[by], self.transition[np.ix_(to, to)], self.initial[to]
        )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.initial) // LEVELS

    @property
    def level(self) -> Integers:
        """Level of each state, (S,)."""
        return np.arange(len(self.initial)) % LEVELS


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
    """``near[i, j]`` of one class: one month a row, halved with each step from the diagonal."""
    level = np.arange(LEVELS)
    weight = DECAY ** np.abs(level[:, None] - level)
    return normalised(weight)


def joined(inside: Sequence[Floats], across: Floats, leave: float) -> Floats:
    """Rows of several classes: ``inside[c]`` in class ``c``; a share ``leave`` to the others."""
    classes = len(inside)
    if classes == 1:
        return inside[0]
    away = leave / (classes - 1) * across
    return np.block(
        [
            [(1 - leave) * inside[a] if a == b else away for b in range(classes)]
            for a in range(classes)
        ]
    )


def shifted(transition: Floats) -> Floats:
    """Mean of the rows one level above and below, each moved one step along the diagonal.

    A move that would leave the ladder stops at its end; at the ends the missing row is the own one.
    """
    classes = len(transition) // LEVELS
    moves = transition.reshape(classes, LEVELS, classes, LEVELS)
    total = np.zeros_like(moves)
    row = np.arange(LEVELS)
    for step in (-1, 1):
        inside = (row + step >= 0) & (row + step < LEVELS)
        reached = np.clip(row + step, 0, LEVELS - 1)
        total[:, row[inside]] += moves[:, row[inside] + step][..., reached] / 2
        total[:, row[~inside]] += moves[:, row[~inside]] / 2
    return normalised(total.reshape(transition.shape))


def pseudo_counts(transition: Floats) -> Floats:
    """Months that a row is given before any is seen."""
    close = [near()] * (len(transition) // LEVELS)
    return joined(close, near(), CROSS) + SMOOTH * shifted(transition)


def normalised(weight: Floats) -> Floats:
    """``weight`` with its last axis summing to one."""
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


@njit()
def forward_backward(
    code: Integers, density: Floats, level: Integers, initial: Floats, transition: Floats,
    weight: Floats,
) -> tuple[Floats, Floats, Floats, float]:  # fmt: skip
    """Expected ``first``, ``moves`` and ``visits``, and the log likelihood, over all countries.

    ``code[t, n]`` is the row of ``density`` (one column a state) that holds the month's deaths,
    ``level`` the level of each state. The filtered
    probabilities ``alpha[t]`` sum to one; ``scale[t]`` is the density of the month given the past;
    ``news`` carries the future back, so that ``alpha[t] * transition @ news`` is the smoothed
    probability of a level at ``t``. ``weight[t]`` is how much the month counts.
    """
    months, units = code.shape
    states = initial.size
    first = np.zeros(states)
    pairs = np.zeros((states, states))
    visits = np.zeros((density.shape[0], level.max() + 1))
    log_likelihood = 0.0
    alpha = np.empty((months, states))
    scale = np.empty(months)
    for n in range(units):
        ahead = initial
        for t in range(months):
            joint = ahead * density[code[t, n]]
            scale[t] = joint.sum()
            alpha[t] = joint / scale[t]
            ahead = alpha[t] @ transition
        log_likelihood += np.log(scale).sum()

        beta = np.ones(states)
        for t in range(months - 1, -1, -1):
            seen = weight[t] * alpha[t] * beta
            for a in range(states):
                visits[code[t, n], level[a]] += seen[a]
            if t == 0:
                break
            news = density[code[t, n]] * beta / scale[t]
            pairs += weight[t] * np.outer(alpha[t - 1], news)
            beta = transition @ news
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
    density = np.exp(log_density - best[:, None])[:, ladder.level]
    weight = 0.5 ** (np.arange(len(code))[::-1] / HALF_LIFE)
    first, moves, visits, relative = forward_backward(
        code, density, ladder.level, ladder.initial, ladder.transition, weight
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
        initial=normalised(expected.first + 1 / len(ladder.initial)),
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


def grid_start(classes: int) -> Ladder:
    """Means evenly spaced in logs; a month stays with its class's share, else moves as ``near``.

    One move in a hundred changes the class, and then as often stays on the level as not.
    """
    keep, close = np.eye(LEVELS), near()
    inside = [stay * keep + (1 - stay) * close for stay in START_STAY[classes]]
    states = classes * LEVELS
    return Ladder(
        mean=np.geomspace(*MEAN_GRID, LEVELS),
        size=np.full(LEVELS, START_SIZE),
        transition=joined(inside, (keep + close) / 2, SWITCH),
        initial=np.full(states, 1 / states),
    )


def fits(panel: Panel, years: Sequence[int]) -> Iterator[tuple[int, Panel, tuple[Fit, ...]]]:
    """The fits of each vintage, in order of time, each from the one before it."""
    latest: tuple[Fit, ...] = ()
    for year in sorted(years):
        seen = panel.through(year)
        begun = [f.ladder for f in latest] or [grid_start(c) for c in CLASSES]
        most = NEXT_ITERATIONS if latest else FIRST_ITERATIONS
        latest = tuple(fit(ladder, seen.deaths, most) for ladder in begun)
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


def as_json(year: int, panel: Panel, fitted: Sequence[Fit], sha256: str) -> str:
    """The file of a vintage: one line for each vector and each row of a matrix."""
    provenance = {
        "panel": "UCDP GED best estimate, all types, monthly, by country of the event",
        "panel_sha256": sha256,
        "months": [panel.months[0], panel.months[-1]],
        "units": len(panel.units),
        "held_out": list(HELD_OUT),
        "log_likelihood": [
            round(log_likelihood(published(f.ladder), panel.deaths), 3) for f in fitted
        ],
        "iterations": [f.iterations for f in fitted],
        "command": "python benchmarks/reference_class.py PANEL",
        "source": (
            "UCDP GED, CC BY 4.0; Sundberg & Melander 2013; "
            "Davies, Pettersson, Sollenberg & Öberg 2025"
        ),
    }
    notes = ",\n    ".join(f"{json.dumps(key)}: {text(value)}" for key, value in provenance.items())
    ladders = ",\n    ".join(member(published(f.ladder)) for f in fitted)
    entries = (
        f'"vintage": "{year}-12-31"',
        f'"levels": {LEVELS}',
        f'"ladders": [\n    {ladders}\n  ]',
        f'"own": {text(OWN)}',
        f'"provenance": {{\n    {notes}\n  }}',
    )
    return "{\n  " + ",\n  ".join(entries) + "\n}\n"


def member(ladder: Ladder) -> str:
    """One ladder of a vintage."""
    rows = ",\n      ".join(json.dumps(row) for row in ladder.transition.tolist())
    entries = (
        f'"classes": {ladder.classes}',
        f'"mean": {text(ladder.mean.tolist())}',
        f'"size": {text(ladder.size.tolist())}',
        f'"transition": [\n      {rows}\n    ]',
        f'"initial": {text(ladder.initial.tolist())}',
    )
    return "{" + ",\n    ".join(entries) + "}"


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
        reached = ", ".join(f"{f.log_likelihood:.1f} ({f.iterations} iterations)" for f in fitted)
        print(f"{path}: log likelihood {reached}")


if __name__ == "__main__":
    main()
