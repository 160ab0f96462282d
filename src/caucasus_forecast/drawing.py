"""Draws of a study from whichever sampler is there, and what is done when one breaks off.

nutpie takes the model's compiled density where it has one. PyMC's own NUTS takes the PyMC model; it
is also used where nutpie is missing, or another version than this library knows. A sampler that
breaks off is run once more, one chain at a time and with code compiled anew; the draws are the same
whatever number of chains runs at once.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import numpy as np
import xarray as xr

from . import names, posterior, stopping
from .density import density, standard
from .errors import CaucasusForecastError, SamplingError
from .evidence import TableError
from .priors import PriorSet
from .priors.reach import beyond
from .study import Study
from .tension import Ladder

log = logging.getLogger("caucasus_forecast")


def draw(
    study: Study, priors: PriorSet, *, cores: int | None = None, bar: bool = False
) -> xr.DataTree:
    """Draws from the posterior of a study, with the sampler its case asks for.

    A run that fails its checks is made once more, for longer
    (`caucasus_forecast.posterior.checked`).

    Parameters
    ----------
    study, priors
        What is sampled.
    cores
        Chains run at once (default: as many as there are processors). PyMC runs one.
    bar
        Whether the sampler may draw its progress bar.

    Raises
    ------
    SamplingError
        If the sampler breaks off twice.
    EvidenceError
        For a count that no rate the priors hold possible comes near.
    CaseError
        For fewer than one core.
    """
    _refuse_beyond(study, priors)
    plain = _plain(study.case.sampler)
    return twice(
        lambda cores: _attempt(study, priors, plain, cores, bar),
        priors,
        posterior.processors(cores),
        f", or try the other sampler (--sampler {'nutpie' if plain else 'pymc'})",
    )


def _refuse_beyond(study: Study, priors: PriorSet) -> None:
    panel = study.panel
    series, node, count = (panel[k].to_numpy() for k in ("series", "node", "count"))
    days = panel["days"].sum(names.MONTH).to_numpy()
    start = panel["start"].to_numpy().astype("datetime64[D]")
    for i in np.flatnonzero(count >= 1.0):
        if study.graph.node[str(node[i])].kind == "count":
            where, months = f"{series[i]} from {start[i]}", days[i] / names.DAYS_PER_MONTH
            if problem := beyond(where, str(node[i]), float(count[i]), months, priors):
                raise TableError(problem)


def twice(
    attempt: Callable[[int], xr.DataTree], priors: PriorSet, cores: int, cure: str = ""
) -> xr.DataTree:
    """What an attempt with so many cores gives, or a second one with one core.

    Parameters
    ----------
    attempt
        Samples.
    priors
        Whose extremes are named where both fail.
    cores
        Of the first attempt.
    cure
        Said besides.

    Raises
    ------
    SamplingError
        If both fail.
    """
    try:
        return attempt(cores)
    except CaucasusForecastError:
        raise
    except Exception as why:  # whatever a sampler or a compiler raises
        if stopping.asked():
            raise
        log.warning(
            f"the sampler broke off ({_brief(why)}); once more, one chain at a time, its code "
            "compiled anew"
        )
    try:
        with _compiled_anew():
            return attempt(1)
    except CaucasusForecastError:
        raise
    except Exception as why:
        if stopping.asked():
            raise
        raise SamplingError(
            f"the sampler broke off twice ({_brief(why)}); look at {_extremes(priors)}{cure}"
        ) from why


def _plain(sampler: str) -> bool:
    """Whether PyMC samples."""
    if sampler == "pymc":
        return True
    why = posterior.without_nutpie()
    if why:
        log.warning(f"{why}; PyMC samples instead, which takes longer")
    return bool(why)


def _attempt(study: Study, priors: PriorSet, plain: bool, cores: int, bar: bool) -> xr.DataTree:
    case = study.case
    settings: dict[str, Any] = {
        "seed": case.seed, "tune": case.tune, "chains": case.chains, "progress": bar,
    }  # fmt: skip
    if not plain:
        settings["cores"] = cores
    sample: Any = posterior.sample_pymc if plain else posterior.sample
    target = _target(study, priors, plain)
    return posterior.checked(
        lambda draws: sample(target, draws=draws, **settings),
        case.draws, study.graph, case.model,
    )  # fmt: skip


def _target(study: Study, priors: PriorSet, plain: bool) -> Any:
    if isinstance(study.process, Ladder) and not plain:
        return density(priors, study.layout, study.process.facts(study.plan))
    _give_room()
    return study.model.build(study.panel, priors)


def _brief(why: Exception) -> str:
    """The first words of what a sampler says; the rest is a stack of its own."""
    said = " ".join(str(why).partition("Stack backtrace")[0].split())
    return f"{type(why).__name__}: {said[:200]}" if said else type(why).__name__


def _extremes(priors: PriorSet) -> str:
    by_scale = sorted(priors, key=lambda key: standard(priors[key])[1])
    narrow, wide = (f"{key} {priors[key]!r}" for key in (by_scale[0], by_scale[-1]))
    return f"the narrowest prior, {narrow}, and at the widest, {wide}"


# --------------------------------------------------------------------------- code of PyTensor


@contextmanager
def _compiled_anew() -> Iterator[None]:
    """Without the compiled code that PyTensor keeps on the disk, which may be damaged."""
    if "pytensor" not in sys.modules:
        yield
        return
    import pytensor

    with pytensor.config.change_flags(numba__cache=False):
        yield


def _give_room() -> None:
    """Give PyTensor a folder for its compiled code where its own cannot be written."""
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "pytensor" in sys.modules or "base_compiledir" in flags:
        return
    try:
        own = Path.home() / ".pytensor"
        own.mkdir(exist_ok=True)
        with TemporaryFile(dir=own):
            return
    except (OSError, RuntimeError):
        folder = TemporaryDirectory(prefix="caucasus-forecast-")
    atexit.register(folder.cleanup)
    os.environ["PYTENSOR_FLAGS"] = f"{flags},base_compiledir={folder.name}".lstrip(",")
    log.warning(
        f"PyTensor cannot keep its compiled code among your files; every run compiles it anew, in "
        f"{folder.name}. Name a folder of yours: PYTENSOR_FLAGS=base_compiledir=FOLDER"
    )
