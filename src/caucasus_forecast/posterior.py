"""Density to posterior: sampling, the convergence gate, provenance.

One seed decides everything. Draws are the same for any number of cores. A fit that fails its checks
says so in words, here and everywhere its results appear.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from . import names
from .density import Density, entries
from .errors import CaseError
from .graph import CausalGraph
from .likelihood import Parameters
from .priors import SHARED_PARAMETERS, PriorSet, coordinates, frozen, layout
from .streams import stream

if TYPE_CHECKING:
    import pymc as pm

Array = np.ndarray
MAX_RHAT, MIN_ESS = 1.01, 400.0
MIN_BFMI = 0.3  # of a chain: how freely its energy moves (Betancourt 2016)
MAX_DEPTH, MAX_DEEP = 10, 0.01  # where a trajectory is cut short, and the share of those allowed
LONGER = 4  # a second run has so many times the draws
log = logging.getLogger("caucasus_forecast")


# --------------------------------------------------------------------------- priors as draws


def prior_draws(
    priors: PriorSet, graph: CausalGraph, model: str, size: int, seed: int
) -> xr.Dataset:
    """Independent draws of every parameter from its prior, on (chain, draw), one chain."""
    variables = {}
    for name, (dim, keys) in layout(graph, model).items():
        drawn = [frozen(priors[k]).rvs(size, random_state=stream(seed, "prior", k)) for k in keys]
        values = np.stack(drawn, axis=-1)[None] if dim else drawn[0][None]
        variables[name] = ((names.CHAIN, names.DRAW, *((dim,) if dim else ())), values)
    return xr.Dataset(variables, coords=coordinates(layout(graph, model)))


def log_prior(draws: xr.Dataset, priors: PriorSet, graph: CausalGraph, model: str) -> xr.Dataset:
    """Log prior density of every parameter at every draw."""
    out = {}
    for name, (dim, keys) in layout(graph, model).items():
        values = draws[name].to_numpy()
        parts = values if dim else values[..., None]
        density = [frozen(priors[k]).logpdf(parts[..., i]) for i, k in enumerate(keys)]
        stacked = np.stack(density, axis=-1) if dim else density[0]
        out[name] = (draws[name].dims, stacked)
    return xr.Dataset(out, coords=draws.coords)


def parameters(
    draws: xr.Dataset, graph: CausalGraph, model: str
) -> tuple[Parameters, dict[str, Array]]:
    """Draws as the parameters of the equations, one row a draw: slopes (D, S), the rest (D,).

    The second part holds the tension process's own parameters, by prior key.
    """

    def flat(name: str) -> Array:
        values = draws[name].to_numpy()
        return values.reshape(-1, *values.shape[2:])

    def by_name(name: str, dim: str) -> dict[str, Array]:
        if name not in draws:
            return {}
        values = flat(name)
        return {str(n): values[:, i] for i, n in enumerate(draws[dim].to_numpy())}

    count = draws.sizes[names.CHAIN] * draws.sizes[names.DRAW]
    p = Parameters(
        slope=flat("slope") if graph.slopes else np.zeros((count, 0)),
        base=by_name("base", names.NODE),
        noise=by_name("noise", names.SHARE),
        overdispersion=flat("overdispersion"),
    )
    own = {k: flat(v) for k in SHARED_PARAMETERS if (v := k.replace(".", "_")) in draws}
    own |= {k: flat(k) for k in ("history_weight",) if k in draws}
    own |= {f"drift.{k}": flat(f"drift_{k}") for k in ("path", "mean") if f"drift_{k}" in draws}
    return p, own


def columns(p: Parameters) -> Parameters:
    """Parameters shaped for the likelihood: slopes (D, S), the rest (D, 1, 1)."""
    return Parameters(
        p.slope,
        {n: x[:, None, None] for n, x in p.base.items()},
        {n: x[:, None, None] for n, x in p.noise.items()},
        p.overdispersion[:, None, None],
    )


def repeated(
    p: Parameters, own: Mapping[str, Array], paths: int
) -> tuple[Parameters, dict[str, Array]]:
    """Each draw's parameters for each of its paths."""

    def each(values: Array) -> Array:
        return np.repeat(values, paths, axis=0)

    return (
        Parameters(
            each(p.slope),
            {n: each(x) for n, x in p.base.items()},
            {n: each(x) for n, x in p.noise.items()},
            each(p.overdispersion),
        ),
        {n: each(x) for n, x in own.items()},
    )


