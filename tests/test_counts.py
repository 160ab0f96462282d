"""A user's counts, from any file or frame: what is read, what is refused, what is said of it.

The tests named `test_fault_NN_...` are one for each way in which counts are known to be faulty.
"""

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import caucasus_forecast as cf
from caucasus_forecast import case as cases
from caucasus_forecast import cli
from caucasus_forecast import forecasting as engine
from caucasus_forecast.errors import CaucasusForecastError, EvidenceError
from caucasus_forecast.evidence import (
    Event,
    Window,
    files,
    load,
    monthly,
    read,
    read_counts,
    settling,
)
from caucasus_forecast.evidence.settling import label
from caucasus_forecast.report import page

TODAY = date(2026, 3, 10)
KNOWN = tuple(load().series)
PLAIN = "month,count\n2024-01,3\n2024-02,0\n"
TWO = {"2024-01": 3, "2024-02": 0}
BRIEF = {"draws": 4, "tune": 50, "chains": 1, "paths": 2, "horizon": 1}


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr(settling, "today", lambda: TODAY)


@pytest.fixture
def written(tmp_path):
    """Write a file, from text or bytes, and give its path."""

    def write(body, name="counts.csv"):
        path = tmp_path / name
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path

    return write


def understood(source, **reading):
    return read(source, reading=reading, known=KNOWN)


def counts(source, **reading):
    """What was read of one series, by month or by days."""
    found = understood(source, **reading)
    assert not found.problems, found.problems
    return {label(o.window): o.count for o in found.rows}


def repairs(source, **reading):
    found = understood(source, **reading)
    assert not found.problems, found.problems
    return " | ".join(found.repairs)


def problems(source, **reading):
    return [str(p) for p in understood(source, **reading).problems]


def problem(source, **reading):
    (only,) = understood(source, **reading).problems
    return only


def cell(text, column="count"):
    """A good table with one odd cell in row 3."""
    row = f"2024-02,{text}" if column == "count" else f"{text},1"
    return f"{column if column != 'count' else 'month'},count\n{'2024-01-01'},3\n{row}\n"


def forecast_of(source, reading=None, **changes):
    """A forecast of few draws, whose checks fail: what is said of the counts is the same."""
    case = cases.make("test", {"evidence": str(source), "reading": reading, **BRIEF, **changes})
    return engine.run(case)


# --------------------------------------------------------------------------- the faults, by number


@pytest.mark.parametrize("body", ["", "\n \n,,\n", b"\xef\xbb\xbf"], ids=["none", "blank", "mark"])
def test_fault_01_empty_file(written, body):
    assert problems(written(body)) == ["counts.csv: the file is empty; it needs a header and rows"]


@pytest.mark.parametrize("header", ["month,count", "date_start,date_end,best"])
def test_fault_01_header_only(written, header):
    assert "no rows of" in problem(written(header + "\n")).problem


def test_fault_02_wrong_columns(written):
    said = str(problem(written("date,n\n2024-01-01,3\n")))
    assert "columns are 'date,n'; needed: start,end,series,count or month,count or date," in said
    assert "'n' looks like 'count'" in said
    assert "choose columns={'count': 'n'}, --count-col on the command line" in said
    said = str(problem(written("mnth,count\n2024-01,3\n")))
    assert "'mnth' looks like 'month'" in said
    assert "--month-col" in said


def test_fault_02_wrong_columns_named(written):
    path = written("When,n\n2024-01,3\n2024-02,0\n")
    assert counts(path, columns={"month": "When", "count": "n"}) == TWO
    said = str(problem(path, columns={"month": "Wen", "count": "n"}))
    assert "no column 'Wen' for month; did you mean 'when'? Allowed: n, when" in said


def test_fault_03_duplicate_columns(written):
    assert "column 'count' appears twice; keep one" in str(
        problem(written("month,count,Count\n2024-01,3,4\n"))
    )


def test_fault_04_unsorted(written):
    path = written("month,count\n2024-02,0\n2024-01,3\n")
    assert counts(path) == TWO
    assert repairs(path) == "battle_deaths: rows were not in order of time, sorted"


@pytest.mark.parametrize(("choice", "kept"), [("sum", 7), ("last", 4)])
@pytest.mark.parametrize("second", [4, 3])
def test_fault_05_duplicate_month(written, choice, kept, second):
    path = written(f"month,count\n2024-01,3\n2024-01,{second}\n")
    said = str(problem(path))
    assert "2024-01-01 to 2024-01-31 is listed twice (counts.csv, row 2; counts.csv, row 3)" in said
    assert "duplicates='sum' (added up) or duplicates='last'" in said
    assert "--duplicates on the command line" in said
    assert counts(path, duplicates=choice) == {"2024-01": kept - 4 + second}
    assert "is listed twice (counts.csv, row 2; counts.csv, row 3: 3; " in repairs(
        path, duplicates=choice
    )


@pytest.mark.parametrize(
    ("choice", "read_", "said"),
    [
        ("missing", {}, "no row for 2024-02 to 2024-03, left unknown"),
        ("zero", {"2024-02": 0, "2024-03": 0}, "no row for 2024-02 to 2024-03, counted as zero"),
    ],
)
def test_fault_07_missing_month(written, choice, read_, said):
    path = written("month,count\n2024-01,3\n2024-04,1\n")
    asked = str(problem(path))
    assert "no row for 2024-02 to 2024-03; choose gaps='missing' (they are unknown)" in asked
    assert "gaps='zero' (nothing happened), --gaps on the command line" in asked
    assert counts(path, gaps=choice) == {"2024-01": 3, **read_, "2024-04": 1}
    assert repairs(path, gaps=choice) == f"battle_deaths: {said}"


def test_fault_09_negative(written):
    found = problem(written(cell("-1")))
    assert str(found) == "counts.csv, row 3: the count is '-1'; a count cannot be negative"
    assert (found.row, found.column, found.value) == (3, "count", "-1")


def test_fault_10_fractional(written):
    assert "the count is '2.5'; a count is whole, not fractional" in str(
        problem(written(cell("2.5")))
    )
    assert counts(written(cell("3.0"))) == {"2024-01": 3, "2024-02": 3}


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ('"1,234"', "write 1234 without separators"),
        ('"3,5"', "a decimal comma? Write a whole number"),
        ("1 234", "write 1234 without separators"),
        ("1\u00a0234", "write 1234 without separators"),
        ("3*", "write a whole number, 3, and the mark in another column"),
        ("1.23E+06", "a spreadsheet may have rounded it: write all its digits"),
        ("1e400", "which is infinite: write the number"),
        ("?", "write a whole number, 0 or more; drop the row if it is unknown"),
    ],
)
def test_fault_11_marks_in_numbers(written, text, cure):
    found = problem(written(cell(text)))
    assert (found.row, found.cure) == (3, cure)


def test_fault_13_very_large(written):
    tree = forecast_of(written("month,count\n2021-01,1000000\n2021-02,1000000\n")).tree
    said = json.loads(tree.attrs["cautions"])[0]
    assert "2021-01 has 1,000,000, above the" in said or "2021-02 has 1,000,000, above the" in said
    assert "a month of the highest level in the reference class" in said
    assert np.isfinite(tree["log_likelihood"]["evidence"]).all()


def test_fault_14_all_zeros(written):
    tree = forecast_of(written("month,count\n2021-01,0\n2021-02,0\n2021-03,0\n")).tree
    assert "every count is 0" in tree.attrs["cautions"]
    assert "(weakly informed)" in tree.attrs["cautions"]
    assert np.isfinite(tree["log_likelihood"]["evidence"]).all()


def test_fault_15_one_month(written, capsys):
    path = written("month,count\n2024-01,3\n")
    assert cli.main(["validate", str(path)]) == cli.main(["run", str(path)]) == 2
    for said in capsys.readouterr().err.split("error: ")[1:]:
        assert "1 month of tension known by 2024-01-31" in said
        assert "at least 2 are needed to see a change" in said


def test_fault_16_single_outlier(written):
    body = "month,count\n2021-01,3\n2021-02,90000\n2021-03,0\n"
    tree = forecast_of(written(body)).tree
    said = json.loads(tree.attrs["cautions"])[0]
    assert "battle_deaths: 2021-02 has 90,000, and the next largest count is 3" in said
    assert "without that row, and with the model 'reference'" in said
    assert np.isfinite(tree["log_likelihood"]["evidence"]).all()


@pytest.mark.parametrize("text", ["three", "true", "False", "TRUE", "0x10", "1_000", "½", "3 dead"])
def test_fault_18_text_or_truth(written, text):
    assert f"the count is {text!r}; write a whole number, 0 or more" in str(
        problem(written(cell(text)))
    )


@pytest.mark.parametrize("values", [[True, False], pd.array([True, None], dtype="boolean")])
def test_fault_18_truth_in_a_frame(values):
    found = problems(pd.DataFrame({"month": ["2024-01", "2024-02"], "count": values}))
    assert "data frame, row 1: the count is 'True'; write a whole number, 0 or more" in found


def test_fault_19_byte_order_mark(written):
    assert counts(written(b"\xef\xbb\xbf" + PLAIN.encode())) == TWO


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolon"), ("\t", "tab")])
def test_fault_21_other_separators(written, mark, name):
    path = written(PLAIN.replace(",", mark))
    assert counts(path) == TWO
    assert repairs(path) == f"counts.csv: columns are separated by a {name}"
    assert counts(path, separator=name) == TWO


def test_fault_21_two_separators_that_fit(written):
    path = written("month;count,x\n2024-01;3,x\n")
    assert (
        "columns may be separated by a comma or a semicolon; choose separator='comma' or "
        "separator='semicolon', --separator on the command line" in str(problem(path))
    )
    wide = written("month,count;note\n2024-01,3;a\n2024-02,0;b;c\n")
    assert "separated by a comma" not in str(problems(wide))  # only one fits all rows


