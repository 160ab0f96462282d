import csv
import io
import pickle
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caucasus_forecast.errors import EvidenceError
from caucasus_forecast.evidence import (
    Evidence,
    Observation,
    Series,
    Window,
    load,
    read_counts,
    settling,
    table,
    without,
)


@pytest.fixture(autouse=True)
def _long_ago(monkeypatch):
    """Every day that a test names is over."""
    monkeypatch.setattr(settling, "today", lambda: date(2201, 1, 1))


DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
COUNTS = st.integers(0, 10**9)


@pytest.fixture
def written(tmp_path):
    """Write a table, as text or bytes, and give its path."""

    def write(body):
        path = tmp_path / "counts.csv"
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path

    return write


def refusal(source, **options):
    with pytest.raises(EvidenceError) as caught:
        read_counts(source, **options)
    return str(caught.value)


def months_of(*days):
    return [str(o.window.start)[:7] for o in read_counts(pd.DataFrame({"month": days, "count": 0}))]


# --------------------------------------------------------------------------- refusals of a CSV file

TABLES = {
    "an empty file": ("", ["counts.csv", "empty", "needs a header"]),
    "only blank lines": ("\n \n,,\n", ["counts.csv", "empty"]),
    "a header alone": ("month,count\n", ["counts.csv", "no rows", "add at least one row"]),
    "a near name of count": (
        "date,n\n2024-01-01,3\n",
        ["columns are 'date,n'", "needed: ", "month,count or date,count", "'n' looks like 'count'"],
    ),
    "a misspelt month": ("mnoth,count\n2024-01,3\n", ["'mnoth' looks like 'month'"]),
    "a plural": ("month,counts\n2024-01,3\n", ["'counts' looks like 'count'"]),
    "columns far from all": ("a,b\n1,2\n", ["columns are 'a,b'", "month,count or date,count"]),
    "a duplicate column": ("month,count,Count\n2024-01,3,4\n", ["column 'count' appears twice"]),
    "a ragged row": (
        "month,count\n2024-01,3\n2024-02,1,234\n",
        ["counts.csv, row 3", "3 cells under 2 columns (month, count)", "thousands separator"],
    ),
    "a short row": ("month,count\n2024-01\n", ["row 2", "1 cells under 2 columns"]),
    "a comment": ("# mine\nmonth,count\n2024-01,3\n", ["'# mine' is a comment", "remove the line"]),
    "an open quote": ('month,count\n"2024-01,3\n', ["row 2", "check the quotes"]),
    "NUL bytes": ("month,count\n2024-01,\0\n", ["binary", "CSV UTF-8"]),
    "a repeated month": (
        "month,count\n2024-01,3\n2024-02,1\n2024-01,3\n",
        ["battle_deaths", "listed twice", "row 2", "row 4", "keep one, or add them up"],
    ),
    "overlapping intervals": (
        "start,end,series,count\n2024-01-01,2024-01-31,x,1\n2024-01-31,2024-02-02,x,2\n",
        ["'x'", "row 2", "overlaps 2024-01-31 to 2024-02-02", "row 3", "split the interval"],
    ),
    "an end before its start": (
        "start,end,series,count\n2024-02-01,2024-01-31,x,1\n",
        ["row 2", "end 2024-01-31 is before start 2024-02-01", "swap"],
    ),
    "a blank series": (
        "start,end,series,count\n2024-01-01,2024-01-31, ,1\n",
        ["row 2", "the series is blank", "name it"],
    ),
}


@pytest.mark.parametrize(("body", "told"), TABLES.values(), ids=TABLES)
def test_a_table_is_refused_with_its_place_and_cure(written, body, told):
    message = refusal(written(body))
    assert all(words in message for words in told), message


CELLS = {
    "": ["count is blank", "drop the row if it is unknown, write 0 if none"],
    "NA": ["count is blank"],
    "nan": ["count is blank"],
    "-1": ["'-1'", "cannot be negative"],
    "2.5": ["'2.5'", "whole, not fractional"],
    "1.234": ["'1.234'", "whole, not fractional"],
    "inf": ["'inf'", "infinite", "write the number"],
    "1e999": ["'1e999'", "infinite"],
    "1e10": ["'1e10'", "over 1,000,000,000", "typing error"],
    "three": ["'three'", "whole number, 0 or more"],
    "True": ["'True'", "whole number, 0 or more"],
    '"1,234"': ["'1,234'", "write 1234 without separators"],
    "1 234": ["'1 234'", "write 1234 without separators"],
    "1\u202f234": ["write 1234 without separators"],
    "12'345'678": ["write 12345678 without separators"],
    '"3,5"': ["'3,5'", "whole number"],
    "3*": ["'3*'", "whole number"],
    "=cmd()": ["'=cmd()'", "whole number"],
    "<script>": ["'<script>'", "whole number"],
    "9" * 5000: ["999", "…", "infinite"],
}


