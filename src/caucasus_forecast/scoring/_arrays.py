"""Arrays and labelled arrays: one way to apply a rule to either, and the checks before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from ..errors import CaseError, EvidenceError, nearest

Array = np.ndarray
Labelled = Any  # an xr.DataArray, an array, or a number
Cell = tuple[Labelled, str | None]
Keep = Literal["refuse", "keep"]
Drop = Literal["refuse", "drop"]


def score(
    rule: Callable[..., Array], missing: str, tail: str | None = None, **cells: Cell
) -> Labelled:
    """Apply a rule written for rows of targets to arrays and labelled arrays alike.

    Parameters
    ----------
    rule
        Function of arrays of floats of shape (targets,) or (targets, members), without missing
        values, that returns (targets,), or with `tail` (targets, k).
    missing
        ``"refuse"`` raises on NaN, ``"keep"`` gives those targets the score NaN.
    tail
        Dimension that the rule adds.
    cells
        Each argument by name, with the dimension of its members: the last axis of an array.
        Arguments with members share that dimension.
    """
    _check_policy(missing, ("refuse", "keep"))
    names, dims = list(cells), [dim for _, dim in cells.values()]
    given = [_array(x) for x, _ in cells.values()]
    members = next((dim for dim in dims if dim), None)
    for name, x, dim in zip(names, given, dims, strict=True):
        _check_dim(name, x, dim)
        if members and not dim and members in getattr(x, "dims", ()):
            raise EvidenceError(f"{name} has the dimension {members!r}; give one for each target")
        _check_values(name, x, missing)
    check_labels(given, dims)

    def rows(*values: Array) -> Array:
        values = tuple(np.asarray(v, dtype=float) for v in values)
        _check_lengths(names, values, dims)
        lead = _lead(names, values, dims)
        flat = []
        for v, dim in zip(values, dims, strict=True):
            own = v.shape[-1:] if dim else ()
            flat.append(np.broadcast_to(v, lead + own).reshape(-1, *own))
        gone = np.any([np.isnan(v).reshape(len(v), -1).any(1) for v in flat], axis=0)
        kept = rule(*(v[~gone] if gone.any() else v for v in flat))
        scores = np.full((len(gone), *kept.shape[1:]), np.nan)
        scores[~gone] = kept
        return scores.reshape(lead + scores.shape[1:])

    return xr.apply_ufunc(
        rows,
        *given,
        input_core_dims=[[dim] if dim else [] for dim in dims],
        output_core_dims=[[tail] if tail else []],
    )


def score_ends(
    rule: Callable[..., Array], missing: str, **cells: Cell
) -> tuple[Labelled, Labelled]:
    """Apply a rule that returns two ends, shape (targets, 2), as `score` does."""
    ends = score(rule, missing, tail="_end", **cells)
    return ends[..., 0], ends[..., 1]


def same_targets(missing: str, dim: str | None = None, **pair: Labelled) -> tuple[Array, Array]:
    """Two arrays of the same targets, of one shape, with `dim` on the last axis."""
    _check_policy(missing, ("refuse", "drop"))
    (one, a), (other, b) = ((name, _array(x)) for name, x in pair.items())
    for name, x in ((one, a), (other, b)):
        _check_dim(name, x, dim)
        _check_values(name, x, missing)
    check_labels([a, b], [None, None])
    if isinstance(a, xr.DataArray) and isinstance(b, xr.DataArray):
        if set(a.dims) != set(b.dims):
            raise EvidenceError(
                f"{one} has dimensions {a.dims}, {other} {b.dims}; give both for the same targets"
            )
        if dim is not None:
            if dim in a.coords and not a.indexes[dim].is_monotonic_increasing:
                raise EvidenceError(f"{dim!r} is not in order of time; sort by it first")
            a = a.transpose(..., dim)
        b = b.transpose(*a.dims)
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if x.shape != y.shape:
        raise EvidenceError(
            f"{one} has shape {x.shape}, {other} {y.shape}; give both for the same targets"
        )
    apart = int((np.isnan(x) != np.isnan(y)).sum())
    if apart:
        raise EvidenceError(
            f"{apart} targets are missing in one of {one} and {other} only; "
            "compare on targets that both have"
        )
    return x, y


# ----------------------------------------------------------------------------------------- weights


def weights(weight: Labelled) -> Labelled:
    """Equal weights when none are given: one number, to be broadcast."""
    return np.ones(1) if weight is None else weight


def normalised(weight: Array) -> Array:
    """Weights that sum to 1 over the last axis."""
    refuse("weight", weight[weight < 0], "negative; a weight is 0 or more")
    total = weight.sum(-1, keepdims=True)
    refuse("weight", total[total <= 0], "the sum of a forecast's weights; give one above 0")
    return weight / total


def share(inside: Array, weight: Array) -> Array:
    """Weight of the members that are inside, as a share of all."""
    if weight.shape[-1] == 1:
        return inside.mean(-1)
    return np.minimum((inside * normalised(weight)).sum(-1), 1.0)


# ------------------------------------------------------------------------------------------ checks


def refuse(name: str, wrong: Array, why: str) -> None:
    """Raise if there are wrong values, saying how many, the first, and why."""
    if wrong.size:
        more = f" and {wrong.size - 1} more" if wrong.size > 1 else ""
        raise EvidenceError(f"{name}: {wrong.flat[0]:g}{more} is {why}")


def check_counts(name: str, x: Array) -> None:
    """Refuse counts below 0."""
    refuse(name, x[x < 0], "negative; a count is 0 or more")


def check_range(name: str, x: Array) -> None:
    """Refuse probabilities outside 0 to 1."""
    refuse(name, x[(x < 0) | (x > 1)], "outside 0 to 1; give a probability")


def check_starts(starts: Sequence[int]) -> None:
    """Refuse classes whose first counts do not rise from 0."""
    if not len(starts) or starts[0] != 0 or (np.diff(starts) <= 0).any():
        raise CaseError(f"starts is {tuple(starts)}; give the first count of each class, from 0 up")


def outside(mass: float) -> float:
    """Probability α = 1 − mass outside an interval, after a check."""
    if not 0 < mass < 1:
        raise CaseError(f"mass is {mass}; give a probability between 0 and 1, such as 0.9")
    return 1.0 - mass


def check_labels(arrays: Sequence[Labelled], dims: Sequence[str | None]) -> None:
    """Refuse targets of which only some are named, or whose labels differ."""
    labelled = [x for x in arrays if isinstance(x, xr.DataArray)]
    plain = any(
        not isinstance(x, xr.DataArray) and x.ndim > (dim is not None)
        for x, dim in zip(arrays, dims, strict=True)
    )
    if labelled and plain:
        raise EvidenceError(
            "some targets have named dimensions and others not; give all as DataArray, or none"
        )
    try:
        xr.align(*labelled, join="exact", copy=False)
    except ValueError as trouble:
        first = str(trouble).splitlines()[0]
        raise EvidenceError(
            f"the labels of the targets differ ({first}); give the same targets in both"
        ) from None


def _array(x: Labelled) -> Labelled:
    return x if isinstance(x, xr.DataArray) else np.asarray(x)


def _check_policy(missing: str, allowed: tuple[str, ...]) -> None:
    if missing not in allowed:
        raise CaseError(f"missing is {missing!r}; {nearest(missing, allowed)}")


def _check_dim(name: str, x: Labelled, dim: str | None) -> None:
    if dim is None:
        return
    if not isinstance(x, xr.DataArray):
        if not x.ndim:
            raise EvidenceError(f"{name} is a single number; give {dim} values on an axis")
    elif dim not in x.dims:
        raise EvidenceError(
            f"{name} has no dimension {dim!r}, name it with dim=; {nearest(dim, map(str, x.dims))}"
        )


def _check_values(name: str, x: Labelled, missing: str) -> None:
    values = np.asarray(x)
    if values.dtype.kind not in "buif":
        raise EvidenceError(f"{name} holds {values.dtype}, not numbers; convert it first")
    if not values.size:
        raise EvidenceError(f"{name} is empty; give at least one value")
    absent = int(np.isnan(values).sum())
    if absent and missing == "refuse":
        raise EvidenceError(
            f"{name}: {absent} of {values.size} values are missing (NaN); leave those targets out "
            "of forecast and observation alike, or say what to do with missing="
        )
    refuse(name, values[np.isinf(values)], "infinite; give finite values")


def _check_lengths(
    names: Sequence[str], values: Sequence[Array], dims: Sequence[str | None]
) -> None:
    """Refuse as many weights as there are not members; one is for all."""
    lengths = [
        (name, v.shape[-1], dim) for name, v, dim in zip(names, values, dims, strict=True) if dim
    ]
    for name, length, dim in lengths[1:]:
        if length not in (1, lengths[0][1]):
            raise EvidenceError(
                f"{name} has {length} values along {dim!r}, the others {lengths[0][1]}; "
                "give one for each"
            )


def _lead(
    names: Sequence[str], values: Sequence[Array], dims: Sequence[str | None]
) -> tuple[int, ...]:
    """Shape of the targets that the arguments have in common."""
    shapes = [v.shape[:-1] if dim else v.shape for v, dim in zip(values, dims, strict=True)]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
        raise EvidenceError(
            f"the targets do not match: {told}; give one observed value for each forecast, "
            "draws or classes on the last axis"
        ) from None
