"""A tree as the bytes of a file, and back."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Set
from typing import Any

import h5py
import numpy as np
import xarray as xr

from .digests import Unfit, headers, joined, objects, part_digest, plain
from .guard import Refused, inspect

SCHEMA = 1
FORMAT = 1  # of the manifest
WORTH_PACKING = 4096  # bytes; the index of packed values takes about half of that
SEALED = b"\ncaucasus-forecast sha256 "
SIGNATURE = b"\x89HDF\r\n\x1a\n"
FOREIGN = {  # how files that are given by mistake, or for harm, begin
    b"\x80": "it looks like a pickle, which is never read",
    b"PK": "it is a zip archive",
    b"CDF": "it is a netCDF file of version 3",
    b"{": "it is JSON",
    b"\x1f\x8b": "it is compressed with gzip",
}


class Damaged(ValueError):  # noqa: N818 - the words go into the message of a CorruptResultError
    """What is wrong with a file."""


class Foreign(ValueError):  # noqa: N818 - the words go into the message of a StorageError
    """What a file is, if not a forecast."""


class Newer(ValueError):  # noqa: N818 - the words go into the message of a StorageError
    """Which version of what is newer."""


def image(tree: xr.DataTree) -> bytes:
    """The bytes of a tree: netCDF with its manifest, and the seal.

    Raises
    ------
    Unfit
        If the tree has something in it that is not kept.

    Examples
    --------
    >>> tree = xr.DataTree.from_dict({"fans": xr.Dataset({"fan": ("month", [0.5])})})
    >>> tree.attrs["schema"] = SCHEMA
    >>> tree_of(image(tree)).identical(tree)
    True
    """
    groups = plain(tree)
    whole = joined(groups)
    whole.attrs["manifest"] = json.dumps(manifest(groups, objects(tree)))
    try:
        written = whole.to_netcdf(None, engine="h5netcdf", encoding=_encoding(groups))
    except (TypeError, ValueError) as why:  # text that is not Unicode, names with a slash
        raise Unfit(str(why)) from None
    body = bytes(written)
    return body + SEALED + hashlib.sha256(body).hexdigest().encode() + b"\n"


def manifest(groups: Mapping[str, xr.Dataset], text: Set[str] = frozenset()) -> dict[str, Any]:
    """What a file says of its parts: digest, and for variables what their headers say.

    Parameters
    ----------
    groups
        From `plain`.
    text
        The parts whose text is kept in memory as Python's own (`objects`).
    """
    listed = {}
    for name, header, values in headers(groups):
        entry = {k: v for k, v in header.items() if k != "attrs"}
        listed[name] = {"sha256": part_digest(header, values)} | entry
        if name in text:
            listed[name]["objects"] = True
    return {"format": FORMAT, "schema": groups["/"].attrs.get("schema"), "parts": listed}


def _encoding(groups: Mapping[str, xr.Dataset]) -> dict[str, dict[str, dict[str, Any]]]:
    def of(variable: xr.Variable) -> dict[str, Any]:
        worth = variable.dtype.kind in "iufb" and variable.nbytes >= WORTH_PACKING
        packed = {"zlib": True, "complevel": 1, "shuffle": True} if worth else {}
        return packed | ({"_FillValue": None} if variable.dtype.kind == "f" else {})

    return {
        f"/{group}": {str(name): of(data[name].variable) for name in data.variables}
        for group, data in groups.items()
        if group != "/"
    }


def tree_of(body: bytes) -> xr.DataTree:
    """The tree that `image` gave the bytes of, equal in every bit.

    A file of the version before seals and manifests is read too; its attribute ``unverified`` says
    that nothing vouches for its values.

    Raises
    ------
    Damaged
        If bytes are missing or altered, or the file holds what no forecast holds.
    Newer
        If a later version wrote it.
    Foreign
        If it is something else altogether.
    """
    sealed = _refuse_broken_seal(body)
    if not body.startswith(SIGNATURE):
        raise _foreign(body)
    try:
        with h5py.File(io.BytesIO(body), "r") as file:
            _refuse_newer(file)
            inspect(file, len(body))
        with xr.open_datatree(io.BytesIO(body), engine="h5netcdf") as opened:
            groups = plain(opened.load())
    except (Refused, Unfit) as why:
        raise Damaged(str(why)) from None
    except (Foreign, Newer, Damaged):
        raise
    except Exception as why:  # whatever the readers of HDF5 and netCDF stumble over
        raise Damaged(f"it cannot be read to its end ({_first_line(why)})") from None
    said = groups["/"].attrs.pop("manifest", None)
    if said is None and not sealed:
        return _unverified(groups)
    if said is None or not sealed:
        raise Damaged(f"its {'manifest' if sealed else 'last line'} is missing")
    return joined(_verified(groups, str(said)))


def _refuse_broken_seal(body: bytes) -> bool:
    if not body:
        raise Damaged("it is empty")
    found = re.search(re.escape(SEALED) + rb"([0-9a-f]{64})\n\Z", body[-(len(SEALED) + 65) :])
    if found is None:
        return False
    kept = memoryview(body)[: -(len(SEALED) + 65)]
    if hashlib.sha256(kept).hexdigest().encode() != found[1]:
        raise Damaged("its bytes are not those that were written (SHA-256 differs)")
    return True


def _foreign(body: bytes) -> Foreign | Damaged:
    if SIGNATURE.startswith(body) or not body.strip(b"\0"):
        return Damaged("it ends before it begins")
    for start, what in FOREIGN.items():
        if body.startswith(start):
            return Foreign(what)
    return Foreign(f"it begins with {body[:8]!r}")


def _refuse_newer(file: h5py.File) -> None:
    """Before all else: what a later version writes may well look wrong to this one."""
    if "schema" not in file.attrs:
        raise Foreign("it has no attribute 'schema'")
    found = np.asarray(file.attrs["schema"])
    if found.size != 1 or found.dtype.kind not in "iu":
        raise Damaged(f"its schema is {str(found)[:40]!r}, not a whole number")
    if found.item() > SCHEMA:
        raise Newer(f"written with schema {found.item()}, newer than this version's {SCHEMA}")


def _unverified(groups: dict[str, xr.Dataset]) -> xr.DataTree:
    tree = joined(groups)
    tree.attrs["unverified"] = (
        "read from a file without checksums, as earlier versions wrote it; whether it is as it was "
        "written cannot be told"
    )
    return tree


def _verified(groups: dict[str, xr.Dataset], said: str) -> dict[str, xr.Dataset]:
    """The groups in the order and with the dtypes of the manifest, each part checked against it."""
    entries = _entries(said)
    there = {f"{g}/{n}": d[n].variable for g, d in groups.items() for n in d.variables}
    if missing := sorted(entries.keys() - there.keys() - groups.keys()):
        raise Damaged(f"{missing[0]!r}, which its manifest lists, is missing")
    if strange := sorted({*there, *groups} - entries.keys()):
        raise Damaged(f"{strange[0]!r} is not in its manifest")
    done = {}
    for group in (name for name in entries if name in groups):
        held: dict[bool, dict[str, xr.Variable]] = {True: {}, False: {}}
        for name in (k for k in entries if k in there and k.startswith(f"{group}/")):
            kept = _as(there[name], entries[name]["dtype"])
            held[bool(entries[name]["coordinate"])][name.removeprefix(f"{group}/")] = kept
        done[group] = xr.Dataset(held[False], held[True], groups[group].attrs)
    for name, header, values in headers(done):
        if part_digest(header, values) != entries[name]["sha256"]:
            raise Damaged(f"{name!r} is not what was saved (its SHA-256 differs)")
    own = [name.split("/") for name, entry in entries.items() if entry["objects"] and name in there]
    for group, variable in own:
        text = done[group][variable].variable
        done[group][variable] = text.copy(data=text.to_numpy().astype(object))
    return done


def _entries(said: str) -> dict[str, dict[str, Any]]:
    """What a manifest lists: part → digest, and for variables dtype and role."""
    try:
        body = json.loads(said)
        newer = body["format"] > FORMAT
        found = {
            str(k): {"sha256": v["sha256"]}
            | {x: v.get(x) for x in ("dtype", "coordinate", "objects")}
            for k, v in body["parts"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
        raise Damaged(f"its manifest does not parse ({_first_line(why)})") from None
    if newer:
        raise Newer(f"its manifest has format {body['format']}, newer than this version's {FORMAT}")
    return found


def _as(variable: xr.Variable, dtype: Any) -> xr.Variable:
    """Text and dates with the width and unit that they had."""
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        raise Damaged(f"its manifest has the dtype {str(dtype)[:40]!r}") from None
    same = wanted.kind == variable.dtype.kind and wanted.kind in "UMm"
    if not same or wanted.itemsize > max(8, 2 * variable.dtype.itemsize + 4096):
        return variable
    return xr.Variable(variable.dims, variable.to_numpy().astype(wanted), variable.attrs)


def _first_line(why: BaseException) -> str:
    lines = str(why).splitlines()
    return (lines[0] if lines else type(why).__name__)[:200]