@pytest.mark.parametrize(("cell", "told"), CELLS.items(), ids=lambda x: str(x)[:20])
def test_a_count_is_refused_with_its_place_and_cure(written, cell, told):
    message = refusal(written(f"month,count\n2024-01,1\n2024-02,{cell}\n"))
    assert message.startswith("counts.csv, row 3: the count is")
    assert all(words in message for words in told), message
    assert len(message) < 200


DATES = {
    "01/02/2024": ["ambiguous, day or month first", "2024-02-01 or 2024-01-02", "'%d/%m/%Y'"],
    "1.2.24": ["ambiguous"],
    "13/02/2024": ["not an ISO date", "2024-02-13"],
    "02/02/2024": ["not an ISO date"],
    "45292": ["Excel serial date", "2024-02-01"],
    "45292.5": ["Excel serial date"],
    "Jan-24": ["cannot be read as a date", "2024-02-01"],
    "janv. 2024": ["cannot be read as a date"],
    "Հունվար 2024": ["cannot be read as a date"],
    "2024/02/01": ["not an ISO date", "date_format='%Y/%m/%d'"],
    "2024-02": ["cannot be read as a date"],
    "20240201": ["not an ISO date", "date_format='%Y%m%d'"],
    "2023-02-29": ["is not a date", "day is out of range", "check it"],
    "2024-13-01": ["is not a date", "month must be in 1..12"],
    "0025-01-01": ["has the year 25", "typing error"],
    "2205-01-01": ["has the year 2205", "typing error"],
    "2024-02-01T00:00:00+04:00": ["has a time zone"],
    "2024-02-01 00:00:00Z": ["has a time zone"],
    "2024-02-01 13:30": ["has a time of day"],
    "": ["is blank"],
    "NaT": ["is blank"],
}


@pytest.mark.parametrize(("cell", "told"), DATES.items())
def test_a_date_is_refused_with_its_place_and_cure(written, cell, told):
    message = refusal(written(f"date,count\n2024-01-01,1\n{cell},3\n"))
    assert message.startswith("counts.csv, row 3: date")
    assert all(words in message for words in told), message


MONTHS = {
    "2024-02-15": ["2024-02-15 is not the first of a month", "write it as 2024-02", "start,end"],
    "45292": ["Excel serial date", "write it as 2024-02"],
    "Jan-24": ["'Jan-24' is not an ISO date", "write it as 2024-01", "date_format='%b-%y'"],
    "janv. 2024": ["'janv. 2024' cannot be read as a date", "write it as 2024-02"],
    "01/02/2024": ["ambiguous", "write it as 2024-02"],
    "2024-13": ["'2024-13' is not a date", "month must be in 1..12"],
    "202400": ["'202400' is not a date"],
    "0025-01": ["has the year 25"],
    "2024-01-01T12:00": ["has a time of day"],
    "": ["month is blank", "write it as 2024-02"],
}


@pytest.mark.parametrize(("cell", "told"), MONTHS.items())
def test_a_month_is_refused_with_its_place_and_cure(written, cell, told):
    message = refusal(written(f"month,count\n{cell},3\n"))
    assert message.startswith("counts.csv, row 2: month")
    assert all(words in message for words in told), message


@pytest.mark.parametrize(
    "body",
    [
        b"month,count\n2024-01,\xe9\n",
        "month,count\n2024-01,3\n".encode("utf-16"),
    ],
    ids=["latin-1", "utf-16"],
)
def test_what_is_not_utf8_is_refused_with_the_byte(written, body):
    message = refusal(written(body))
    assert "counts.csv: not UTF-8 text at byte" in message
    assert "save it as 'CSV UTF-8'" in message


def test_a_missing_file_is_named_in_full(tmp_path):
    path = tmp_path / "none.csv"
    assert refusal(path) == f"{path}: no such file; check the path"


def test_a_folder_is_not_a_file(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path}: is a folder; name the CSV file in it"


