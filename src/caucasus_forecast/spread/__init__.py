"""Why it is wide: how much of the spread of a question comes from which kind of not knowing.

Y is 1 on the futures on which an event happens and 0 on the others, or a number. With θ the
parameters and k what tension starts from, which nobody sees, the law of total variance says

    Var Y = Var_θ E[Y | θ]  +  E_θ Var_k( E[Y | θ, k] | θ )  +  E Var(Y | θ, k)
            parameters         unseen tension                   chance

whatever the model. From D draws of θ, K starts of each and R paths of each start, with e_d the
variance of Y over the paths of a start (mean over the starts), v_d that of the K means, and m_d the
mean of the draw, the unbiased estimates are those of the nested analysis of variance,

    chance = mean e_d,   unseen = mean (v_d − e_d / R),   parameters = Var m_d − mean v_d / K,

which can come out below zero where there is next to nothing. What one draw adds to each gives the
Monte Carlo error. Beyond one prior set and one model, and for the sets and models asked for only,

    Var_sets E[Y]     prior choice          Var_models E[Y]     model choice

each with equal weights, the forecast in hand among them and the variance that comes of the finite
number of futures taken away, are added on top; the first three parts are those of the forecast in
hand. A part that was not computed is not zero.

What a part alone would make of the answer is told by the 5 % and 95 % points of its means, drawn
together so that their variance is the estimate (Louis 1984); for sets and models, by the lowest and
the highest.

Counts have tails so heavy that their variance says nothing. A count is split as log(1 + count), and
its range is written as a count.

References
----------
Saltelli et al. (2008), *Global Sensitivity Analysis*, section 1.2. Searle, Casella & McCulloch
(1992), *Variance Components*, chapter 3. Louis (1984), JASA 79:393.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import xarray as xr

from .. import assumptions, names
from ..errors import CaseError, PriorError, as_list
from ..models import get
from ..questions import World
from ..scenarios import Table, interval, percent
from ..study import Study
from .nesting import nested, world_of
from .others import Other, means, other, under_models, under_sets
from .parts import Split, among, errors, split
from .reading import Asked, asked

PARAMETERS, TENSION, CHANCE = "parameters", "unseen tension", "chance"
PRIORS, MODELS = "prior choice", "model choice"
PARTS: Final = (PARAMETERS, TENSION, CHANCE, PRIORS, MODELS)
PART: Final = "part"

__all__ = ["PARTS", "Split", "among", "asked", "nested", "split", "spread"]


def spread(
    tree: xr.DataTree,
    study: Study,
    questions: Sequence[str] = (),
    *,
    sets: Sequence[Any] = (),
    models: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Table:
    """How much of the spread of questions comes from which kind of not knowing.

    Parameters
    ----------
    tree, study
        A forecast.
    questions
        Events or numbers, in the question language (default: each scenario).
    sets
        Prior sets to take into account, beside the forecast's own.
    models
        Models to take into account, beside the forecast's own.
    progress
        Called with a line at the start of each set and model.

    Returns
    -------
    A row for each question and part: share of the variance, its Monte Carlo error, and the range of
    the answer from this part alone. The data are on (``question``, ``part``): ``variance``,
    ``share`` and their errors, ``lower``, ``upper``, and which set or model gives them
    (``lowest``, ``highest``); NaN where a part was not computed.

    Raises
    ------
    QuestionError
        For a question that does not parse, has a condition, or has no finite number.
    PriorError, CaseError
        For a set or a model that cannot be used.
    """
    here = world_of(tree[names.PREDICTIONS].to_dataset(), study)
    texts = questions or [s.id for s in study.partition.scenarios]
    wanted = [asked(text, here) for text in texts]
    sets, models = as_list(sets, "sets", PriorError), as_list(models, "models", CaseError)
    for given in sets:
        assumptions.resolve(tree, given)  # refused now, not after a fit
    for name in models:
        get(name)
    hand = other("", tree, study, "")
    now = [means(q, [hand]) for q in wanted]  # a question without a number is refused here
    world, sizes = nested(tree, study)
    by_set = under_sets(tree, study, sets, progress) if sets else []
    by_model = under_models(tree, study, models, progress) if models else []
    along = xr.DataArray([q.restated for q in wanted], dims=names.QUESTION, name=names.QUESTION)
    data = xr.concat([_parts(q, world, sizes, by_set, by_model) for q in wanted], along)
    data["mean"] = names.QUESTION, [mean.item() for mean, _ in now]
    data["mean_mcse"] = names.QUESTION, [noise.item() ** 0.5 for _, noise in now]
    data["kind"] = (names.QUESTION, [q.kind for q in wanted])
    paths = f"{sizes[1]} starts of each, {sizes[2]} paths of each start"
    notes = [
        f"{sizes[0]} draws, {paths if sizes[1] > 1 else f'{sizes[2]} paths of each'}",
        "from it alone: in 90 % of cases; of sets and models, the lowest and the highest",
    ]
    if any(q.kind == "count" for q in wanted):
        notes.append("counts are split as log(1 + count); their mean is that of the logarithm")
    if sizes[1] == 1:
        notes.append(
            f"{TENSION}: not apart; in this model a draw holds all that its paths start from"
        )
    notes += [] if sets else [f"{PRIORS}: not computed; give prior sets"]
    notes += [] if models else [f"{MODELS}: not computed; give models"]
    notes += [f"{one.name}: {one.how}" for one in (*by_set, *by_model[1:])]
    title = "Why it is wide: the variance of the answer, by what is not known"
    header = ("", "part", "share of variance", "answer from it alone")
    rows = [row for i, q in enumerate(wanted) for row in _rows(data.isel({names.QUESTION: i}), q)]
    return Table(title, header, tuple(rows), data, tuple(notes))


def _parts(
    q: Asked, world: World, sizes: tuple[int, int, int], sets: Sequence[Other],
    models: Sequence[Other],
) -> xr.Dataset:  # fmt: skip
    """The parts of one question, on ``part``; NaN where there is nothing to say."""
    found = split(q.values(world).reshape(sizes))
    variance, mcse, lower, upper = (np.full(len(PARTS), np.nan) for _ in range(4))
    variance[:3], mcse[:3], lower[:3], upper[:3] = (
        found.variance, found.mcse, found.lower, found.upper
    )  # fmt: skip
    ends = np.full((2, len(PARTS)), "", dtype=object)
    for i, others in ((3, sets), (4, models)):
        if others:
            mean, noise = means(q, others)
            variance[i], mcse[i] = among(mean, noise)
            low, high = int(mean.argmin()), int(mean.argmax())
            lower[i], upper[i] = mean[low], mean[high]
            ends[:, i] = others[low].name, others[high].name
    whole = float(np.nansum(variance))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = variance / whole
        of_draws = (found.added - share[:3] * found.added.sum(-1, keepdims=True)) / whole
        share_mcse = np.append(errors(np.nan_to_num(of_draws)), mcse[3:] / whole)
    lower, upper = q.shown(lower), q.shown(upper)
    if q.kind == "event":
        lower[2] = upper[2] = np.nan
    if sizes[1] == 1:
        for x in (variance, mcse, share, share_mcse, lower, upper):
            x[1] = np.nan
    columns = {"variance": variance, "variance_mcse": mcse, "share": share,
               "share_mcse": share_mcse, "lower": lower, "upper": upper,
               "lowest": ends[0].astype(str), "highest": ends[1].astype(str)}  # fmt: skip
    return xr.Dataset({k: (PART, v) for k, v in columns.items()}, coords={PART: list(PARTS)})


def _rows(data: xr.Dataset, q: Asked) -> list[tuple[str, ...]]:
    """A row for each part that was computed; the question and its answer lead the first."""
    mean, mcse = float(data["mean"]), float(data["mean_mcse"])
    told = percent(mean, mcse) if q.kind == "event" else _g(float(q.shown(np.array(mean))))
    rows: list[tuple[str, ...]] = []
    for i, part in enumerate(PARTS):
        v = data.isel({PART: i})
        if not np.isnan(v["variance"]):
            share = _share(float(v["share"]), float(v["share_mcse"]))
            rows.append(("" if rows else f"{q.restated}: {told}", part, share, _range(v, q)))
    return rows


def _share(share: float, error: float) -> str:
    """A share of the variance beside its Monte Carlo error.

    Examples
    --------
    >>> _share(0.123, 0.011), _share(-0.002, 0.004), _share(1.002, 0.001)
    ('12 ± 1 %', 'about 0 (± 0.4 %)', 'about 100 (± 0.1 %)')
    """
    if np.isnan(share):
        return "no variance"
    digits = int(error < 0.005)
    noise = f"{100 * error:.{digits}f}"
    if error < share < 1 - error:
        return f"{100 * share:.{digits}f} ± {noise} %"
    return f"about {0 if share < 0.5 else 100} (± {noise} %)"


def _range(v: xr.Dataset, q: Asked) -> str:
    lower, upper = float(v["lower"]), float(v["upper"])
    if np.isnan(lower):
        return "yes or no"
    if not v["lowest"].item():
        return interval(lower, upper) if q.kind == "event" else f"{_g(lower)} to {_g(upper)}"
    low, high = (f"{100 * x:.0f} %" if q.kind == "event" else _g(x) for x in (lower, upper))
    return f"{low} ({v['lowest'].item()}) to {high} ({v['highest'].item()})"


def _g(value: float) -> str:
    """A number to three figures, without an exponent where it can be.

    Examples
    --------
    >>> _g(9437.2), _g(0.03561)
    ('9440', '0.0356')
    """
    return f"{float(f'{value:.3g}'):g}"
