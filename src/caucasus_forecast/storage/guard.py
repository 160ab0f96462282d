"""What a file may hold, looked at before any value of it is read.

HDF5 can do far more than a forecast needs: point into other files, load filters as program
libraries, hold references and opaque bytes, declare more numbers than there is memory. All of it is
refused by name. Nothing here follows a link, reads a value or allocates by a declared size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import h5py
import numpy as np
from h5py import h5d, h5s, h5t, h5z

from .. import names

FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
NUMBERS = {h5t.INTEGER, h5t.FLOAT}
SCALES = {"DIMENSION_LIST": h5t.VLEN, "REFERENCE_LIST": h5t.COMPOUND}  # how netCDF 4 keeps dims
DECODING = {"scale_factor", "add_offset", "missing_value", "_Encoding", "_Unsigned", "chartostring"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")

MOST_ATTRS = 200
LONGEST_TEXT = 16 * 2**20  # bytes of one attribute
MOST_TEXTS = 1_000_000
UNPACKED = 200  # a file may unpack to so many times its size
FLOOR = 64 * 2**20  # or to this, which is also the most text of one variable


class Refused(ValueError):  # noqa: N818 - the words go into the message of a CorruptResultError
    """What a file holds that no forecast does."""


def inspect(file: h5py.File, size: int) -> None:
    """Refuse a file that holds anything a saved forecast does not.

    Parameters
    ----------
    file
        Open for reading; only its root is trusted to be there.
    size
        Bytes of the file.

    Raises
    ------
    Refused
        Naming what it is, and where.
    """
    _inspect_attrs("/", file)
    left = max(UNPACKED * size, FLOOR)
    for group, found in _children("", file):
        if group not in names.GROUPS or not isinstance(found, h5py.Group):
            raise Refused(f"{group!r} is not a group of a forecast")
        _inspect_attrs(group, found)
        for name, variable in _children(f"{group}/", found):
            where = f"{group}/{name}"
            if not isinstance(variable, h5py.Dataset):
                raise Refused(f"{where!r} is not a variable")
            left -= _inspect_variable(where, variable)
            if left < 0:
                raise Refused(
                    f"{where!r} and those before it declare far more values than {size} bytes hold"
                )
            _inspect_attrs(where, variable)


def _children(within: str, group: h5py.Group) -> Iterator[tuple[str, h5py.HLObject]]:
    """Every object that a hard link of the group names; any other link is refused unfollowed."""
    for name in group:
        if not NAME.fullmatch(name):
            raise Refused(f"{(within + name)[:80]!r} is not a name of a forecast")
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a soft link"
            raise Refused(f"{within}{name} is {kind}, which is never followed")
        yield name, group[name]


def _inspect_variable(where: str, variable: h5py.Dataset) -> int:
    """The bytes its values will take."""
    kind, space = variable.id.get_type(), variable.id.get_space()
    made = variable.id.get_create_plist()
    text = kind.get_class() == h5t.STRING and kind.is_variable_str()
    if not (text or (kind.get_class() in NUMBERS and kind.get_size() <= 8)):
        raise Refused(f"{where!r} holds neither numbers nor text")
    if made.get_layout() not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
        raise Refused(f"{where!r} is a virtual dataset, made of other files")
    if made.get_external_count():
        raise Refused(f"{where!r} keeps its values in another file")
    strange = {made.get_filter(i)[0] for i in range(made.get_nfilters())} - FILTERS
    if strange:
        raise Refused(f"{where!r} is packed with the filter {min(strange)}, which is never loaded")
    if space.get_simple_extent_type() == h5s.NULL:
        raise Refused(f"{where!r} has no shape")
    count = int(space.get_simple_extent_npoints())
    return _text_bytes(where, variable, count) if text else count * int(kind.get_size())


def _text_bytes(where: str, variable: h5py.Dataset, count: int) -> int:
    """Bytes that text takes as NumPy keeps it, every cell as wide as the longest.

    Many cells can name one long text, so they are read one at a time.
    """
    if count > MOST_TEXTS:
        raise Refused(f"{where!r} has {count} texts; {MOST_TEXTS} are allowed")
    widest = 1
    for cell in np.ndindex(variable.shape):
        widest = max(widest, len(variable[cell]))
        if 4 * widest * count > FLOOR:
            raise Refused(f"{where!r} has more than {FLOOR} bytes of text")
    return 4 * widest * count


def _inspect_attrs(where: str, holder: h5py.HLObject) -> None:
    if len(holder.attrs) > MOST_ATTRS:
        raise Refused(f"{where!r} has {len(holder.attrs)} attributes; {MOST_ATTRS} are allowed")
    for name in holder.attrs:
        said = f"attribute {name[:80]!r} of {where!r}"
        found = holder.attrs.get_id(name)
        kind = found.get_type().get_class()
        if name in DECODING:
            raise Refused(f"{said} would change values as they are read")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise Refused(f"{said} is not a name of a forecast")
        if kind != SCALES.get(name, kind) or not (kind in (*NUMBERS, h5t.STRING) or name in SCALES):
            raise Refused(f"{said} is neither text nor a number")
        if found.get_storage_size() > LONGEST_TEXT:
            raise Refused(f"{said} has more than {LONGEST_TEXT} bytes")
        if kind == h5t.STRING and len(_text(holder.attrs[name])) > LONGEST_TEXT:
            raise Refused(f"{said} has more than {LONGEST_TEXT} bytes")


def _text(value: object) -> str | bytes:
    return value if isinstance(value, str | bytes) else str(value)