@pytest.mark.parametrize("name", ["a\0b.csv", "x" * 5000, "\ud800.csv"])
def test_an_impossible_path_is_refused(name):
    assert "check the path" in refusal(name)


# --------------------------------------------------------------------------- what a CSV file may be

PLAIN = "month,count\n2024-01,3\n2024-02,0\n"
SAME_TABLE = {
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "carriage returns": PLAIN.replace("\n", "\r\n"),
    "old Mac ends": PLAIN.replace("\n", "\r"),
    "trailing blank lines": PLAIN + "\n\n , \n",
    "no last line end": PLAIN.rstrip(),
    "spaces around": "month , count\n 2024-01 , 3 \n2024-02,0\n",
    "capitals": PLAIN.replace("month,count", "Month,COUNT"),
    "quotes": '"month","count"\n"2024-01","3"\n"2024-02","0"\n',
    "a row number": ",month,count\n0,2024-01,3\n1,2024-02,0\n",
    "a further column": 'month,count,note\n2024-01,3,"a, b"\n2024-02,0,\n',
    "another order of columns": "count,month\n3,2024-01\n0,2024-02\n",
    "another order of rows": "month,count\n2024-02,0\n2024-01,3\n",
    "first days": "month,count\n2024-01-01,3\n2024-02-01T00:00:00,0\n",
    "YYYYMM": "month,count\n202401,3\n202402,0\n",
    "decimals": "month,count\n2024-01,3.0\n2024-02,-0.0\n",
}


@pytest.mark.parametrize("body", SAME_TABLE.values(), ids=SAME_TABLE)
def test_the_same_table_in_other_clothes_is_read_alike(written, body):
    read = [(o.window, o.series, o.count) for o in read_counts(written(body))]
    assert read == [
        (Window(date(2024, 1, 1), date(2024, 1, 31)), "battle_deaths", 3),
        (Window(date(2024, 2, 1), date(2024, 2, 29)), "battle_deaths", 0),
    ]


def test_an_observation_keeps_the_file_and_row_it_came_from(written):
    last = read_counts(written("month,count\n\n2024-01,3\n"))[-1]
    assert last.id == "counts.csv, row 3"


def test_days_are_read_as_one_day_each(written):
    (read,) = read_counts(written("date,count\n2024-02-29,1\n"), series="violations")
    assert (read.window.days, read.series, read.count) == (1, "violations", 1)


def test_intervals_keep_their_own_series(written):
    body = (
        "start,end,series,count\n2021-06-01,2021-08-24,reports,55\n2021-06-01,2021-06-01,dead,1\n"
    )
    read = read_counts(written(body), series="unused")
    assert [(o.series, o.window.days) for o in read] == [("dead", 1), ("reports", 85)]


def test_the_series_column_of_a_month_table_is_read(written):
    read = read_counts(written("month,series,count\n2024-01,a,1\n2024-01,b,2\n"))
    assert [o.series for o in read] == ["a", "b"]


# -------------------------------------------------------------------------------------- data frames