# --------------------------------------------------------------------------- sampling


def sample(
    target: Density | pm.Model,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    progress: bool = False,
) -> xr.DataTree:
    """Draws from the posterior: groups ``posterior`` and ``sample_stats``.

    Parameters
    ----------
    target
        A compiled density, or a PyMC model, for nutpie. (`sample_pymc` is PyMC's own road.)
    seed
        Decides every draw; the number of cores does not.
    draws, tune, chains
        Kept and warm-up draws of each chain.
    cores
        Chains run at once (default: as many as there are processors).
    progress
        Whether the sampler may draw its progress bar.

    Raises
    ------
    CaseError
        For fewer than one core.
    """
    import nutpie

    if isinstance(target, Density):
        program = _program(target)
    else:
        import pytensor

        # fast-math would let draws depend on whether the compile cache is warm
        with pytensor.config.change_flags(numba__fastmath=False):
            program = nutpie.compile_pymc_model(target)
    running = nutpie.sample(
        program, draws=draws, tune=tune, chains=chains,
        cores=min(processors(cores), chains), seed=seed, progress_bar=progress,
        save_warmup=False, blocking=False,
    )  # fmt: skip
    try:
        return _plain(running.wait(), "nutpie")
    except BaseException:  # Ctrl-C ends the run: nutpie alone would hand back the draws so far
        running.cancel()
        raise


def processors(cores: int | None = None) -> int:
    """How many processors are used: as many as asked for, if they are there.

    Raises
    ------
    CaseError
        For fewer than one.

    Examples
    --------
    >>> processors(1)
    1
    """
    there = os.cpu_count() or 1
    if cores is not None and cores < 1:
        raise CaseError(f"cores is {cores}; give at least 1, or leave it out for all {there}")
    if cores is not None and cores > there:
        log.warning(f"cores is {cores}, and this machine has {there}: {there} are used")
    return there if cores is None else min(cores, there)


def without_nutpie() -> str:
    """Why nutpie cannot be used here, in words; empty where it can."""
    try:
        from nutpie.compile_pymc import CompiledPyMCModel

        signature(CompiledPyMCModel).bind(**dict.fromkeys(_PROGRAM))
    except ModuleNotFoundError:
        return "nutpie is not installed"
    except Exception as why:  # whatever another version of it raises
        return f"this version of nutpie cannot be used ({str(why)[:200]})"
    return ""


def checked(
    run: Callable[[int], xr.DataTree], draws: int, graph: CausalGraph, model: str
) -> xr.DataTree:
    """Draws of a run, or of one four times as long if the checks of the first fail.

    Chains that mix slowly are the commonest fault, and more draws its cure. Of the longer run every
    fourth draw is kept: as many draws, further apart, and the checks are made of those. A
    divergence anywhere counts. ``sample_stats`` says so in its attribute ``thinned``. A run too
    short to pass (fewer than four times the effective draws asked for) is not made again.

    Parameters
    ----------
    run
        Makes a run of so many draws a chain, as `sample` does.
    draws
        Draws of each chain to keep.
    graph, model
        Whose parameters are checked.
    """
    tree = run(draws)
    if tree[names.POSTERIOR].sizes[names.CHAIN] * draws < 4 * MIN_ESS:
        return tree
    if diagnose(tree, graph, model).attrs["passed"]:
        return tree
    log.info(f"the checks failed; sampling once more, {LONGER} times as long")
    return _thinned(run(LONGER * draws))


def _thinned(tree: xr.DataTree) -> xr.DataTree:
    """Every `LONGER`-th draw."""
    draws, stats_ = (
        tree[group].to_dataset().isel({names.DRAW: slice(LONGER - 1, None, LONGER)})
        for group in (names.POSTERIOR, names.SAMPLE_STATS)
    )
    every = tree[names.SAMPLE_STATS]["diverging"]
    blocks = every.to_numpy().reshape(every.shape[0], -1, LONGER)
    stats_["diverging"] = ((names.CHAIN, names.DRAW), blocks.any(-1))
    stats_.attrs["thinned"] = LONGER
    along = {names.DRAW: np.arange(draws.sizes[names.DRAW])}
    groups = {names.POSTERIOR: draws, names.SAMPLE_STATS: stats_}
    return xr.DataTree.from_dict({k: v.assign_coords(along) for k, v in groups.items()})


