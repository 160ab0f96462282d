r"""What a tree is made of, part by part, and the digests of the parts.

A part is a variable, named ``group/variable``, or the attributes of a group, named by the group
(the root is ``/``). Its digest is

.. math:: \mathrm{SHA256}(\text{header} \Vert 0 \Vert \text{values}),

the header as JSON (dtype, dimensions, shape, whether it is a coordinate, attributes), the values
as little-endian bytes in C order. Two trees with the same digests are equal in every bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

Array = np.ndarray
Value = str | int | float

# attributes of the root that tell of the run, not of the result; no digest of a result has them
RUN = ("sampling_seconds", "versions", "unverified")


class Unfit(ValueError):  # noqa: N818 - the words go into the message of a StorageError
    """Something that a saved forecast does not hold."""


def plain(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """A tree as it is saved: its groups by path, ``/`` the root, free of encodings.

    Attributes become Python's own numbers and text, and values little-endian and contiguous; text
    has NumPy's fixed width.

    Raises
    ------
    Unfit
        For groups within groups, variables of the root, and kinds of values that are not kept.
    """
    if tree.to_dataset().variables:
        raise Unfit("the root has variables; put them in a group")
    found = {"/": xr.Dataset(attrs=_plain_attrs("/", tree.attrs))}
    for name, group in tree.children.items():
        if group.children:
            raise Unfit(f"group {name!r} has groups of its own")
        data = group.to_dataset(inherit=False)
        held = {
            str(k): xr.Variable(
                v.dims,
                _plain_values(f"{name}/{k}", v.to_numpy()),
                _plain_attrs(f"{name}/{k}", v.attrs),
            )
            for k, v in data.variables.items()
        }
        coords = {k: held.pop(k) for k in map(str, data.coords)}
        found[name] = xr.Dataset(held, coords, _plain_attrs(name, data.attrs))
    return found


def objects(tree: xr.DataTree) -> set[str]:
    """The variables whose text a tree keeps as Python's own; `plain` has NumPy's in its place."""
    return {
        f"{name}/{k}"
        for name, group in tree.children.items()
        for k, v in group.to_dataset(inherit=False).variables.items()
        if v.dtype.kind in "OT"
    }


def joined(groups: Mapping[str, xr.Dataset]) -> xr.DataTree:
    """The tree of `plain` groups."""
    tree = xr.DataTree.from_dict({k: v for k, v in groups.items() if k != "/"})
    tree.attrs = dict(groups["/"].attrs)
    return tree


def headers(groups: Mapping[str, xr.Dataset]) -> Iterator[tuple[str, dict[str, Any], Array | None]]:
    """Name, header and values of every part of `plain` groups."""
    for group, data in groups.items():
        yield group, {"attrs": data.attrs}, None
        for name, variable in data.variables.items():
            values = variable.to_numpy()
            header = {
                "dtype": values.dtype.str,
                "dims": list(variable.dims),
                "shape": list(values.shape),
                "coordinate": name in data.coords,
                "attrs": variable.attrs,
            }
            yield f"{group}/{name}", header, values


def part_digest(header: Mapping[str, Any], values: Array | None) -> str:
    """SHA-256 of a part."""
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode() + b"\0")
    if values is not None and values.nbytes:
        found.update(values.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def parts(tree: xr.DataTree) -> dict[str, str]:
    """SHA-256 of every part of a tree, by name.

    Raises
    ------
    Unfit
        As `plain`.

    Examples
    --------
    >>> tree = xr.DataTree.from_dict({"fans": xr.Dataset({"fan": ("month", [0.5])})})
    >>> list(parts(tree))
    ['/', 'fans', 'fans/fan']
    """
    return {name: part_digest(header, values) for name, header, values in headers(plain(tree))}


def digest(tree: xr.DataTree) -> str:
    """SHA-256 of a result: of all parts, without the attributes in `RUN`.

    Examples
    --------
    >>> tree = xr.DataTree.from_dict({"fans": xr.Dataset({"fan": ("month", [0.5])})})
    >>> later = tree.copy()
    >>> later.attrs["sampling_seconds"] = 40.0
    >>> digest(later) == digest(tree)
    True
    """
    lines = [f"{name} {found}\n" for name, found in sorted(_result_parts(tree).items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _result_parts(tree: xr.DataTree) -> dict[str, str]:
    groups = plain(tree)
    groups["/"] = xr.Dataset(attrs={k: v for k, v in groups["/"].attrs.items() if k not in RUN})
    return {name: part_digest(header, values) for name, header, values in headers(groups)}


def differences(one: xr.DataTree, two: xr.DataTree) -> dict[str, str]:
    """The parts in which two results differ, and by how much.

    Examples
    --------
    >>> tree = xr.DataTree.from_dict({"fans": xr.Dataset({"fan": ("month", [0.5])})})
    >>> other = xr.DataTree.from_dict({"fans": xr.Dataset({"fan": ("month", [0.75])})})
    >>> differences(tree, other)
    {'fans/fan': 'by at most 0.25'}
    """
    first, second = _result_parts(one), _result_parts(two)
    held = [{k: (h, v) for k, h, v in headers(plain(tree))} for tree in (one, two)]
    found = {}
    for name in dict.fromkeys([*first, *second]):
        if name not in first or name not in second:
            found[name] = f"only in the {'first' if name in first else 'second'}"
        elif first[name] != second[name]:
            found[name] = _difference(*(side[name] for side in held))
    return found


def _difference(
    one: tuple[Mapping[str, Any], Array | None], two: tuple[Mapping[str, Any], Array | None]
) -> str:
    (first, a), (second, b) = one, two
    if a is None or b is None:
        said = {k for side in (first["attrs"], second["attrs"]) for k in side}
        keys = [k for k in said if k not in RUN and first["attrs"].get(k) != second["attrs"].get(k)]
        return f"in {', '.join(sorted(keys))}"
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind or a.dtype.kind not in "iufb":
        return "in kind, shape or text"
    with np.errstate(invalid="ignore"):
        gap = np.abs(a.astype(float) - b.astype(float))
    alike = (a == b) | (np.isnan(gap) & (a != a) & (b != b))
    unlike = gap[~alike]
    return f"by at most {np.nanmax(unlike):.3g}" if np.isfinite(unlike).any() else "in its bits"


def _plain_values(name: str, values: Array) -> Array:
    if values.dtype.kind in "OT":
        if not all(isinstance(x, str) for x in values.flat):
            raise Unfit(f"{name!r} holds Python objects; make them numbers or text")
        values = values.astype(str)
    kind, wide = values.dtype.kind, values.dtype.itemsize > 8
    if kind not in "iufbUMm" or (wide and kind != "U"):
        raise Unfit(f"{name!r} has the dtype {values.dtype}; make it numbers, text or dates")
    if kind == "U" and any("\0" in x for x in values.flat):
        raise Unfit(f"{name!r} has text with a null character in it; take it out")
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(values.shape)


def _plain_attrs(name: str, attrs: Mapping[Any, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in attrs.items():
        item = value.item() if isinstance(value, np.generic) else value
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            raise Unfit(
                f"attribute {key!r} of {name!r} is {type(value).__name__}; make it text or a number"
            )
        if isinstance(item, str) and "\0" in item:
            raise Unfit(f"attribute {key!r} of {name!r} has a null character in it; take it out")
        if isinstance(item, int) and not -(2**63) <= item < 2**63:
            raise Unfit(f"attribute {key!r} of {name!r} is beyond 64 bits; make it text")
        found[str(key)] = item
    return found