JANUARY, FEBRUARY = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")
MISSING = pd.array([3, None], dtype="Int64")
FRAMES = {
    "text": pd.DataFrame({"month": ["2024-01", "2024-02"], "count": [3, 0]}),
    "object counts": pd.DataFrame(
        {"month": ["2024-01", "2024-02"], "count": [" 3 ", 0.0]}, dtype=object
    ),
    "nullable": pd.DataFrame(
        {"month": ["2024-01", "2024-02"], "count": pd.array([3, 0], dtype="Int64")}
    ),
    "categories": pd.DataFrame(
        {"month": pd.Categorical(["2024-01", "2024-02"]), "count": pd.Categorical([3, 0])}
    ),
    "datetime64": pd.DataFrame({"month": [JANUARY, FEBRUARY], "count": [3, 0]}),
    "datetime64 objects": pd.DataFrame(
        {
            "month": pd.Series(np.array(["2024-01", "2024-02"], "M8[D]"), dtype=object),
            "count": [3, 0],
        }
    ),
    "dates": pd.DataFrame({"month": [date(2024, 1, 1), date(2024, 2, 1)], "count": [3, 0]}),
    "periods": pd.DataFrame(
        {"month": pd.period_range("2024-01", periods=2, freq="M"), "count": [3, 0]}
    ),
    "YYYYMM": pd.DataFrame({"month": [202401, 202402], "count": [3, 0]}),
    "YYYYMM text": pd.DataFrame({"month": ["202401", "202402"], "count": [3, 0]}),
    "decimals": pd.DataFrame({"month": ["2024-01", "2024-02"], "count": [Decimal(3), Decimal(0)]}),
    "polars": pl.DataFrame({"month": ["2024-01", "2024-02"], "count": [3, 0]}),
    "polars dates": pl.DataFrame({"month": [JANUARY.date(), FEBRUARY.date()], "count": [3, 0]}),
    "polars lazy": pl.LazyFrame({"month": ["2024-01", "2024-02"], "count": [3.0, 0.0]}),
    "polars categories": pl.DataFrame(
        {"month": pl.Series(["2024-01", "2024-02"], dtype=pl.Categorical), "count": [3, 0]}
    ),
    "arrow": pa.table({"month": ["2024-01", "2024-02"], "count": [3, 0]}),
    "arrow dates": pa.table({"month": [JANUARY.date(), FEBRUARY.date()], "count": [3, 0]}),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_frame_is_read_as_the_same_csv_file_is(written, frame):
    from_file = read_counts(written(PLAIN))
    assert [replace(o, id="") for o in read_counts(frame)] == [replace(o, id="") for o in from_file]


def test_a_frame_is_left_as_it_was():
    frame = pd.DataFrame({"Month": ["2024-02", "2024-01"], "Count": [3, 0]})
    before = frame.copy(deep=True)
    read_counts(frame)
    pd.testing.assert_frame_equal(frame, before)


FRAME_CELLS = {
    "missing integer": ({"month": ["2024-01", "2024-02"], "count": MISSING}, "count is blank"),
    "missing float": ({"month": ["2024-01", "2024-02"], "count": [3, np.nan]}, "count is blank"),
    "missing object": ({"month": ["2024-01", "2024-02"], "count": [3, None]}, "count is blank"),
    "boolean": ({"month": ["2024-01", "2024-02"], "count": [3, True]}, "the count is 'True'"),
    "infinite": ({"month": ["2024-01", "2024-02"], "count": [3, np.inf]}, "infinite"),
    "negative": (
        {"month": ["2024-01", "2024-02"], "count": [3, -3]},
        "'-3'; a count cannot be neg",
    ),
    "fraction": ({"month": ["2024-01", "2024-02"], "count": [3, 2.5]}, "'2.5'; a count is whole"),
    "huge": ({"month": ["2024-01", "2024-02"], "count": [3, 10**5000]}, "over 1,000,000,000"),
    "list": ({"month": ["2024-01", "2024-02"], "count": [3, [1]]}, "the count is '[1]'"),
    "missing month": ({"month": ["2024-01", None], "count": [3, 0]}, "month is blank"),
    "missing day": ({"date": [JANUARY, pd.NaT], "count": [3, 0]}, "date is blank"),
    "missing series": (
        {"month": ["2024-01", "2024-02"], "count": 0, "series": ["a", np.nan]},
        "name it",
    ),
    "serial": ({"date": [JANUARY, 45292], "count": [3, 0]}, "'45292' looks like an Excel serial"),
    "float serial": (
        {"date": [JANUARY, 45292.0], "count": [3, 0]},
        "'45292.0' looks like an Excel",
    ),
    "month serial": (
        {"month": ["2024-01", 45292.0], "count": [3, 0]},
        "Excel serial date; write it as 2024-02",
    ),
    "time zone": (
        {"date": [JANUARY, datetime(2024, 1, 2, tzinfo=UTC)], "count": [3, 0]},
        "time zone",
    ),
    "time of day": (
        {"date": [JANUARY, datetime(2024, 1, 2, 0, 0, 0, 1)], "count": [3, 0]},
        "time of day",
    ),
    "mid-month": (
        {"month": [JANUARY, date(2024, 2, 2)], "count": [3, 0]},
        "not the first of a month",
    ),
    "quarter": (
        {"month": ["2024-01", pd.Period("2024Q2")], "count": [3, 0]},
        "'2024Q2' is 2024-04-01 to 2024-06-30, not one month",
    ),
    "week": (
        {"month": ["2024-01", pd.Period("2024-07-01", "W")], "count": [3, 0]},
        "not one month",
    ),
    "end first": (
        {"start": [JANUARY, FEBRUARY], "end": [JANUARY, JANUARY], "series": "a", "count": 0},
        "end 2024-01-01 is before start 2024-02-01",
    ),
}


@pytest.mark.parametrize(("columns", "told"), FRAME_CELLS.values(), ids=FRAME_CELLS)
def test_a_cell_of_a_frame_is_refused_with_its_row(columns, told):
    cells = {
        k: pd.Series(v, dtype=object) if isinstance(v, list) else v for k, v in columns.items()
    }
    message = refusal(pd.DataFrame(cells))
    assert message.startswith("data frame, row 2: ")
    assert told in message, message


def test_a_column_of_booleans_is_refused():
    frame = pd.DataFrame({"month": ["2024-01"], "count": [True]})
    assert "data frame, row 1: the count is 'True'; write a whole number" in refusal(frame)


@pytest.mark.parametrize(
    "source", [None, 5, ["2024-01", 3], {"month": ["2024-01"]}, pd.Series([1])]
)
def test_what_is_no_frame_is_refused(source):
    assert f"counts given as {type(source).__name__}; pass a CSV path or a data frame" in refusal(
        source
    )


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([["2024-01", 1, 2]], columns=["month", "count", "count"]),
        pd.DataFrame([["2024-01", 1, 2]], columns=["month", "count", " COUNT "]),
        pa.table(
            [pa.array(["2024-01"]), pa.array([1]), pa.array([2])], ["month", "count", "count"]
        ),
    ],
)
def test_a_frame_with_a_column_twice_is_refused(frame):
    assert "twice; keep one" in refusal(frame)