def sample_pymc(
    model: pm.Model, *, seed: int, draws: int = 1000, tune: int = 1000, chains: int = 4,
    progress: bool = False,
) -> xr.DataTree:  # fmt: skip
    """`sample` with PyMC's own NUTS, on the model's own graph."""
    import pymc as pm
    import pytensor

    with model, pytensor.config.change_flags(numba__fastmath=False):
        tree = pm.sample(
            draws=draws, tune=max(tune, 1000), chains=chains, cores=1, random_seed=seed,
            nuts_sampler="pymc", progressbar=progress, compute_convergence_checks=False,
        )  # fmt: skip
    if tree["posterior"].sizes[names.DRAW] < draws:  # PyMC keeps Ctrl-C to itself
        raise KeyboardInterrupt
    return _plain(tree, "pymc")


# what `_program` gives nutpie, whose other versions may want something else
_PROGRAM = (
    "_n_dim", "n_expanded", "_shapes", "shape_info", "dims", "_coords", "compiled_logp_func",
    "compiled_expand_func", "initial_point_func", "user_data", "shared_data", "shared_var_keys",
    "logp_func", "expand_func", "reparameterized_names",
)  # fmt: skip


def _program(density: Density) -> Any:
    """A density as nutpie's model. Every chain starts within one prior sd of the prior's middle."""
    import pandas as pd
    from nutpie.compile_pymc import CompiledPyMCModel

    log_density, parameters_ = entries()
    shapes = {n: (len(keys),) if dim else () for n, (dim, keys) in density.layout.items()}
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    labels = coordinates(density.layout) | {"unconstrained_parameter": range(density.size)}
    slices = [
        slice(end - int(np.prod(s)), end) for end, s in zip(ends, shapes.values(), strict=True)
    ]
    return CompiledPyMCModel(
        _n_dim=density.size,
        n_expanded=density.size,
        _shapes=shapes,
        shape_info=(list(shapes), slices, list(shapes.values())),
        dims={n: (dim,) for n, (dim, _) in density.layout.items() if dim},
        _coords={dim: pd.Index(along) for dim, along in labels.items()},
        compiled_logp_func=log_density,
        compiled_expand_func=parameters_,
        initial_point_func=lambda seed: np.random.default_rng(seed).uniform(-1, 1, density.size),
        user_data=density.data(),
        shared_data={},
        shared_var_keys={},
        logp_func=None,
        expand_func=None,
        reparameterized_names=[],
    )


def _plain(tree: Any, sampler: str) -> xr.DataTree:
    posterior = tree["posterior"].to_dataset()
    kept = ("diverging", "n_steps", "tree_depth", "depth", "step_size", "energy")
    found = tree["sample_stats"].to_dataset()
    stats_ = found[[k for k in kept if k in found]]
    for part in (posterior, stats_):
        part.attrs = {}
    stats_.attrs["sampler"] = sampler
    return xr.DataTree.from_dict({names.POSTERIOR: posterior, names.SAMPLE_STATS: stats_})


# --------------------------------------------------------------------------- the gate


def diagnose(tree: xr.DataTree, graph: CausalGraph, model: str) -> xr.Dataset:
    """R-hat and effective sample sizes of every parameter, and the verdict.

    Attributes of the result: ``passed`` (1 or 0), ``verdict`` in words, ``remedy``,
    ``divergences``, ``max_rhat``, ``min_ess_bulk``, ``min_ess_tail``, ``min_bfmi``, ``deep``.
    """
    posterior = tree[names.POSTERIOR]
    labels, columns_ = [], []
    for name, (dim, keys) in layout(graph, model).items():
        values = posterior[name].to_numpy()
        columns_.append(values if dim else values[..., None])
        labels += list(keys)
    if "tension_path" in posterior:
        columns_.append(posterior["tension_path"].to_numpy())
        labels += [f"tension_path[{i}]" for i in range(columns_[-1].shape[-1])]
    values = np.concatenate(columns_, axis=-1)
    axes = {"chain_axis": 0, "draw_axis": 1}
    frozen_ = np.ptp(values, axis=(0, 1)) == 0  # a parameter that never moved has no R-hat
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat = np.where(frozen_, np.inf, array_stats.rhat(values, **axes))
        bulk = array_stats.ess(values, method="bulk", **axes)
        tail = array_stats.ess(values, method="tail", prob=(0.05, 0.95), **axes)
    stats_ = tree[names.SAMPLE_STATS].to_dataset()
    divergences = int(stats_["diverging"].sum())
    walk = {"min_bfmi": _bfmi(stats_), "deep": _deep(stats_)}
    result = xr.Dataset(
        {
            "rhat": ("parameter", rhat),
            "ess_bulk": ("parameter", bulk),
            "ess_tail": ("parameter", tail),
        },
        coords={"parameter": labels},
    )
    result.attrs = _verdict(rhat, bulk, tail, divergences, labels, **walk) | walk
    return result