def test_fault_21_a_note_to_a_spreadsheet(written):
    said = str(problem(written("sep=;\nmonth;count\n2024-01;3\n")))
    assert "'sep=;' is a note to a spreadsheet; remove the line; choose separator=" in said


@pytest.mark.parametrize(
    "body",
    [PLAIN.replace("\n", "\r\n"), PLAIN + "\n\n , \n", "\n\n" + PLAIN, PLAIN.rstrip()],
    ids=["CRLF", "trailing", "leading", "no last end"],
)
def test_fault_24_line_ends_and_blank_lines(written, body):
    assert counts(written(body)) == TWO


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ("# made by hand\n" + PLAIN, 1),
        ("month,count\n2024-01,3\n# checked\n2024-02,0\n", 3),
        ("month,count\n2024-01,3\n# checked, twice\n2024-02,0\n", 3),
    ],
)
def test_fault_24_comments(written, body, row):
    found = problem(written(body))
    assert (found.row, found.cure) == (row, "remove the line; a CSV has none")
    assert "is a comment" in found.problem


@pytest.mark.parametrize("column", ["month", "date"])
@pytest.mark.parametrize("serial", ["45292", "45292.0", "45292.5"])
def test_fault_25_excel_serial(written, column, serial):
    assert f"{column} {serial!r} looks like an Excel serial date; write it as 2024-02" in str(
        problem(written(cell(serial, column)), gaps="missing")
    )


def test_fault_25_excel_serial_in_a_workbook(workbook):
    found = problems(workbook({"a": [["month", "count"], [45292, 3], [45323, 0]]}))
    assert all("looks like an Excel serial date" in said for said in found)
    assert len(found) == 2


@pytest.mark.parametrize("months", [["202401", "202402"], [202401, 202402], [202401.0, 202402.0]])
def test_fault_26_year_and_month_run_together(written, months):
    frame = pd.DataFrame({"month": months, "count": [3, 0]})
    said = "months such as 202401 were read as 2024-01"
    if isinstance(months[0], float):
        assert "cannot be read as a date" in problems(frame)[0]
        return
    assert counts(frame) == TWO
    assert repairs(frame) == said
    assert repairs(written(frame.to_csv(index=False))) == said


@pytest.mark.parametrize(("form", "month"), [("%d/%m/%Y", "2024-02"), ("%m/%d/%Y", "2024-01")])
def test_fault_27_day_or_month_first(written, form, month):
    path = written("month,count\n01/02/2024,3\n")
    said = str(problem(path))
    assert "'01/02/2024' is ambiguous, day or month first (2024-02-01 or 2024-01-02)" in said
    assert "date_format='%d/%m/%Y' or date_format='%m/%d/%Y', --date-format on" in said
    dated = written("date,count\n01/02/2024,3\n")
    assert list(counts(dated, date_format=form)) == [f"{month}-0{3 - int(month[-1])}"]
    assert repairs(dated, date_format=form) == f"dates were read as {form}"


def test_fault_27_one_format_for_all(written):
    path = written("date,count\n13/02/2024,3\n02/14/2024,1\n")
    assert "date '02/14/2024' is not in the date_format '%d/%m/%Y'; write every date in one" in str(
        problem(path, date_format="%d/%m/%Y")
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Jan-24", "write it as 2024-01, or choose date_format='%b-%y', --date-format"),
        ("January 2024", "write it as 2024-01, or choose date_format='%B %Y'"),
        ("2024-1", "write it as 2024-01, or choose date_format='%Y-%m'"),
        ("janv. 2024", "write it as 2024-02, year first"),
        ("հունվար 2024", "write it as 2024-02, year first"),
        ("январь 2024", "write it as 2024-02, year first"),
    ],
)
def test_fault_28_names_of_months(written, text, hint):
    found = problem(written(f"month,count\n{text},3\n"))
    assert text in found.problem
    assert hint in found.cure


def test_fault_28_names_of_months_chosen(written):
    path = written("month,count\nJan-24,3\nFEB-24,0\n")
    assert counts(path, date_format="%b-%y") == TWO


def test_fault_30_days_within_months(written):
    path = written("date,count\n2024-01-01,3\n2024-01-08,1\n2024-02-05,2\n")
    said = str(problem(path))
    assert "its rows are single days, and 33 days between them have none" in said
    assert "choose aggregate='month' (each month is the sum of its rows), --aggregate" in said
    assert counts(path, aggregate="month") == {"2024-01": 4, "2024-02": 2}
    assert repairs(path, aggregate="month") == (
        "battle_deaths: 3 dated rows are added up to 2 whole months, to the end of 2024-02 though "
        "the last row is of 2024-02-05; 57 days without a row count as zero"
    )
    assert "month 2024-01-15 is not the first of a month; write it as 2024-01" in str(
        problem(written("month,count\n2024-01-15,3\n"))
    )


def test_fault_32_last_month_not_over(written):
    path = written("month,count\n2026-01,3\n2026-02,1\n2026-03,9\n")
    assert counts(path) == {"2026-01": 3, "2026-02": 1}
    assert repairs(path) == (
        "battle_deaths: 2026-03 is not over (today is 2026-03-10) and is left out; "
        "incomplete='keep' keeps it"
    )
    assert counts(path, incomplete="keep")["2026-03"] == 9
    assert repairs(path, incomplete="keep") == "battle_deaths: 2026-03 is kept, though not over"
    ahead = written("month,count\n2026-02,1\n2026-03,9\n2026-04,9\n")
    assert "2026-04 has not begun (today is 2026-03-10); correct the date" in str(problem(ahead))


@pytest.mark.parametrize("year", [2000, 2024, 2100])
def test_fault_33_leap_days(written, year):
    path = written(f"date,count\n{year}-02-28,1\n{year}-02-29,1\n{year}-03-01,1\n")
    if year == 2100:
        assert "'2100-02-29' is not a date (day is out of range for month)" in problems(path)[0]
    else:
        assert len(counts(path)) == 3
        (february,) = read(written(f"month,count\n{year}-02,1\n")).rows
        assert february.window.days == 29


@pytest.mark.parametrize("text", ["1402-10-11", "2567-01-05"])  # Persian, Thai
def test_fault_33_other_calendars(written, text):
    assert f"has the year {text[:4]}; is it a typing error?" in str(
        problem(written(f"date,count\n{text},3\n"))
    )


def test_fault_36_hostile_cells(written, altered):
    found = problems(written("month,series,count\n2024-01,=cmd(),=1+1\n2024-02,=cmd(),<script>\n"))
    assert "the count is '=1+1'; write a whole number" in found[0]
    assert "the count is '<script>'; write a whole number" in found[1]
    body = "month,count,source\n2021-01,3,=cmd() <script>alert(1)</script> $x_{\n2021-02,1,\n"
    forecast = forecast_of(written(body), title="$x_{ <script>alert(2)</script>")
    assert "=cmd() <script>alert(1)</script> $x_{" in forecast.tree.attrs["citation"]
    shown = page(forecast, {})
    assert "<script>alert" not in shown
    assert "=cmd() &lt;script&gt;alert(1)&lt;/script&gt; $x_{" in shown
    assert "$x_{ &lt;script&gt;alert(2)&lt;/script&gt;" in shown


def test_fault_40_file_replaced_while_it_is_read(written, monkeypatch):
    path = written(PLAIN)
    honest = files.body_of

    def replaced(name):
        body = honest(name)
        path.write_text("month,count\n2024-01,999\n")
        return body

    monkeypatch.setattr(files, "body_of", replaced)
    found = understood(path)
    assert [o.count for o in found.rows] == [3, 0]
    assert found.digest == hashlib.sha256(PLAIN.encode()).hexdigest()