def test_an_empty_frame_has_no_rows():
    assert "data frame: no rows of counts" in refusal(pd.DataFrame({"month": [], "count": []}))


# ----------------------------------------------------------------------------------- whatever comes


def refusal_or_place(source):
    """Either the refusal, or where the first row that was read came from."""
    try:
        return read_counts(source)[0].id
    except EvidenceError as error:
        return str(error)


@given(st.text())
def test_any_text_is_read_or_refused(tmp_path, text):
    path = tmp_path / "any.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert "any.csv" in refusal_or_place(path)


CELL = st.one_of(st.text(max_size=12), st.from_regex(r"[0-9/.,T:+ -]{0,20}", fullmatch=True))


@given(st.sampled_from(["month,count", "date,count", "start,end,series,count"]), st.data())
def test_any_cells_under_a_good_header_are_read_or_refused(tmp_path, header, data):
    width = header.count(",") + 1
    rows = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=3))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header.split(","), *rows])
    path = tmp_path / "any.csv"
    path.write_bytes(text.getvalue().encode())
    assert "any.csv" in refusal_or_place(path)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(), DAYS),
            st.one_of(
                st.none(),
                st.booleans(),
                st.floats(),
                st.integers(),
                st.text(),
                st.decimals(allow_nan=False),
            ),
        ),
        max_size=3,
    )
)
def test_any_values_in_a_frame_are_read_or_refused(rows):
    frame = pd.DataFrame(rows, columns=["month", "count"], dtype=object)
    assert "data frame" in refusal_or_place(frame)


@st.composite
def tables(draw):
    """Rows of (start, end, series, count) that do not overlap within a series."""
    rows = []
    for series in draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True)):
        ends = sorted(draw(st.sets(DAYS, min_size=2, max_size=8)))
        pairs = zip(ends[::2], ends[1::2], strict=False)
        rows += [(a, b, series, draw(COUNTS)) for a, b in pairs]
    return draw(st.permutations(rows))


@given(tables())
def test_what_is_written_is_what_is_read(tmp_path, rows):
    path = tmp_path / "counts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("start", "end", "series", "count"), *rows])
    read = read_counts(path)
    assert [(o.window.start, o.window.end, o.series, o.count) for o in read] == sorted(
        rows, key=lambda r: (r[2], r[0])
    )
    frame = pd.DataFrame(rows, columns=["start", "end", "series", "count"])
    assert [replace(o, id="") for o in read_counts(frame)] == [replace(o, id="") for o in read]


@given(st.integers(1900, 2100), st.integers(1, 12))
def test_a_month_is_the_same_in_every_spelling(year, month):
    spellings = [f"{year}-{month:02}", f"{year}{month:02}", 100 * year + month]
    spellings += [date(year, month, 1), pd.Period(year=year, month=month, freq="M")]
    read = [
        read_counts(pl.DataFrame({"month": [s], "count": [1]}))[0].window for s in spellings[:4]
    ]
    read += [read_counts(pd.DataFrame({"month": [spellings[4]], "count": [1]}))[0].window]
    assert len(set(read)) == 1
    assert read[0].start == date(year, month, 1)
    assert read[0].days in (28, 29, 30, 31)