def _bfmi(stats_: xr.Dataset) -> float:
    """The least over chains of E (Δ energy)² / Var energy; 1 where no energy was kept."""
    if "energy" not in stats_ or stats_.sizes[names.DRAW] < 2:
        return 1.0
    energy = stats_["energy"].to_numpy()
    spread = energy.var(axis=1)
    moves = (np.diff(energy, axis=1) ** 2).mean(axis=1)
    return float(np.divide(moves, spread, out=np.zeros_like(moves), where=spread > 0).min())


def _deep(stats_: xr.Dataset) -> float:
    """Share of the trajectories that were cut short."""
    depth = next((stats_[k] for k in ("depth", "tree_depth") if k in stats_), None)
    return 0.0 if depth is None else float((depth >= MAX_DEPTH).mean())


def _verdict(
    rhat: Array, bulk: Array, tail: Array, divergences: int, labels: list[str],
    min_bfmi: float, deep: float,
) -> dict[str, Any]:  # fmt: skip
    rhat = np.where(np.isfinite(rhat), rhat, np.inf)
    faults, remedies = [], []
    if rhat.max() > MAX_RHAT:
        faults.append(
            f"the chains disagree (R-hat {rhat.max():.3f} for {labels[int(rhat.argmax())]}, "
            f"allowed {MAX_RHAT})"
        )
        remedies.append("run more draws, or look at that parameter's prior")
    for kind, ess in (("bulk", bulk), ("tail", tail)):
        ess = np.where(np.isfinite(ess), ess, 0.0)
        if ess.min() < MIN_ESS:
            faults.append(
                f"too few effective draws ({kind} {ess.min():.0f} for {labels[int(ess.argmin())]}, "
                f"needed {MIN_ESS:.0f})"
            )
            remedies.append("run more draws (--draws)")
    if divergences:
        faults.append(
            f"{divergences} divergent transitions: parts of the posterior were not reached"
        )
        remedies.append("tighten the widest scale priors, or change the model")
    if min_bfmi < MIN_BFMI:
        faults.append(f"a chain hardly changes its energy (BFMI {min_bfmi:.2f}, least {MIN_BFMI})")
        remedies.append("tighten the widest scale priors, or change the model")
    if deep > MAX_DEEP:
        faults.append(
            f"{deep:.0%} of the trajectories were cut short at depth {MAX_DEPTH} (at most "
            f"{MAX_DEEP:.0%})"
        )
        remedies.append("tighten the priors of parameters that hardly anything informs")
    return {
        "passed": int(not faults),
        "verdict": "checks failed: " + "; ".join(faults) if faults else "all checks passed",
        "remedy": "; ".join(dict.fromkeys(remedies)),
        "divergences": divergences,
        "max_rhat": float(rhat.max()),
        "min_ess_bulk": float(np.nanmin(bulk)),
        "min_ess_tail": float(np.nanmin(tail)),
    }


# --------------------------------------------------------------------------- provenance


@cache
def versions() -> str:
    """Versions of what made the draws, and the kind of processor, as JSON."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from llvmlite import binding  # type: ignore[import-untyped]

    def of(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    packages = (
        "caucasus-forecast",
        "pymc",
        "pytensor",
        "nutpie",
        "arviz",
        "numba",
        "llvmlite",
        "numpy",
        "scipy",
        "xarray",
    )
    machine = {
        "python": platform.python_version(),
        "system": platform.uname()[0],
        "processor": f"{platform.machine()} {binding.get_host_cpu_name()}",
    }
    return json.dumps({name: of(name) for name in packages} | machine)
