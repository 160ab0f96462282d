"""Faults 1 to 41, in a file of counts: what `run` and `validate` say of them, and how they end."""

import gzip
import io
import json
import zipfile
from datetime import date

import pytest
from faulty import QUICK, left, program

from caucasus_forecast import forecasting

MONTHS = "month,count\n"
TWO = "2021-01,3\n2021-02,5\n"
LAST = f"{date.today():%Y-%m}"
NEXT = f"{date.today().year + 1}-01"
BOMB = gzip.compress(b"2021-01,3\n" * 25_000_000, 1)


def packed(**parts):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return body.getvalue()


# what is refused: number and name, the bytes, words of the message
REFUSED = {
    "01 empty": ("", "it needs a header and rows"),
    "01 header only": (MONTHS, "no rows of counts; add at least one row"),
    "02 wrong columns": ("date,n\n2021-01-01,3\n", "columns are 'date,n'; needed:"),
    "02 nearest name": ("Month,Deaths\n2021-01,3\n", "--count-col on the command line"),
    "02 no month": ("a,b\n1,2\n", "--month-col and --count-col on the command line"),
    "03 columns twice": ("month,count,Count\n2021-01,1,2\n", "column 'count' appears twice; keep"),
    "05 month twice": (MONTHS + "2021-01,1\n2021-01,1\n", "is listed twice (x.csv, row 2; x.csv,"),
    "07 month missing": (MONTHS + "2021-01,1\n2021-03,1\n", "no row for 2021-02; choose gaps="),
    "09 negative": (MONTHS + "2021-01,-1\n2021-02,3\n", "row 2: the count is '-1'; a count cannot"),
    "10 fraction": (MONTHS + "2021-01,2.5\n2021-02,3\n", "row 2: the count is '2.5'; a count is w"),
    "11 thousands": (MONTHS + '2021-01,"1,234"\n', "row 2: the count is '1,234'; write 1234"),
    "11 decimal comma": (MONTHS + '2021-01,"3,5"\n', "row 2: the count is '3,5'; a decimal comma?"),
    "11 blank between": (MONTHS + "2021-01,1 234\n", "row 2: the count is '1 234'; write 1234"),
    "11 footnote": (MONTHS + "2021-01,3*\n", "write a whole number, 3, and the mark in another"),
    "11 exponent": (MONTHS + "2021-01,1e3\n", "a spreadsheet may have rounded it"),
    "11 underscore": (MONTHS + "2021-01,1_000\n", "row 2: the count is '1_000'; write a whole"),
    "11 range": (MONTHS + "2021-01,5-10\n", "row 2: the count is '5-10'; write a whole number"),
    "13 too large": (MONTHS + "2021-01,1000000001\n", "it is over 1,000,000,000: is it a typing"),
    "15 one month": (MONTHS + "2021-01,3\n", "at least 2 are needed to see a change"),
    "18 text": (MONTHS + "2021-01,three\n", "row 2: the count is 'three'; write a whole number"),
    "18 truth": (MONTHS + "2021-01,True\n", "row 2: the count is 'True'; write a whole number"),
    "18 blank": (MONTHS + "2021-01,\n2021-02,3\n", "the count is blank; drop the row if it is unk"),
    "21 several": ("month;count,series\n2021-01;3,a\n", "choose separator='comma' or separator='s"),
    "21 bar": ("month|count\n2021-01|3\n", "columns are 'month|count'; needed:"),
    "24 comment": ("# from a list\n" + MONTHS + TWO, "'# from a list' is a comment; remove the"),
    "24 comment within": (MONTHS + "# half\n" + TWO, "row 2: '# half' is a comment; remove the"),
    "25 Excel serial": (MONTHS + "45292,3\n", "row 2: month '45292' looks like an Excel serial"),
    "27 ambiguous": (MONTHS + "01/02/2024,3\n", "is ambiguous, day or month first (2024-02-01 or"),
    "27 the option": (MONTHS + "13/02/2024,3\n", "date_format='%d/%m/%Y', --date-format on the"),
    "28 English": (MONTHS + "Jan-24,3\n", "write it as 2024-01, or choose date_format='%b-%y'"),
    "28 French": (MONTHS + "janv. 2024,3\n", "months have English names here, and --date-format"),
    "28 Armenian": (MONTHS + "հունվար 2024,3\n", "months have English names here"),
    "28 Russian": (MONTHS + "январь 2024,3\n", "months have English names here"),
    "30 mid-month": (MONTHS + "2021-01-15,3\n", "is not the first of a month; write it as 2021-01"),
    "30 weekly": ("date,count\n2021-01-04,3\n2021-01-11,3\n", "choose aggregate='month' (each m"),
    "32 nothing else": (f"{MONTHS}{LAST},3\n", "is not over (today is"),
    "32 to come": (f"{MONTHS}2021-01,3\n{NEXT},3\n", "has not begun (today is"),
    "33 no such day": ("date,count\n2023-02-29,3\n", "date '2023-02-29' is not a date"),
    "33 Hijri year": (MONTHS + "1445-07,3\n", "month 1445-07-01 has the year 1445; is it a typing"),
    "33 Buddhist year": (MONTHS + "2567-01,3\n", "month 2567-01-01 has the year 2567; is it a typ"),
    "36 formula": (MONTHS + "2021-01,=cmd()\n", "row 2: the count is '=cmd()'; write a whole"),
    "36 formula as series": (
        "month,count,series\n2021-01,3,=cmd()\n", "unknown series '=cmd()' in the counts",
    ),
    "41 gzip bomb": (BOMB, "unpacked it is over 200 MB"),
    "41 zip": (packed(**{"x.csv": MONTHS + TWO}), "is a zip archive; unpack it"),
    "41 zip bomb as a workbook": (
        packed(**{"xl/workbook.xml": "<a/>", "xl/worksheets/sheet1.xml": b"\0" * 201_000_000}),
        "unpacked it is over 200 MB",
    ),
    "41 old workbook": (b"\xd0\xcf\x11\xe0" + bytes(100), "an old Excel file (.xls) or a locked"),
    "41 broken Parquet": (b"PAR1" + bytes(50) + b"PAR1", "damaged"),
    "41 HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(90), "is an HDF5 or netCDF file; save its table as"),
    "41 binary": (MONTHS.encode() + b"2021-01,3\0\n", "holds binary data, not text"),
    "41 UTF-16": ((MONTHS + TWO).encode("utf-16"), "not UTF-8 text at byte 0 but UTF-16"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_fault(fault, asked, here):
    body, words = REFUSED[fault]
    (here / "x.csv").write_bytes(body if isinstance(body, bytes) else body.encode())
    if fault.startswith("15"):  # told when the case is laid out, which is not reached here
        assert program("validate", "x.csv").code == 2
        assert words in program("validate", "x.csv").err
        return
    told = program("run", "x.csv")
    assert told.code == 2
    assert told.err.startswith("error: x.csv")
    assert words in told.err
    assert asked == [], "before anything is sampled"
    assert left(here) == ["x.csv"]
    checked = program("validate", "x.csv", "--json")
    assert checked.code == 2
    assert any(words in p["message"] for p in json.loads(checked.out)["problems"])


# what is read: number and name, the bytes, options, what is said to have been understood
READ = {
    "04 unsorted": (MONTHS + "2021-02,5\n2021-01,3\n", (), "not in order of time, sorted"),
    "05 added up": (MONTHS + "2021-01,1\n2021-01,2\n2021-02,5\n", ("--duplicates", "sum"), "added"),
    "05 the last": (MONTHS + "2021-01,1\n2021-01,3\n2021-02,5\n", ("--duplicates", "last"), "last"),
    "10 whole as decimal": (MONTHS + "2021-01,3.0\n2021-02,5.\n", (), ""),
    "19 byte order mark": ("\ufeff" + MONTHS + TWO, (), ""),
    "21 semicolon": ((MONTHS + TWO).replace(",", ";"), (), "columns are separated by a semicolon"),
    "21 tab": ((MONTHS + TWO).replace(",", "\t"), (), "columns are separated by a tab"),
    "24 CRLF and blank lines": ((MONTHS + TWO + "\n\n").replace("\n", "\r\n"), (), ""),
    "26 run together": (MONTHS + "202101,3\n202102,5\n", (), "such as 202101 were read as 2021-01"),
    "28 chosen": (MONTHS + "Jan-21,3\nFEB-21,5\n", ("--date-format", "%b-%y"), "read as %b-%y"),
    "30 added up": (
        "date,count\n2021-01-04,1\n2021-01-11,2\n2021-02-01,5\n", ("--aggregate", "month"), "2021",
    ),
    "32 left out": (f"{MONTHS}{TWO}{LAST},9\n", ("--gaps", "missing"), "is not over (today is"),
}  # fmt: skip


@pytest.mark.parametrize("fault", READ)
def test_fault_read(fault, here):
    body, options, words = READ[fault]
    (here / "x.csv").write_bytes(body.encode())
    told = program("validate", "x.csv", "--json", *options)
    assert told.code == 0
    found = json.loads(told.out)
    rows = {e["start"][:7]: e["count"] for e in found["excerpts"] if e["count"] < 9}
    assert rows == {"2021-01": 3, "2021-02": 5}
    assert words in " ".join(found["repairs"])
    assert bool(found["repairs"]) == bool(words)


def test_fault_07_a_gap_is_unknown_or_zero_as_chosen(here):
    (here / "x.csv").write_text(MONTHS + "2021-01,3\n2021-03,5\n")
    gaps = {
        choice: json.loads(program("validate", "x.csv", "--gaps", choice, "--json").out)
        for choice in ("missing", "zero")
    }
    assert [g["rows"] for g in gaps.values()] == [2, 3]
    assert "left unknown" in gaps["missing"]["repairs"][0]
    assert "counted as zero" in gaps["zero"]["repairs"][0]


def test_fault_33_a_leap_day_is_a_day(here):
    (here / "x.csv").write_text("date,count\n2024-02-29,3\n2024-03-01,5\n")
    found = json.loads(program("validate", "x.csv", "--json").out)
    assert [(e["start"], e["end"]) for e in found["excerpts"]] == [
        ("2024-02-29", "2024-02-29"),
        ("2024-03-01", "2024-03-01"),
    ]


def test_fault_38_a_parquet_file_and_its_csv_say_the_same(here):
    import polars

    table = polars.DataFrame({"month": ["2021-01", "2021-02"], "count": [3, 5]})
    table.write_parquet("x.parquet")
    table.write_csv("x.csv")
    told = [json.loads(program("validate", name, "--json").out) for name in ("x.parquet", "x.csv")]
    for one in told:
        del one["file"], one["sha256"]
        for row in one["excerpts"]:
            del row["read_from"]
    assert told[0] == told[1]


def test_fault_40_a_file_replaced_while_it_is_read_is_noticed(short, monkeypatch, here):
    (here / "x.csv").write_text(MONTHS + TWO)

    def run(case, **_):
        tree = short.tree.copy(deep=True)
        tree.attrs["evidence_sha256"] = "0" * 64  # of other bytes than those that were copied
        return forecasting.Forecast(tree)

    monkeypatch.setattr(forecasting, "run", run)
    told = program("run", "x.csv")
    assert told.code == 2
    assert "x.csv: the file changed during the run; run it again" in told.err
    assert left(here) == ["x.csv"]


# --------------------------------------------------------------------- what runs, with a warning

WARNED = {
    "13 very large": (MONTHS + "2021-01,1000000\n2021-02,3\n", "above the 13,939 a month of the"),
    "14 all zeros": (MONTHS + "2021-01,0\n2021-02,0\n2021-03,0\n", "every count is 0, so the coun"),
    "16 one outlier": (
        MONTHS + "".join(f"2021-{m:02d},{9000 if m == 6 else m % 3}\n" for m in range(1, 13)),
        "2021-06 has 9,000, and the next largest count is 2; if it is no slip, see what hangs on",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", WARNED)
def test_fault_that_runs_with_a_warning(fault, here):
    body, words = WARNED[fault]
    (here / "x.csv").write_text(body)
    (here / "case.toml").write_text(f'name = "x"\nevidence = "x.csv"\n{QUICK}')
    told = program("run", "case.toml", "--out", "out")
    assert told.code == 3  # ten draws pass no check
    assert words in told.out
    forecast = forecasting.load("out")
    assert bool((forecast.tree["log_likelihood"]["evidence"] < 1e30).all()), "and finite"
    assert words in (here / "out" / "report.html").read_text()


def test_fault_04_every_repair_is_in_the_report(here):
    (here / "x.csv").write_text("month;count\n202103;5\n202101;3\n202101;1\n")
    (here / "case.toml").write_text(
        f'name = "x"\nevidence = "x.csv"\n{QUICK}[reading]\ngaps = "zero"\nduplicates = "sum"\n'
    )
    assert program("run", "case.toml", "--out", "out", "-q").code == 3
    page = (here / "out" / "report.html").read_text()
    for words in (
        "columns are separated by a semicolon", "such as 202103 were read as 2021-03",
        "not in order of time, sorted", "added up", "counted as zero",
    ):  # fmt: skip
        assert words in page