# ------------------------------------------------------------------------------------------ windows


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(EvidenceError, match="ends before it starts"):
        Window(date(2024, 2, 1), date(2024, 1, 31))


@st.composite
def windows(draw):
    return Window(*sorted(draw(st.tuples(SOME_DAYS, SOME_DAYS))))


SOME_DAYS = st.dates(date(2021, 1, 1), date(2021, 3, 31))


def days_of(some):
    return [d for w in some for d in range(w.start.toordinal(), w.end.toordinal() + 1)]


@given(windows(), st.lists(windows(), max_size=4))
def test_cutting_holes_out_is_a_difference_of_days(window, holes):
    assert days_of(without([window], holes)) == sorted(set(days_of([window])) - set(days_of(holes)))


@given(windows(), windows())
def test_overlap_counts_the_common_days(a, b):
    assert a.overlap(b) == b.overlap(a) == len(set(days_of([a])) & set(days_of([b])))


# ----------------------------------------------------------------------------------------- evidence

YEAR = Window(date(2021, 1, 1), date(2021, 12, 31))
MAY = Window(date(2021, 5, 1), date(2021, 5, 31))


def evidence(mode, *rows, coverage=(YEAR,)):
    series = Series("s", "n", mode, coverage=coverage)
    return Evidence({"s": series}, [Observation(w, "s", c) for w, c in rows])


def day(month, number):
    return Window(date(2021, month, number), date(2021, month, number))


REFUSED = {
    "unknown mode": (lambda: Series("s", "n", "count"), "did you mean 'counts'"),
    "overlapping coverage": (lambda: Series("s", "n", coverage=(YEAR, MAY)), "join them"),
    "unknown series": (
        lambda: Evidence({"deaths": Series("deaths", "n")}, [Observation(MAY, "death", 1)]),
        "unknown series 'death'; did you mean 'deaths'",
    ),
    "misfiled series": (lambda: Evidence({"a": Series("b", "n")}, []), "'b' is filed under 'a'"),
    "unknown number": (lambda: evidence("counts", (MAY, float("nan"))), "the count is nan"),
    "negative": (lambda: evidence("counts", (MAY, -1)), "a whole number, 0 or more"),
    "fraction": (lambda: evidence("events", (MAY, 0.5)), "a whole number, 0 or more"),
    "infinite": (lambda: evidence("counts", (MAY, float("inf"))), "a whole number, 0 or more"),
    "state": (lambda: evidence("status", (MAY, 2)), "a status row takes 0 or 1"),
    "share": (lambda: evidence("share", (MAY, 94)), "a share between 0 and 1"),
    "a total twice": (lambda: evidence("counts", (MAY, 1), (MAY, 2)), "is listed twice"),
    "a day in a total": (lambda: evidence("counts", (MAY, 1), (day(5, 2), 2)), "overlaps"),
    "an event elsewhere": (
        lambda: evidence("events", (day(6, 1), 1), coverage=(MAY,)),
        "2021-06-01 lies outside its coverage (2021-05-01 to 2021-05-31)",
    ),
    "an event without coverage": (
        lambda: evidence("events", (day(6, 1), 1), coverage=()),
        "outside its coverage (none)",
    ),
    "a suspect row": (
        lambda: Evidence({"s": Series("s", "n")}, [Observation(MAY, "s", 1, suspect="two years")]),
        "not for use (two years)",
    ),
    "a row not for use": (
        lambda: Evidence({"s": Series("s", "n")}, [Observation(MAY, "s", 1, use=False)]),
        "not for use",
    ),
}


@pytest.mark.parametrize(("build", "told"), REFUSED.values(), ids=REFUSED)
def test_inconsistent_evidence_is_refused(build, told):
    with pytest.raises(EvidenceError) as caught:
        build()
    assert told in str(caught.value)


def test_two_events_on_one_day_are_two_events():
    assert len(evidence("events", (day(5, 2), 1), (day(5, 2), 1)).observations) == 2


def test_a_series_is_replaced_whole():
    old = evidence("counts", (MAY, 3))
    new = old.with_series(
        Series("s", "n"), read_counts(pd.DataFrame({"month": ["2024-01"], "count": 7}), "s")
    )
    assert [o.count for o in new.observations] == [7]
    assert [o.count for o in old.observations] == [3]