def test_fault_40_the_copy_in_the_folder_is_what_was_read(
    written, tmp_path, altered, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    written("month,count\n2024-01,3\n2024-02,1\n")
    other = hashlib.sha256(b"another file").hexdigest()
    monkeypatch.setattr(engine, "run", lambda case, **_: altered(evidence_sha256=other))
    assert cli.main(["run", "counts.csv"]) == 2
    assert "counts.csv: the file changed during the run; run it again" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["counts.csv"]


# --------------------------------------------------------------------------- 41: packed files


def packed(parts):
    """A zip archive of named parts."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return body.getvalue()


@pytest.fixture
def small_limits(monkeypatch):
    """Limits that a test can reach at once."""
    from caucasus_forecast.evidence import parquet, workbooks

    for module in (files, workbooks, parquet):
        monkeypatch.setattr(module, "MOST_BYTES", 100_000)


def bombs():
    columns = {"month": ["2024-01"] * 50_000, "count": [3] * 50_000, "note": ["x" * 99] * 50_000}
    parquet = io.BytesIO()
    pq.write_table(pa.table(columns), parquet, use_dictionary=False)
    sheet = {"xl/workbook.xml": "<x/>", "xl/worksheets/sheet1.xml": "0" * 300_000}
    return {
        "bomb.csv.gz": gzip.compress(b"0" * 300_000),
        "bomb.xlsx": packed(sheet),
        "bomb.parquet": parquet.getvalue(),
        "bomb.csv": b"0" * 300_000,
    }


@pytest.mark.parametrize(("name", "body"), bombs().items(), ids=list(bombs()))
def test_fault_41_bombs(written, small_limits, name, body):
    found = problem(written(body, name))
    assert found.problem.endswith("over 0 MB")
    assert found.cure == "keep the rows and columns that are needed"


OTHER_FILES = {
    "plain.zip": (packed({"a.csv": PLAIN}), "is a zip archive; unpack it and name the file in it"),
    "a.ods": (packed({"mimetype": "x"}), "is an OpenDocument file; save it as .xlsx or CSV"),
    "old.xls": (b"\xd0\xcf\x11\xe0" * 99, "is an old Excel file (.xls) or a locked one; save it"),
    "a.pdf": (b"%PDF-1.7", "is a PDF; name the file its table was made from"),
    "page.csv": (b"<!DOCTYPE html><html>", "is a web page; download the table itself"),
    "a.csv.bz2": (b"BZh91AY", "is compressed with bzip2; unpack it first"),
    "twice.gz": (gzip.compress(gzip.compress(b"x")), "gzip holds a packed file, not a text"),
    "short.csv.gz": (gzip.compress(PLAIN.encode())[:-9], "the gzip file is damaged"),
    "short.parquet": (b"PAR1" * 9, "the Parquet file is damaged"),
    "short.xlsx": (b"PK\x03\x04" * 9, "the workbook is damaged"),
    "utf16.csv": (PLAIN.encode("utf-16"), "not UTF-8 text at byte 0 but UTF-16; save it as 'CSV"),
    "latin.csv": (b"month,count\n2024-01,\xe9\n", "not UTF-8 text at byte 20, in row 2; save it"),
    "nul.csv": (
        b"month,count\n2024-01,\0\n",
        "holds binary data, not text; save it as 'CSV UTF-8'",
    ),
}


@pytest.mark.parametrize(("name", "given"), OTHER_FILES.items(), ids=list(OTHER_FILES))
def test_fault_41_other_files(written, name, given):
    body, said = given
    assert f"{name}: {said}" in str(problem(written(body, name)))


def test_fault_41_a_cell_far_outside_the_table(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["month", "count"])
    book.active["XFD1048576"] = 1
    book.save(tmp_path / "far.xlsx")
    said = str(problem(tmp_path / "far.xlsx"))
    assert "a sheet reaches to row 1,048,576, column 16,384; remove what is far outside" in said


@pytest.mark.parametrize(
    ("module", "name", "reader"),
    [("pyarrow.parquet", "a.parquet", "pyarrow"), ("python_calamine", "a.xlsx", "python-calamine")],
)
def test_without_its_reader_a_file_is_refused_with_the_cure(
    tmp_path, monkeypatch, module, name, reader
):
    frame = pd.DataFrame({"month": ["2024-01"], "count": [3]})
    getattr(frame, {"a.parquet": "to_parquet", "a.xlsx": "to_excel"}[name])(tmp_path / name)
    monkeypatch.setitem(sys.modules, module, None)
    found = problem(tmp_path / name)
    assert f"needs {reader}" in found.problem
    assert found.cure == "pip install 'caucasus-forecast[tables]', or save the table as CSV"


# --------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.mkdir(), "is a folder; name the CSV file in it"),
        (lambda p: __import__("os").mkfifo(p), "not a file but a device or a pipe; name a file"),
        (lambda p: None, "no such file; check the path"),
    ],
    ids=["folder", "pipe", "nothing"],
)
def test_what_is_no_file_is_refused(tmp_path, make, said):
    make(tmp_path / "x.csv")
    assert problems(tmp_path / "x.csv") == [f"{tmp_path / 'x.csv'}: {said}"]


def test_a_web_address_is_no_file():
    assert "no such file; download the file and name that" in problems("https://a.org/x.csv")[0]


# --------------------------------------------------------------------------- workbooks


@pytest.fixture
def workbook(tmp_path):
    def write(sheets, name="counts.xlsx"):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            page_ = book.create_sheet(title)
            for row in rows:
                page_.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return write


HEADER = ["month", "count"]


@pytest.mark.parametrize(
    "months",
    [
        [date(2024, 1, 1), date(2024, 2, 1)],
        [datetime(2024, 1, 1), datetime(2024, 2, 1)],
        ["2024-01", "2024-02"],
        [202401, 202402],
    ],
)
def test_a_workbook_is_read_as_csv_is(workbook, months):
    rows = [[month, count] for month, count in zip(months, (3, 0), strict=True)]
    assert counts(workbook({"a": [HEADER, *rows]})) == TWO
    offset = [[None, None, *row] for row in [HEADER, *rows]]
    assert counts(workbook({"a": [[], [], *offset]})) == TWO


def test_a_sheet_is_chosen_where_there_are_several(workbook):
    rows = [HEADER, ["2024-01", 3], ["2024-02", 0]]
    path = workbook({"deaths": rows, "other": [HEADER, ["2024-01", 9]]})
    assert "has 2 sheets with cells; choose sheet='deaths' or sheet='other', --sheet" in str(
        problem(path)
    )
    assert counts(path, sheet="deaths") == TWO
    assert "no sheet 'Deaths'; did you mean 'deaths'?" in str(problem(path, sheet="Deaths"))
    filled = workbook({"notes": [], "deaths": rows})
    assert counts(filled) == TWO
    assert repairs(filled) == "counts.xlsx: the sheet 'deaths' was read"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "the count is 'True'; write a whole number"),
        (2.5, "the count is '2.5'; a count is whole"),
        ("1,234", "write 1234 without separators"),
        ("=1/0", "the count is blank"),
        (None, "the count is blank"),
    ],
)
def test_a_cell_of_a_workbook_is_refused_with_its_row(workbook, value, said):
    found = problem(workbook({"a": [HEADER, ["2024-01", 3], ["2024-02", value]]}))
    assert found.row == 3
    assert said in str(found)


def test_dates_with_a_time_of_day_or_a_zone_are_refused(workbook, tmp_path):
    path = workbook({"a": [HEADER, [datetime(2024, 1, 1, 5), 3], [date(2024, 2, 1), 1]]})
    assert "month 2024-01-01 05:00:00 has a time of day; give the date alone" in str(problem(path))
    months = pd.to_datetime(["2024-01", "2024-02"]).tz_localize("Asia/Yerevan")
    frame = pd.DataFrame({"month": months, "count": [3, 0]})
    frame.to_parquet(tmp_path / "a.parquet")
    for source in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        assert "has a time zone; convert it to a local date first" in problems(source)[0]
    assert "has a time zone" in problems(tmp_path / "a.parquet")[0]


def test_choices_that_do_not_fit_the_kind_of_file_are_refused(written, tmp_path):
    pd.DataFrame({"month": ["2024-01"], "count": [3]}).to_parquet(tmp_path / "a.parquet")
    assert "is a text file, which has no sheet; leave out sheet" in str(
        problem(written(PLAIN), sheet="a")
    )
    assert "is a Parquet file, which has no separator" in str(
        problem(tmp_path / "a.parquet", separator="tab")
    )
    assert "its rows are counts, which have no spanning" in str(
        problem(written(PLAIN), spanning="days")
    )


# --------------------------------------------------------------------------- 38: any data frame


def cells_of(rows):
    months = [m for m, _ in rows]
    return months, [c for _, c in rows], [date.fromisoformat(f"{m}-01") for m in months]


def duck(rows):
    """A relation with its connection, which must live as long as it does."""
    frame = pd.DataFrame(rows, columns=["month", "count"])
    return duckdb.connect().from_df(frame)


FRAMES = {
    "pandas": lambda m, c, d: pd.DataFrame({"month": m, "count": c}),
    "nullable": lambda m, c, d: pd.DataFrame(
        {"month": pd.array(m, dtype="string"), "count": pd.array(c, dtype="Int64")}
    ),
    "arrow-backed": lambda m, c, d: pd.DataFrame(
        {"month": pd.to_datetime(d), "count": c}
    ).convert_dtypes(dtype_backend="pyarrow"),
    "categories": lambda m, c, d: pd.DataFrame(
        {"month": pd.Categorical(m), "count": pd.Categorical(c)}
    ),
    "objects": lambda m, c, d: pd.DataFrame(
        {"month": [*d[:1], *m[1:]], "count": [Decimal(c[0]), *map(str, c[1:])]}, dtype=object
    ),
    "numpy objects": lambda m, c, d: pd.DataFrame(
        {"month": pd.Series(np.array(d, "M8[D]"), dtype=object), "count": [np.int64(x) for x in c]}
    ),
    "period index": lambda m, c, d: pd.DataFrame({"count": c}, index=pd.PeriodIndex(m, freq="M")),
    "named index": lambda m, c, d: pd.DataFrame({"count": c}, index=pd.Index(m, name="month")),
    "two indices": lambda m, c, d: pd.DataFrame(
        {"count": c},
        index=pd.MultiIndex.from_tuples(
            [(x, "battle_deaths") for x in m], names=["month", "series"]
        ),
    ),
    "floats": lambda m, c, d: pd.DataFrame({"month": pd.to_datetime(d), "count": map(float, c)}),
    "polars": lambda m, c, d: pl.DataFrame({"month": m, "count": c}),
    "polars dates": lambda m, c, d: pl.DataFrame({"month": d, "count": c}),
    "polars lazy": lambda m, c, d: pl.LazyFrame({"month": m, "count": c}),
    "polars categories": lambda m, c, d: pl.DataFrame(
        {"month": pl.Series(m, dtype=pl.Categorical), "count": c}
    ),
    "arrow": lambda m, c, d: pa.table({"month": d, "count": c}),
    "arrow dictionary": lambda m, c, d: pa.table(
        {"month": pa.array(m).dictionary_encode(), "count": pa.array(c, pa.uint64())}
    ),
    "arrow batch": lambda m, c, d: pa.RecordBatch.from_pydict({"month": m, "count": c}),
    "duckdb": lambda m, c, d: duck(list(zip(m, c, strict=True))),
    "duckdb dates": lambda m, c, d: duck(list(zip(d, c, strict=True))),
}


def shown(frame):
    """All a frame holds, as text, to see whether it changed."""
    if isinstance(frame, pd.DataFrame):
        return repr((frame.to_dict("split"), list(map(str, frame.dtypes)), frame.index.names))
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return repr((frame.rows(), frame.schema))
    if isinstance(frame, pa.Table | pa.RecordBatch):
        return repr((frame.to_pydict(), frame.schema))
    return repr((frame.fetchall(), frame.columns))


@st.composite
def months_and_counts(draw):
    """Consecutive months with their counts, in any order."""
    start = draw(st.integers(0, 12 * 100))
    size = draw(st.integers(1, 8))
    months = [divmod(12 * 1910 + start + i, 12) for i in range(size)]
    rows = [(f"{y}-{m + 1:02}", draw(st.integers(0, 10**9))) for y, m in months]
    return draw(st.permutations(rows))


def as_csv(rows, header=("month", "count")):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@given(rows=months_and_counts())
def test_fault_38_any_frame_is_read_as_csv_is_and_left_as_it_was(tmp_path, make, rows):
    path = tmp_path / "counts.csv"
    path.write_text(as_csv(rows))
    from_file = [replace(o, id="") for o in read(path).strict()]
    frame = make(*cells_of(rows))
    before = shown(frame)
    assert [replace(o, id="") for o in read(frame).strict()] == from_file
    assert shown(frame) == before
    assert {label(o.window): o.count for o in from_file} == dict(rows)


@given(rows=months_and_counts())
def test_fault_38_any_file_is_read_as_csv_is_and_left_as_it_was(tmp_path, rows):
    text = as_csv(rows)
    frame = pd.DataFrame(rows, columns=HEADER)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "a.tsv").write_bytes(b"\xef\xbb\xbf" + text.replace(",", "\t").encode())
    for name in ("a.parquet", "a.xlsx", "a.csv.gz", "a.tsv"):
        before = (tmp_path / name).read_bytes()
        found = read(tmp_path / name)
        assert {label(o.window): o.count for o in found.strict()} == dict(rows)
        assert found.digest == hashlib.sha256(before).hexdigest()
        assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (pd.Series([3], name="count"), ", as to_frame() gives"),
        (pl.Series("count", [3]), ", as to_frame() gives"),
        (np.array([[1, 2]]), ""),
        ({"month": ["2024-01"]}, ""),
        (io.BytesIO(b""), ""),
    ],
    ids=["pandas", "polars", "array", "dict", "open file"],
)
def test_what_is_no_frame_is_refused_with_a_way_to_one(source, hint):
    kind = type(source).__name__
    assert problems(source) == [f"counts given as {kind}; pass a CSV path or a data frame{hint}"]


def test_a_cell_that_compares_badly_is_refused():
    class Odd:
        def __ne__(self, other):
            raise RuntimeError("no comparison")

        __hash__ = None

        def __str__(self):
            return "odd"

    frame = pd.DataFrame({"month": ["2024-01"], "count": pd.Series([Odd()], dtype=object)})
    assert problems(frame) == [
        "data frame, row 1: the count is 'odd'; write a whole number, 0 or more"
    ]


# --------------------------------------------------------------------------- whatever comes

BEGINNINGS = st.sampled_from(
    [b"", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"PK\x03\x04", b"PAR1", b"month,count\n", b"sep=;\n"]
)


@given(BEGINNINGS, st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused_or_read(tmp_path, beginning, rest, zipped):
    path = tmp_path / "any"
    path.write_bytes(gzip.compress(beginning + rest) if zipped else beginning + rest)
    found = read(path, known=KNOWN)
    assert found.problems or found.rows
    assert all(p.problem or p.place for p in found.problems)


def literal(text):
    """A count, for a reader that knows plain digits only."""
    return int(text) if text.isascii() and text.isdigit() else None


PLAUSIBLE = st.one_of(
    st.integers(-1, 2000).map(str),
    st.sampled_from(["", "NA", "3*", "2.5", "1 234", "true", "1e3", "٣", "3.0", " 7 "]),
)
MONTH_TEXTS = st.one_of(
    st.dates(date(2023, 1, 1), date(2024, 12, 31)).map("{:%Y-%m}".format),
    st.sampled_from(["", "202401", "01/02/2024", "45292", "Jan-24", "2024-01-15", "# note"]),
)


@given(st.lists(st.tuples(MONTH_TEXTS, PLAUSIBLE), max_size=6))
def test_what_is_read_is_what_stands_there(tmp_path, rows):
    path = tmp_path / "counts.csv"
    path.write_text(as_csv(rows), encoding="utf-8")
    found = read(path, reading={"gaps": "missing"}, known=KNOWN)
    if found.problems:
        with pytest.raises(EvidenceError):
            found.strict()
        return
    assert len(found.rows) == len([r for r in rows if "".join(r).strip()])
    for o in found.rows:
        month, text = rows[int(o.id.rpartition(" ")[2]) - 2]
        assert label(o.window) == (month if "-" in month else f"{month[:4]}-{month[4:]}")
        assert o.count == (literal(text.strip()) if literal(text.strip()) is not None else 3)


@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from(["a.csv.gz", "a.xlsx"]))
def test_a_flipped_byte_is_refused_or_makes_no_difference(tmp_path, where, flip, name):
    whole = PACKED[name]
    body = bytearray(whole)
    body[where % len(body)] ^= flip
    path = tmp_path / name
    path.write_bytes(bytes(body))
    found = read(path)
    if not found.problems:
        assert {label(o.window): o.count for o in found.rows} == TWO


@given(st.floats(0, 0.999), st.sampled_from(["a.csv.gz", "a.xlsx", "a.parquet"]))
def test_a_file_cut_short_is_refused(tmp_path, part, name):
    path = tmp_path / name
    path.write_bytes(PACKED[name][: int(part * len(PACKED[name]))])
    assert read(path).problems


def _packed_files():
    frame = pd.DataFrame({"month": ["2024-01", "2024-02"], "count": [3, 0]})
    sheet, parquet = io.BytesIO(), io.BytesIO()
    frame.to_excel(sheet, index=False)
    frame.to_parquet(parquet)
    return {
        "a.csv.gz": gzip.compress(PLAIN.encode()),
        "a.xlsx": sheet.getvalue(),
        "a.parquet": parquet.getvalue(),
    }


PACKED = _packed_files()


# --------------------------------------------------------------------------- events

START, END = date(2023, 1, 1), date(2023, 6, 30)
COVERED = Window(START, END)


@st.composite
def event_lists(draw):
    found = []
    for _ in range(draw(st.integers(0, 8))):
        first = START + timedelta(draw(st.integers(0, COVERED.days - 1)))
        last = min(first + timedelta(draw(st.sampled_from([0, 0, 1, 10, 40, 80]))), END)
        found.append(Event(Window(first, last), draw(st.integers(0, 50))))
    return found


def month_number(day):
    return 12 * day.year + day.month


def brute_force(events, spanning):
    """Deaths by the months they are known over, one day at a time."""
    groups = {m: {m} for m in range(month_number(START), month_number(END) + 1)}
    deaths = defaultdict(int)
    for event in events:
        days = [event.window.start + timedelta(i) for i in range(event.window.days)]
        if spanning == "start":
            days = days[:1]
        months = sorted({month_number(day) for day in days})
        if spanning == "days":
            exact = {
                m: Fraction(
                    int(event.deaths) * sum(month_number(day) == m for day in days), len(days)
                )
                for m in months
            }
            whole = {m: int(share) for m, share in exact.items()}
            rest = sorted(months, key=lambda m: (whole[m] - exact[m], m))
            for m in rest[: int(event.deaths) - sum(whole.values())]:
                whole[m] += 1
            for m in months:
                deaths[m] += whole[m]
            continue
        deaths[months[0]] += int(event.deaths)
        joined = set().union(*(groups[m] for m in months))
        for m in joined:
            groups[m] = joined
    distinct = {min(g): g for g in groups.values()}
    return [(min(g), max(g), sum(deaths[m] for m in g)) for _, g in sorted(distinct.items())]


def by_number(rows):
    return [(month_number(o.window.start), month_number(o.window.end), o.count) for o in rows]


@pytest.mark.parametrize("spanning", ["total", "start", "days"])
@given(events=event_lists())
def test_counting_events_is_what_brute_force_counts(tmp_path, spanning, events):
    expected = brute_force(events, spanning)
    assert by_number(monthly(events, [COVERED], spanning=spanning)) == expected
    if not events:
        return
    path = tmp_path / "events.csv"
    rows = [(n, e.window.start, e.window.end, int(e.deaths), 0, 99) for n, e in enumerate(events)]
    path.write_text(as_csv(rows, ("id", "date_start", "date_end", "best", "low", "high")))
    choices = {"spanning": spanning, "first": START, "last": END}
    assert by_number(read(path, reading=choices).strict()) == expected


EVENTS = (
    "id,date_start,date_end,best,low,high\n"
    "1,2023-01-30,2023-02-02,7,5,9\n"
    "2,2023-02-05,2023-02-05,1,1,2\n"
    "3,2023-03-05,2023-03-05,4,0,8\n"
)


@pytest.mark.parametrize(
    ("choices", "read_", "said"),
    [
        ({}, {"2023-01-01 to 2023-02-28": 8, "2023-03": 4}, "joined to one total"),
        (
            {"spanning": "start"},
            {"2023-01": 7, "2023-02": 1, "2023-03": 4},
            "counted on the first day",
        ),
        ({"spanning": "days"}, {"2023-01": 4, "2023-02": 4, "2023-03": 4}, "shared among the"),
        ({"estimate": "low"}, {"2023-01-01 to 2023-02-28": 6, "2023-03": 0}, "in 'low'"),
        ({"estimate": "high"}, {"2023-01-01 to 2023-02-28": 11, "2023-03": 8}, "in 'high'"),
    ],
)
def test_an_event_that_spans_months_is_handled_by_its_interval(written, choices, read_, said):
    path = written(EVENTS)
    assert counts(path, **choices) == read_
    assert said in repairs(path, **choices)
    assert "days from 2023-01-01 to 2023-03-31 are taken as looked at, from the events" in repairs(
        path, **choices
    )


def test_days_that_were_looked_at_are_zeros(written):
    path = written("date,best\n2023-02-05,2\n")
    assert counts(path) == {"2023-02": 2}
    choices = {"first": "2023-01-01", "last": "2023-03-31"}
    assert counts(path, **choices) == {"2023-01": 0, "2023-02": 2, "2023-03": 0}
    assert "taken as looked at" not in repairs(path, **choices)
    outside = str(problem(path, first="2023-02-06", last="2023-03-31"))
    assert "row 2: 2023-02-05 is not all within the days looked at" in outside
    assert "first is 2023-04-01, after the last day with events, 2023-02-28; give the days" in str(
        problem(path, first="2023-04-01")
    )
    assert "last is 2026-03-10, today is 2026-03-10; give a day that is over" in str(
        problem(path, last=TODAY)
    )


def test_only_the_end_of_the_days_that_was_not_chosen_is_told_as_taken_from_events(written):
    path = written("date,best\n2023-02-05,2\n")
    said = "battle_deaths: days from {} to {} are taken as looked at, the {} day from the events; "
    first = repairs(path, first="2023-01-01")
    assert said.format("2023-01-01", "2023-02-28", "last") + "last says otherwise" in first
    last = repairs(path, last="2023-03-31")
    assert said.format("2023-02-01", "2023-03-31", "first") + "first says otherwise" in last
    assert "themselves" not in first + last


@pytest.mark.parametrize("option", ["first", "last"])
@pytest.mark.parametrize("day", ["0204-01-01", "2204-01-01", date(1899, 12, 31)])
def test_the_days_looked_at_keep_the_years_that_cells_keep(written, option, day):
    said = f"{option} {day} has the year {int(str(day)[:4])}; is it a typing error?"
    with pytest.raises(EvidenceError, match=said.replace("?", r"\?")):
        understood(written("date,best\n2023-02-05,2\n"), **{option: day})


def test_rows_that_may_be_events_or_totals_are_not_guessed(written):
    path = written("date,deaths\n2023-01-05,2\n2023-01-06,1\n")
    said = str(problem(path))
    assert "with the columns date,deaths a row may be one event, or a total of its days" in said
    assert "choose events=True (each row is one event), --events on the command line" in said
    assert counts(path, events=True) == {"2023-01": 3}
    assert counts(path, columns={"count": "deaths"}) == {"2023-01-05": 2, "2023-01-06": 1}


def test_events_without_deaths_need_a_series(written):
    path = written("date\n2023-01-05\n2023-02-06\n")
    assert "where each row is one event, choose events=True and a series, --events" in str(
        problem(path)
    )
    said = str(problem(path, events=True))
    assert "events without deaths cannot be battle_deaths; name the column of deaths" in said
    assert counts(path, events=True, series="pressure") == {"2023-01": 1, "2023-02": 1}


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("id,date,best\n7,2023-01-05,3\n7,2023-01-05,4\n", "7"),
        ("date,best\n2023-01-05,3\n2023-01-05,3\n", "2023-01-05, 3"),
        ("id,date,best\n,2023-01-05,3\n,2023-01-05,3\n", ", 2023-01-05, 3"),
    ],
    ids=["id", "all cells", "blank id"],
)
def test_an_event_listed_twice_needs_a_choice(written, body, key):
    path = written(body)
    found = problem(path)
    assert str(found).startswith(f"counts.csv, row 3: the event {key!r} is listed twice; see ")
    assert "duplicates='last' (the last is kept) or duplicates='sum' (all count)" in found.cure
    last = int(body.strip()[-1])
    assert counts(path, duplicates="last") == {"2023-01": last}
    assert counts(path, duplicates="sum") == {"2023-01": 3 + last}
    assert "1 row of events is listed again later and left out (counts.csv, row 2)" in repairs(
        path, duplicates="last"
    )
    assert "1 row of events repeats another, all are counted (counts.csv, row 3)" in repairs(
        path, duplicates="sum"
    )


def test_events_of_a_month_that_is_not_over_are_left_out(written):
    path = written("date,best\n2026-02-05,3\n2026-03-05,4\n")
    assert counts(path) == {"2026-02": 3}
    assert "2026-03 is not over (today is 2026-03-10); 1 event of it left out" in repairs(path)
    kept = {"2026-02": 3, "2026-03-01 to 2026-03-09": 4}
    assert counts(path, incomplete="keep") == kept
    ahead = problems(written("date,best\n2027-02-05,3\n"))
    assert "2027-02-05 is not over (today is 2026-03-10); correct the date" in ahead[0]


def test_events_refuse_what_they_do_not_have(written):
    assert "no column 'low' of deaths; leave out estimate" in str(
        problem(written("date,best\n2023-01-05,3\n"), estimate="low")
    )
    assert "its rows are events, which have no gaps; leave out gaps" in str(
        problem(written(EVENTS), gaps="zero")
    )
    found = problem(written("date,best\n2023-01-05,3\n2023-01-06,\n"))
    assert (found.row, found.column) == (3, "best")
    assert "end 2023-01-02 is before start 2023-01-05" in str(
        problem(written("date_start,date_end,best\n2023-01-05,2023-01-02,3\n"))
    )


# --------------------------------------------------------------------------- series


def test_an_unknown_series_needs_a_choice(written):
    path = written("month,series,count\n2024-01,battle_deths,3\n2024-01,battle_deaths,1\n")
    said = str(problem(path))
    assert (
        "row 2: unknown series 'battle_deths' in the counts; did you mean 'battle_deaths'" in said
    )
    assert "or choose unknown='ignore' (its rows are left out), --unknown on the command" in said
    assert counts(path, unknown="ignore") == {"2024-01": 1}
    assert repairs(path, unknown="ignore") == (
        "unknown series 'battle_deths': its 1 rows are left out"
    )


def test_an_interval_table_without_a_series_needs_one(written):
    path = written("start,end,count\n2024-01-01,2024-01-20,3\n")
    assert "start,end,count without a series; add a column series, or choose series=" in str(
        problem(path)
    )
    assert counts(path, series="battle_deaths") == {"2024-01-01 to 2024-01-20": 3}


def test_every_problem_is_found_at_once(written):
    body = "month;count\n01/02/2021;1,234\n2021-04;3*\n2021-06;\n2021-03;4\n2021-03;5\n"
    found = understood(written(body)).problems
    assert [p.row for p in found] == [2, 2, 3, 4, None]
    assert [p.column for p in found] == ["month", "count", "count", "count", ""]
    assert all(p.cure for p in found)
    with pytest.raises(EvidenceError, match=r"\(and 4 more: caucasus-forecast validate\)"):
        read(written(body)).strict()


def test_problems_are_not_counted_without_end(written):
    found = understood(written("month,count\n" + "x,1\n" * 5000)).problems
    assert len(found) < 1010
    assert "over 1000 problems; mend these first" in str(found[-1])


# --------------------------------------------------------------------------- the forecast says so

UGLY = "month;count\n202103;4\n2021-01;1234\n2021-02;0\n2021-02;1\n2021-05;2\n2021-06;3\n"
CHOICES = {"gaps": "missing", "duplicates": "sum"}
SAID = [
    "ugly counts.csv: columns are separated by a semicolon",
    "months such as 202103 were read as 2021-03",
    "battle_deaths: rows were not in order of time, sorted",
    "battle_deaths: 2021-02 is listed twice (ugly counts.csv, row 4; ugly counts.csv, row 5: 0; "
    "1), added up to 1",
    "battle_deaths: no row for 2021-04, left unknown",
]


@pytest.fixture(scope="module")
def repaired(tmp_path_factory):
    """A forecast from counts that needed every kind of repair, and the file."""
    path = tmp_path_factory.mktemp("repaired") / "ugly counts.csv"
    path.write_text(UGLY)
    return forecast_of(path, CHOICES), path


def test_every_repair_is_listed_in_the_forecast(repaired, tmp_path):
    forecast, path = repaired
    attrs = forecast.tree.attrs
    assert json.loads(attrs["repairs"]) == SAID
    assert attrs["evidence_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "2021-01 has 1,234, and the next largest count is 4" in attrs["cautions"]
    shown_ = "\n".join(forecast.notes)
    assert all(f"counts: {line}" in shown_ for line in SAID[:4])
    assert "counts: battle_deaths: 2021-01 has 1,234" in shown_
    assert all(line in repr(forecast.scenarios) for line in forecast.notes)
    forecast.save(tmp_path / "kept.nc")
    again = cf.load(tmp_path / "kept.nc")
    assert again.notes == forecast.notes
    assert {k: again.tree.attrs[k] for k in ("repairs", "cautions", "evidence_sha256")} == {
        k: attrs[k] for k in ("repairs", "cautions", "evidence_sha256")
    }
    assert json.loads(again.tree.attrs["case"])["reading"] == CHOICES


def test_run_prints_the_repairs_and_keeps_the_choices(repaired, tmp_path, monkeypatch, capsys):
    forecast, path = repaired
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "run", lambda case, **_: forecast)
    options = ["--gaps", "missing", "--duplicates", "sum"]
    assert cli.main(["run", str(path), "--out", "out", *options]) == 3  # few draws
    said = capsys.readouterr().out
    assert all(line in said for line in forecast.notes)
    attrs = json.loads((tmp_path / "out" / "manifest.json").read_text())["attrs"]
    assert attrs["repairs"] == SAID
    assert cases.load(tmp_path / "out" / "case.toml").reading.chosen == CHOICES
    copy = tmp_path / "out" / "inputs" / "evidence" / "ugly-counts.csv"
    assert copy.read_text() == UGLY
    assert cli.main(["run", str(path), "--out", "o", "--json", *options]) == 3
    assert json.loads(capsys.readouterr().out)["attrs"]["repairs"] == SAID


def test_a_case_file_holds_the_choices(written, tmp_path):
    written(UGLY, "ugly counts.csv")
    body = 'evidence = "ugly counts.csv"\n[reading]\ngaps = "missing"\nduplicates = "sum"\n'
    case = cases.load(written(body, "case.toml"))
    assert case.reading.chosen == CHOICES
    assert counts(case.evidence, **case.reading.chosen)["2021-02"] == 1
    with pytest.raises(CaucasusForecastError, match="unknown choice 'gapz'; did you mean 'gaps'"):
        cases.load(written('evidence = "x.csv"\n[reading]\ngapz = "zero"\n', "bad.toml"))


# --------------------------------------------------------------------------- validate


def validated(capsys, *arguments):
    code = cli.main(["validate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_validate_prints_what_it_understood(written, capsys):
    path = written(UGLY)
    code, out, err = validated(capsys, path, "--gaps", "missing", "--duplicates", "sum")
    assert (code, err) == (0, "")
    for words in (
        "a usable file of counts",
        "series         informs  rows        from          to  days  total",
        "battle_deaths  tension     5  2021-01-01  2021-06-30   151   1244",
        "no row of battle_deaths from 2021-04-01 to 2021-04-30",
        "first and last rows:",
        "understood and repaired:",
        "columns are separated by a semicolon",
        "worth a second look:",
    ):
        assert words in out


def test_validate_prints_every_problem_with_row_value_and_cure(written, capsys):
    path = written("month;count\n01/02/2021;1,234\n2021-04;3*\n")
    code, out, err = validated(capsys, path)
    assert (code, out) == (2, "")
    assert "3 problems to mend or to choose about" in err
    table = [line.split() for line in err.splitlines()]
    assert ["where", "column", "value", "problem", "cure"] in table
    assert any(line[:4] == ["row", "2", "count", "1,234"] for line in table)
    assert any(line[:4] == ["row", "3", "count", "3*"] for line in table)
    assert "(2) write 1234 without separators" in err


def test_validate_prints_json_whether_or_not_there_are_problems(written, capsys):
    code, out, _ = validated(capsys, written(UGLY), "--json")
    found = json.loads(out)
    assert code == 2
    assert [p["cure"][:10] for p in found["problems"]] == ["keep one, ", "choose gap"]
    assert {"place", "problem", "cure", "row", "column", "value", "message"} == set(
        found["problems"][0]
    )
    code, out, _ = validated(
        capsys, written(UGLY), "--json", "--gaps", "missing", "--duplicates", "sum"
    )
    found = json.loads(out)
    assert (code, found["problems"]) == (0, [])
    assert found["series"][0]["total"] == 1244
    assert found["gaps"] == [
        {"series": "battle_deaths", "start": "2021-04-01", "end": "2021-04-30", "days": 30}
    ]
    assert [r["count"] for r in found["excerpts"]] == [1234, 1, 4, 2, 3]
    assert found["sha256"] == hashlib.sha256(UGLY.encode()).hexdigest()


def test_validate_refuses_a_series_that_holds_no_counts_as_json_too(written, capsys):
    path = written("month,series,count\n2024-01,treaty,1\n2024-02,treaty,0\n")
    code, out, _ = validated(capsys, path, "--json")
    (found,) = json.loads(out)["problems"]
    assert code == 2
    assert "unknown series 'treaty' in the counts; Allowed: " in found["message"]


REFUSED = {
    "empty": "",
    "header": "month,count\n",
    "columns": "date,n\n2024-01-01,3\n",
    "twice": "month,count,count\n2024-01,3,4\n",
    "negative": cell("-1"),
    "fraction": cell("2.5"),
    "mark": cell("3*"),
    "text": cell("three"),
    "serial": cell("45292", "month"),
    "ambiguous": cell("01/02/2024", "month"),
    "name": cell("Jan-24", "month"),
    "weekly": "date,count\n2024-01-01,3\n2024-01-08,1\n",
    "gap": "month,count\n2024-01,3\n2024-04,1\n",
    "double": "month,count\n2024-01,3\n2024-01,3\n",
    "unknown": "month,series,count\n2024-01,battle_deths,3\n",
    "one month": "month,count\n2024-01,3\n",
    "zip": packed({"a.csv": PLAIN}),
    "utf16": PLAIN.encode("utf-16"),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_2_for_validate_and_for_run(written, capsys, body):
    path = written(body)
    assert cli.main(["validate", str(path)]) == 2
    assert cli.main(["run", str(path), "--out", str(path.parent / "out")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("error: ") == 2
    assert "Traceback" not in said.err
    assert [p.name for p in Path(path).parent.iterdir()] == ["counts.csv"]


# --------------------------------------------------------------------------- nothing in silence


@pytest.mark.parametrize(
    ("body", "value", "column"),
    [
        ("month,count,\n2024-01,1,234\n2024-02,5,\n", "234", "column 3"),
        (",month,count\nx,2024-01,1\ny,2024-02,5\n", "x", "column 1"),
        ("id,date,best,\n1,2024-01-05,1,x\n", "x", "column 4"),
    ],
    ids=["thousands", "label", "event"],
)
def test_a_cell_under_no_name_is_refused(written, body, value, column):
    found = problem(written(body))
    assert (found.row, found.column, found.value) == (2, column, value)
    assert f"{value!r} stands in {column}, which has no name; name the column, or drop" in str(
        found
    )
    assert "a thousands separator splits a number" in found.cure


def test_a_column_without_name_and_cells_is_nothing(written, workbook):
    assert counts(written(",month,count\n0,2024-01,3\n1,2024-02,0\n")) == TWO
    assert counts(written("month,count,,\n2024-01,3,,\n2024-02,0, ,\n")) == TWO
    found = problem(workbook({"a": [HEADER, ["2024-01", 3, "1"], ["2024-02", 0]]}))
    assert (found.row, found.value) == (2, "1")


DATED = "began,date_start,date_end,best\n2024-01-02,2024-01-03,2024-01-04,1\n"


@pytest.mark.parametrize(
    ("body", "choices", "said"),
    [
        (DATED, {"columns": {"start": "began"}}, "read as events: start from 'date_start'"),
        (DATED, {"columns": {"end": "began"}}, "'began' is chosen for end and would not be used"),
        (
            "ym,id,date,best\n2024-01,1,2024-01-03,1\n",
            {"columns": {"month": "ym"}, "events": True},
            "'ym' is chosen for month and would not be used; leave the choice out",
        ),
        (
            "date,stop,count\n2024-01-03,2024-01-04,1\n",
            {"columns": {"end": "stop"}},
            "as the rows are read as date: date from 'date', count from 'count'",
        ),
        (
            "id,date,killed,low\n1,2024-01-03,4,1\n",
            {"columns": {"count": "killed"}, "estimate": "low"},
            "choose events=True",
        ),
        (
            "id,date,killed,low\n1,2024-01-03,4,1\n",
            {"columns": {"count": "killed"}, "estimate": "low", "events": True},
            "estimate='low' and the column 'killed' are both chosen; leave out one",
        ),
        (
            "month,series,count\n2024-01,fires,1\n",
            {"series": "battle_deaths"},
            "series='battle_deaths' is chosen, and the column 'series' has its own; leave out",
        ),
    ],
)
def test_a_choice_that_is_not_used_is_refused(written, body, choices, said):
    assert said in str(problem(written(body), **choices))


def test_one_end_of_the_days_may_be_chosen(written):
    path = written("began,end,best\n2024-01-02,2024-01-03,1\n")
    assert counts(path, columns={"start": "began"}) == {"2024-01": 1}
    path = written(DATED)
    assert counts(path, columns={"start": "began", "end": "date_end"}) == {"2024-01": 1}


@pytest.mark.parametrize(
    ("header", "row", "chosen", "read_"),
    [
        ("month,date,count", "2024-01,2024-01-05,1", "date", "2024-01-05"),
        ("month,date,count", "2024-01,2024-01-05,1", "month", "2024-01"),
        ("month,start,end,series,count", "2024-01,2024-01-05,2024-01-05,fires,1", "month", ""),
        ("month,start,end,count", "2024-01,2024-01-05,2024-01-05,1", "month", "2024-01"),
    ],
)
def test_two_sets_of_days_need_a_choice(written, header, row, chosen, read_):
    path = written(f"{header}\n{row}\n")
    said = str(problem(path))
    assert "days stand in 'month' and in " in said
    assert "choose columns={'month': 'month'} or the other, --month-col or --" in said
    if read_:
        assert counts(path, columns={chosen: chosen}) == {read_: 1}


SPAN = "columns={'start': 'date_start', 'end': 'date_end'}"


@pytest.mark.parametrize(
    ("header", "stand", "cure", "chosen", "read_"),
    [
        (
            "date_start,date_end,event_date",
            "'date_start' with 'date_end' and in 'event_date'",
            f"{SPAN} or columns={{'date': 'event_date'}}, --start-col and --end-col or --date-col",
            {"date": "event_date"},
            "2024-03",
        ),
        (
            "start,end,date",
            "'start' with 'end' and in 'date'",
            "columns={'start': 'start', 'end': 'end'} or columns={'date': 'date'}, --start-col",
            {"start": "start", "end": "end"},
            "2024-01",
        ),
        (
            "date_start,date_end,date",
            "'date_start' with 'date_end' and in 'date'",
            f"{SPAN} or columns={{'date': 'date'}}, --start-col and --end-col or --date-col on",
            {"start": "date_start", "end": "date_end"},
            "2024-01",
        ),
        (
            "event_date,note,date",
            "'event_date' and in 'date'",
            "columns={'date': 'event_date'} or columns={'date': 'date'}, --date-col on the command",
            {"date": "date"},
            "2024-03",
        ),
    ],
)
def test_two_sets_of_days_of_events_need_a_choice(written, header, stand, cure, chosen, read_):
    path = written(f"id,{header},best\n1,2024-01-05,2024-01-06,2024-03-07,2\n")
    for events in (None, True):
        found = problem(path, events=events)
        assert found.problem == f"days stand in {stand}"
        assert f"choose {cure}" in found.cure
        assert counts(path, events=events, columns=chosen) == {read_: 2}


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("id,date,deaths,fatalities", ("deaths", "fatalities")),
        ("id,date,best,deaths", ("best", "deaths")),
        ("x,date,best,fatalities", ("best", "fatalities")),
    ],
)
def test_two_columns_of_deaths_need_a_choice(written, header, names):
    path = written(f"{header}\n1,2024-01-05,2,30\n")
    first, second = names
    found = problem(path)
    assert found.problem == f"deaths stand in {first!r} and in {second!r}"
    assert found.cure == (
        f"choose columns={{'count': {first!r}}} or columns={{'count': {second!r}}} with "
        "events=True, --count-col with --events on the command line, or drop one"
    )
    assert problem(path, events=True).cure.endswith(
        "}, --count-col on the command line, or drop one"
    )
    for name, deaths in zip(names, (2, 30), strict=True):
        assert counts(path, columns={"count": name}, events=True) == {"2024-01": deaths}


def test_estimates_of_one_source_are_one_column_of_deaths_each(written):
    path = written("id,date,best,low,high\n1,2024-01-05,2,1,3\n")
    assert counts(path) == {"2024-01": 2}
    path = written("id,date,low,deaths\n1,2024-01-05,1,3\n")
    assert counts(path) == {"2024-01": 3}
    assert counts(path, estimate="low") == {"2024-01": 1}


@pytest.mark.parametrize("second", ["event_id", "event_id_cnty"])
def test_two_ids_of_an_event_need_a_choice(written, second):
    path = written(f"id,{second},date,best\n1,A,2024-01-05,2\n2,A,2024-01-05,3\n")
    found = problem(path)
    assert found.problem.startswith("ids stand in 'id' and in 'event_id")
    assert found.cure == (
        f"choose columns={{'id': 'id'}} or columns={{'id': {second!r}}}, --id-col on the command "
        "line, or drop one"
    )
    assert counts(path, columns={"id": "id"}) == {"2024-01": 5}
    assert "the event 'A' is listed twice" in str(problem(path, columns={"id": second}))


UCDP_ROW = {"id": 7, "relid": "AZE-7", "date_start": "2024-01-05", "date_end": "2024-01-06"} | {
    "best": 4, "low": 1, "high": 9, "deaths_a": 1, "deaths_b": 3, "year": 2024,
    "deaths_civilians": 0, "deaths_unknown": 0, "source_date": "2024-01-09",
}  # fmt: skip
ACLED_ROW = {"event_id_cnty": "AZE7", "event_id_no_cnty": 7, "event_date": "2024-01-05"} | {
    "year": 2024, "fatalities": 4, "timestamp": 1,
}  # fmt: skip


@pytest.mark.parametrize("row", [UCDP_ROW, ACLED_ROW], ids=["UCDP", "ACLED"])
def test_the_columns_of_ucdp_and_of_acled_need_no_choice(written, row):
    path = written(as_csv([tuple(row.values())], tuple(row)))
    assert counts(path) == {"2024-01": 4}


def test_rows_with_an_id_and_a_count_are_not_guessed(written):
    path = written("id,date,count\n1,2024-01-05,2\n2,2024-01-05,1\n")
    said = str(problem(path))
    assert "with the columns id,date,count a row looks like one event, or a total of its" in said
    assert "choose events=True (each row is one event) or events=False (a total), --events" in said
    assert counts(path, events=True) == {"2024-01": 3}
    assert counts(path, events=False, duplicates="sum") == {"2024-01-05": 3}
    found = problem(written("id,date_start,date_end,count\n1,2024-01-05,2024-01-05,2\n"))
    assert found.cure.startswith("choose events=True (each row is one event), --events")
    body = "id,year,date_start,date_end,best,low,high,month\n1,2024,2024-01-05,2024-01-05,1,1,1,1\n"
    assert "where each row is one event, choose events=True, --events" in str(
        problem(written(body))
    )
    assert counts(written(body), events=True) == {"2024-01": 1}


@pytest.mark.parametrize("incomplete", ["keep", "exclude"])
def test_a_month_that_has_not_begun_is_refused_whatever_is_chosen(written, incomplete):
    path = written("month,count\n2099-01,1\n2099-02,5\n")
    found = understood(path, incomplete=incomplete).problems
    assert [p.place for p in found] == ["counts.csv, row 2", "counts.csv, row 3"]
    assert found[0].problem == "2099-01 has not begun (today is 2026-03-10)"
    assert "keep" not in found[0].cure
    day = problem(written("date,count\n2026-03-20,1\n"), aggregate="month")
    assert "2026-03-20 has not begun" in day.problem


def test_a_source_retrieved_on_a_day_that_has_not_come_is_refused(written):
    body = 'month,count,source\n2024-01,3,\n2024-02,0,"X, retrieved 2026-03-{}"\n'
    assert counts(written(body.format(11))) == TWO  # it may be a day later where it was retrieved
    assert str(problem(written(body.format(12)))) == (
        "counts.csv, row 3: its source was retrieved on 2026-03-12, and today is 2026-03-10; "
        "correct the day"
    )
    days = 'date,deaths,source\n2024-01-07,3,"X, retrieved 2026-03-12"\n'
    assert "retrieved on 2026-03-12" in str(problem(written(days), events=True))


FAR = "1904-02 (counts.csv, row 2) stands 1,439 months from all others"


def test_a_row_far_from_all_others_is_named(written):
    body = "month,count\n1904-02,3\n2024-01,3\n2024-02,0\n2024-04,0\n"
    said = str(problem(written(body)))
    assert f"; {FAR}: is its date a slip? else choose gaps=" in said
    assert f"{FAR}; is its date a slip?" in repairs(written(body), gaps="missing")
    said = str(problem(written(body.replace("1904-02", "2023-11"))))
    assert "slip" not in said


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (
            "start,end,series,count\n1904-02-01,1904-02-09,battle_deaths,3\n"
            "2024-01-01,2024-01-09,battle_deaths,3\n2024-02-01,2024-02-29,battle_deaths,3\n",
            "1904-02-01 to 1904-02-09",
        ),
        ("id,date,best\n1,1904-02-07,3\n2,2024-01-07,3\n3,2024-02-07,3\n", "1904-02-07"),
    ],
)
def test_a_row_far_from_all_others_is_told_where_no_gap_is_asked_for(written, body, place):
    said = repairs(written(body))
    assert f"{place} (counts.csv, row 2) stands 1,439 months from all others; is its date" in said
    assert "slip" not in repairs(written(body.replace("1904", "2023")))


def test_rows_with_nothing_in_them_are_skipped_alike_and_told(written):
    rows = {"month": ["2024-01", None, "2024-02"], "count": [3, None, 0]}
    for frame in (pd.DataFrame(rows), pl.DataFrame(rows), pa.table(rows)):
        assert counts(frame) == TWO
        assert repairs(frame) == "data frame: row 2 skipped: nothing in it"
    path = written("month,count\n2024-01,3\n,\n\n2024-02,0\n,NA\n")
    assert counts(path) == TWO
    assert repairs(path) == "counts.csv: rows 3, 6 skipped: nothing in them"
    assert "row 3: the count is blank" in str(problem(written(PLAIN.replace(",0", ",NA"))))
    numbered = written(pd.DataFrame(rows).to_csv())
    assert counts(numbered) == TWO
    assert repairs(numbered) == "counts.csv: row 3 skipped: nothing in it"
    assert "'note' stands in column 1" in problems(written(",month,count\nnote,,\n"))[0]


def test_a_hidden_sheet_is_read_only_by_name(tmp_path, workbook):
    path = workbook({"shown": [], "drafts": [HEADER, ["2024-01", 3], ["2024-02", 0]]})
    book = openpyxl.load_workbook(path)
    book["drafts"].sheet_state = "veryHidden"
    book.save(path)
    said = str(problem(path))
    assert "has cells only in a hidden sheet, 'drafts'; choose sheet='drafts'" in said
    assert counts(path, sheet="drafts") == TWO
    assert repairs(path, sheet="drafts") == (
        "counts.xlsx: the sheet 'drafts', which is hidden, was read"
    )


def test_of_several_sheets_the_hidden_one_is_said_to_be_that(workbook):
    path = workbook({"old": [HEADER, ["2024-01", 9]], "new": [HEADER, ["2024-01", 3]]})
    book = openpyxl.load_workbook(path)
    book["old"].sheet_state = "hidden"
    book.save(path)
    assert "choose sheet='old' (which is hidden) or sheet='new', --sheet" in str(problem(path))


@pytest.mark.parametrize(
    "labels", [["2024-01", "2024-02"], pd.PeriodIndex(["2024-01", "2024-02"], freq="M")]
)
def test_months_that_pandas_saved_as_labels_without_a_name_are_asked_for(tmp_path, labels):
    frame = pd.DataFrame({"count": [3, 0]}, labels)
    frame.to_parquet(tmp_path / "a.parquet")
    cure = "row labels without a name are no column, reset_index() makes them one"
    assert cure in str(problem(tmp_path / "a.parquet"))
    if isinstance(labels, list):
        assert cure in str(problem(frame))
        assert cure not in str(problem(frame.reset_index(drop=True)))


@pytest.mark.parametrize("labels", [[0, 7, 9], ["a", "b", "c"]])
def test_row_labels_that_pandas_saved_without_a_name_are_no_column(tmp_path, labels):
    frame = pd.DataFrame({"month": ["2024-01", "2023-12", "2024-02"], "count": [3, 1, 0]}, labels)
    frame = frame[frame["month"] != "2023-12"]
    frame.to_parquet(tmp_path / "a.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "a.parquet").names
    assert counts(tmp_path / "a.parquet") == counts(frame) == TWO


def test_days_that_pandas_saved_as_labels_are_a_date(tmp_path):
    days = pd.to_datetime(["2024-01-01", "2024-01-02"])
    frame = pd.DataFrame({"count": [3, 4]}, days)
    frame.to_parquet(tmp_path / "a.parquet")
    assert counts(tmp_path / "a.parquet") == counts(frame)
    assert len(counts(frame)) == 2
    frame.assign(date=days).to_parquet(tmp_path / "a.parquet")
    assert counts(tmp_path / "a.parquet") == counts(frame)


def test_rows_of_a_sheet_without_a_value_are_told(workbook):
    rows = [HEADER, ["2024-01", 3], [None, None], ["=1/0", "=A9"], ["2024-02", 0], ["=1/0", "=A9"]]
    assert repairs(workbook({"a": rows})) == (
        "counts.xlsx: rows 3, 4 skipped: no value (blank, an error such as #N/A, or a formula that "
        "was never calculated)"
    )
    said = str(problem(workbook({"a": [HEADER, ["2024-01", 3], ["2024-02", "=A9"]]})))
    assert "row 3: the count is blank: no value (blank, an error such as #N/A, or a" in said


def _closed():
    connection = duckdb.connect()
    relation = connection.sql("select '2024-01' as month, 1 as count")
    connection.close()
    return relation


def _sql(text):
    return duckdb.connect().sql(f"select {text}")


UNREADABLE = {
    "polars date": lambda: pl.DataFrame(
        {"month": pl.Series([10_000_000]).cast(pl.Date), "count": [1]}
    ),
    "arrow, ignored column": lambda: pa.table(
        {"month": ["2024-01"], "count": [1], "note": pa.array([10**18], pa.timestamp("us"))}
    ),
    "pandas date": lambda: pd.DataFrame(
        {"month": pd.Series(np.array(["20000-01-01"], dtype="M8[s]")), "count": [1]}
    ),
    "arrow zone": lambda: pa.table(
        {"month": pa.array([1], pa.timestamp("us", tz="Mars/Phobos")), "count": [1]}
    ),
    "decimal": lambda: pd.DataFrame(
        {"month": ["2024-01"], "count": pd.Series([Decimal("sNaN")], dtype=object)}
    ),
    "index twice": lambda: pd.DataFrame(
        {"count": [1]},
        index=pd.MultiIndex.from_tuples([("2024-01", "x")], names=["month", "month"]),
    ),
    "duckdb columns": lambda: _sql("'2024-01' as month, 1 as count, 2 as count"),
    "duckdb infinity": lambda: _sql("'infinity'::date as month, 1 as count"),
    "duckdb cast": lambda: _sql("'2024-01' as month, x::int as count from (values ('a')) t(x)"),
    "duckdb closed": _closed,
    "polars lazy": lambda: pl.LazyFrame({"month": ["2024-01"]}).select("count"),
}


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_what_a_library_cannot_give_is_refused_in_one_line(make):
    (found,) = read(make()).problems
    assert found.place.startswith("data frame")
    assert found.problem
    assert found.cure
    assert "\n" not in str(found)


def test_observations_that_are_none_are_refused():
    class Ready:
        observations = (1, 2)

    with pytest.raises(EvidenceError, match="observations hold int; give rows that are Observ"):
        read_counts(Ready())


def test_after_a_reading_error_nothing_else_is_asked(written, tmp_path):
    assert problems(written('month,count\n"2024-01,3\n')) == [
        "counts.csv, row 2: unexpected end of data; check the quotes"
    ]
    dates = pa.array([10**9], pa.date32())
    pq.write_table(pa.table({"month": ["2024-01"], "count": [1], "seen": dates}), tmp_path / "a")
    found = problem(tmp_path / "a")
    assert str(found).startswith("a: column 'seen': cannot be read (OverflowError: ")
    assert "damaged" not in found.problem


@pytest.mark.parametrize("month", ["2024.1", 2024.1])
def test_a_number_that_lost_its_zero_is_not_january(written, month):
    frame = pd.DataFrame({"month": [month], "count": [1]})
    found = problem(frame, date_format="%Y.%m")
    assert found.row == 1
    assert "month '2024.1' has a month of one digit" in found.problem
    assert "2024.01 or 2024.10" in found.cure
    assert "%Y.%m" not in problem(written("month,count\n2024.1,1\n")).cure
    assert counts(written("month,count\n2024.10,1\n"), date_format="%Y.%m") == {"2024-10": 1}


@pytest.mark.parametrize(
    ("body", "choices"),
    [
        ("month,count\n2024-01,{0}\n2024-01,{0}\n", {"duplicates": "sum"}),
        ("date,count\n2024-01-02,{0}\n2024-01-03,{0}\n", {"aggregate": "month"}),
        (
            "date,count\n2024-01-02,{0}\n2024-01-02,{0}\n2024-01-03,0\n",
            {"aggregate": "month", "duplicates": "sum"},
        ),
        ("id,date,best\n1,2024-01-02,{0}\n1,2024-01-02,{0}\n", {"duplicates": "sum"}),
        ("id,date,best\n1,2024-01-02,{0}\n2,2024-01-03,{0}\n", {}),
    ],
)
def test_a_sum_is_no_larger_than_a_count_may_be(written, body, choices):
    found = str(problem(written(body.format(10**9)), **choices))
    assert found.startswith("counts.csv, series 'battle_deaths': 2024-01")
    assert found.endswith(
        " adds up to 2000000000 (counts.csv, row 2, counts.csv, row 3); it is over "
        "1,000,000,000: is it a typing error?"
    )
    assert counts(written(body.format(5 * 10**8)), **choices) == {"2024-01": 10**9}


def test_a_month_and_its_days_are_not_added_up(written):
    path = written("month,count\n2024-01,10\n2024-01-15,3\n")
    said = str(problem(path, aggregate="month"))
    assert "2024-01 (counts.csv, row 2) is a whole month, and other rows lie within it" in said
    assert "keep the month, or its days (counts.csv, row 3)" in said
    days = written("month,count\n2024-01-01,10\n2024-01-15,3\n")
    assert counts(days, aggregate="month") == {"2024-01": 13}


def test_days_that_count_as_zero_are_told(written):
    path = written("date,count\n2024-01-30,1\n2024-01-31,0\n2024-02-29,2\n")
    assert repairs(path, aggregate="month") == (
        "battle_deaths: 3 dated rows are added up to 2 whole months, from the start of 2024-01 "
        "though the first row is of 2024-01-30; 57 days without a row count as zero"
    )
    full = "".join(f"2024-02-{d:02},1\n" for d in range(1, 30))
    assert repairs(written(f"date,count\n{full}"), aggregate="month") == (
        "battle_deaths: 29 dated rows are added up to 1 whole month"
    )


def test_the_sources_of_events_are_kept_by_month(written):
    body = (
        "id,date_start,date_end,best,source\n1,2024-01-30,2024-02-02,7,news\n"
        "2,2024-01-11,2024-01-11,3,tv\n3,2024-01-12,2024-01-12,3,news\n4,2024-03-12,2024-03-12,1,\n"
    )
    for spanning, expected in {
        "days": ["news; tv", "news", ""],
        "start": ["news; tv", "", ""],
        "total": ["news; tv", ""],
    }.items():
        found = understood(written(body), spanning=spanning)
        assert [o.source for o in found.rows] == expected


def test_a_text_that_a_parquet_file_holds_once_is_not_laid_out(tmp_path):
    rows = 3_000
    text = pa.array(["x" * 100_000]).take(pa.array([0] * rows))
    columns = {"month": ["2024-01"] * rows, "count": [1] * rows, "note": text}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", compression="zstd")
    del text, columns
    usual, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.system_memory_pool())
    pa.set_memory_pool(pool)
    try:
        found = understood(tmp_path / "a.parquet", duplicates="last").problems
    finally:
        pa.set_memory_pool(usual)
    assert 0 < pool.max_memory() < 20_000_000
    assert "a.parquet: unpacked it is over 200 MB; keep the rows and columns" in str(found[0])
    assert len(found) == 1


def test_series_that_hold_no_counts_are_not_offered(written):
    path = written("month,series,count\n2024-01,stagnation,1\n2024-01,treaty,0\n")
    first, second = read(path, known=load().series).problems
    assert first.problem == "unknown series 'stagnation' in the counts"
    assert second.problem == "unknown series 'treaty' in the counts"
    assert [p.place for p in (first, second)] == ["counts.csv, row 2", "counts.csv, row 3"]
    allowed = {p.cure.partition("Allowed: ")[2] for p in (first, second)}
    (listed,) = allowed
    assert "battle_deaths" in listed
    assert "treaty" not in listed


def test_dates_beside_texts_with_a_format_are_told():
    dates = pd.Series([date(2024, 1, 1), "02/01/2024", date(2024, 1, 3)], dtype=object)
    frame = pd.DataFrame({"date": dates, "count": [1, 2, 3]})
    assert repairs(frame, date_format="%d/%m/%Y").endswith(
        "2 cells are dates already and were taken as they are"
    )