def test_counts_of_a_user_replace_the_rows_and_the_coverage_of_their_series():
    mine = read_counts(pd.DataFrame({"month": ["2021-03"], "count": [7]}), "pressure")
    new = load().with_counts(mine)
    assert [o.count for o in new.observations if o.series == "pressure"] == [7]
    assert (new.series["pressure"].mode, new.series["pressure"].coverage) == ("counts", ())
    assert new.series["pressure"].node == load().series["pressure"].node
    assert new.as_of(date(2021, 2, 28)).series.get("pressure") is None


@pytest.mark.parametrize("name", ["battle_deths", "treaty", "arms_share"])
def test_counts_of_a_series_that_holds_none_are_refused(name):
    mine = read_counts(pd.DataFrame({"month": ["2021-03"], "count": [1]}), name)
    with pytest.raises(
        EvidenceError, match=f"unknown series '{name}' in the counts; .*Allowed: arm"
    ):
        load().with_counts(mine)


def test_the_embedded_evidence_cannot_be_changed_in_place():
    with pytest.raises(TypeError):
        load().series["battle_deaths"] = None


def test_evidence_survives_pickling():
    assert pickle.loads(pickle.dumps(load())) == load()  # noqa: S301 (our own bytes)


def test_a_hostile_name_is_escaped_in_a_notebook():
    name = "<script>alert(1)</script>"
    shown = Evidence({name: Series(name, "n")}, [])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_the_summary_names_every_series_and_its_span():
    shown = repr(evidence("counts", (MAY, 3)))
    assert "1 series, 1 observations" in shown
    assert "2021-01-01 to 2021-12-31  -> n" in shown


# -------------------------------------------------------------------------------------- as of a day


@given(st.dates(date(2013, 12, 1), date(2026, 12, 31)))
def test_nothing_that_ends_later_is_known(last):
    known = load().as_of(last)
    assert all(o.window.end <= last for o in known.observations)
    assert all(w.end <= last for s in known.series.values() for w in s.coverage)


@given(st.dates(date(2013, 12, 1), date(2026, 12, 31)))
def test_what_has_ended_is_known_unless_an_open_row_hides_its_days(last):
    rows = load().observations
    hidden = {
        (o.series, o.id)
        for o in rows
        for later in rows
        if later.series == o.series and later.window.end > last and o.window.overlap(later.window)
    }
    known = {(o.series, o.id) for o in load().as_of(last).observations}
    assert known == {(o.series, o.id) for o in rows if o.window.end <= last} - hidden


@given(*[st.dates(date(2020, 1, 1), date(2026, 12, 31))] * 2)
def test_looking_back_twice_is_looking_back_to_the_earlier_day(a, b):
    assert load().as_of(max(a, b)).as_of(min(a, b)).digest == load().as_of(min(a, b)).digest


@given(st.dates(date(2021, 1, 30), date(2021, 5, 30)))
def test_an_unfinished_total_is_unknown_and_not_zero(last):
    known = load().as_of(last)
    assert "working_group_meetings" not in known.series


def test_a_month_still_open_leaves_the_coverage_of_events():
    known = evidence("events", (MAY, 2), (day(4, 3), 1)).as_of(date(2021, 5, 20))
    assert known.series["s"].coverage == (Window(date(2021, 1, 1), date(2021, 4, 30)),)


def test_a_series_without_coverage_or_rows_is_not_known_yet():
    assert "corridor" not in load().as_of(date(2020, 11, 9)).series
    assert "corridor" in load().as_of(date(2020, 11, 10)).series


def test_the_years_without_a_mission_are_known_before_it_came():
    before, after = (
        {o.count for o in load().as_of(day).observations if o.series == "peacekeepers"}
        for day in (date(2020, 11, 9), date(2020, 11, 10))
    )
    assert (before, after) == ({0}, {0, 1})


# ------------------------------------------------------------------------------------------ digests


@given(tables(), st.randoms(use_true_random=False), st.data())
def test_the_digest_follows_the_numbers_and_not_the_order(rows, random, data):
    series = {s: Series(s, "n") for s in "abc"}
    seen = [Observation(Window(a, b), s, c) for a, b, s, c in rows]
    first = Evidence(series, seen).digest
    shuffled = random.sample(seen, len(seen))
    assert Evidence(dict(reversed(series.items())), shuffled).digest == first
    i = data.draw(st.integers(0, len(seen) - 1))
    changed = [*seen[:i], replace(seen[i], count=seen[i].count + 1), *seen[i + 1 :]]
    assert Evidence(series, changed).digest != first


@pytest.mark.parametrize(
    "change", [{"node": "m"}, {"mode": "share"}, {"coverage": (MAY,)}, {"name": "t"}]
)
def test_the_digest_follows_what_a_series_means(change):
    plain = Series("s", "n")
    other = replace(plain, **change)
    assert Evidence({"s": plain}, []).digest != Evidence({other.name: other}, []).digest


def test_the_digest_does_not_follow_notes_and_sources():
    plain, told = Series("s", "n"), Series("s", "n", unit="dead", source="a book", note="long")
    assert Evidence({"s": plain}, []).digest == Evidence({"s": told}, []).digest


def test_whole_numbers_of_either_type_have_one_digest():
    assert evidence("counts", (MAY, 3)).digest == evidence("counts", (MAY, 3.0)).digest


# ---------------------------------------------------------------------------------- embedded tables


def test_every_embedded_row_has_a_source_a_text_and_its_own_id():
    assert all(o.source and o.what and o.id for o in table())
    assert len({o.id for o in table()}) == len(table())


def test_every_series_has_a_source_a_unit_and_a_reason_for_its_window():
    assert all(s.source and s.unit and s.note for s in load().series.values())


def test_suspect_rows_are_carried_and_never_used():
    suspects = [o for o in table() if o.suspect]
    assert len(suspects) >= 14
    assert not any(o.use for o in suspects)
    assert not {o.id for o in suspects} & {o.id for o in load().observations}


def test_rows_in_use_name_a_series():
    assert all(o.series in load().series for o in table() if o.use)


def test_no_zero_is_claimed_for_the_day_of_a_suspect_event():
    for o in table():
        if o.suspect and o.series and load().series[o.series].mode == "events":
            assert not any(o.window.overlap(c) for c in load().series[o.series].coverage), o.id


def test_the_war_is_one_total_and_the_days_after_it_are_unknown():
    deaths = [o.window for o in load().observations if o.series == "battle_deaths"]
    assert Window(date(2020, 9, 27), date(2020, 11, 10)) in deaths
    rest = without([Window(date(2020, 11, 1), date(2020, 12, 31))], deaths)
    assert rest == (Window(date(2020, 11, 11), date(2020, 11, 30)),)


def test_embedded_deaths_are_those_of_the_reference_material(shared):
    with (shared / "facts" / "battle_deaths.csv").open(encoding="utf-8", newline="") as file:
        facts = {(r["start"], r["end"]): float(r["count"]) for r in csv.DictReader(file)}
    deaths = [o for o in table() if o.series == "battle_deaths"]
    assert {(str(o.window.start), str(o.window.end)): o.count for o in deaths} == facts


def test_embedded_facts_carry_the_dates_of_the_reference_material(shared):
    with (shared / "seed" / "events.csv").open(encoding="utf-8", newline="") as file:
        seed = {
            r["id"]: (r["date_start"], r["date_end"])
            for r in csv.DictReader(file)
            if r["date_start"]
        }
    carried = {o.id: (str(o.window.start), str(o.window.end)) for o in table()}
    assert {name: carried.get(name) for name in seed} == seed


def test_cutting_totals_of_zero_changes_no_count_and_no_day():
    whole = [o for o in table() if o.use and o.series == "battle_deaths" and not o.suspect]
    cut = [o for o in load().observations if o.series == "battle_deaths"]
    assert len(cut) > len(whole)

    def totals(own):
        return sum(o.count for o in own), sum(o.window.days for o in own)

    assert totals(whole) == totals(cut)
    last = date(2024, 11, 30)
    known = [o for o in load().as_of(last).observations if o.series == "battle_deaths"]
    assert max(o.window.end for o in known) == last


@pytest.mark.parametrize(
    ("start", "end", "whole"),
    [
        ((2024, 2, 1), (2024, 2, 29), True),
        ((2024, 2, 1), (2024, 2, 28), False),
        ((2024, 2, 2), (2024, 2, 29), False),
        ((2024, 1, 1), (2024, 2, 29), False),
        ((2023, 12, 1), (2023, 12, 31), True),
    ],
)
def test_a_whole_month_is_a_calendar_month(start, end, whole):
    assert Window(date(*start), date(*end)).whole_month is whole
