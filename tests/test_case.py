"""A case is one value or one file: what it holds, what it refuses, and that it comes back."""

import json
from datetime import date, datetime

import pytest

from caucasus_forecast.case import EMBEDDED, Case, available, load, make
from caucasus_forecast.errors import CaseError


@pytest.fixture
def written(tmp_path):
    def write(body, name="mine.toml"):
        path = tmp_path / name
        path.write_text(body, encoding="utf-8")
        return path

    return write


def test_the_shipped_case_is_the_articles_moment():
    assert "alyarli-2021" in available()
    case = load("alyarli-2021")
    assert (case.as_of, case.horizon, case.evidence) == (date(2021, 11, 30), 12, EMBEDDED)
    assert (case.model, case.priors, case.scenarios) == ("ladder", "alyarli-2021", "alyarli-2021")
    assert case.name == "alyarli-2021"
    assert case.title


def test_a_case_needs_no_field(written):
    assert load(written("")) == Case() == make("x", {})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('name = "../up"', "name is '../up': String should match pattern"),
        ('name = ""', "name is '': String should match pattern"),
        ('name = ".hidden"', "name is '.hidden': String should match"),
        ('name = "a/b"', "name is 'a/b': String should match"),
        ('name = "a\\\\b"', "name is 'a\\\\b': String should match"),
        ('name = "a b"', "name is 'a b': String should match"),
        ('name = "line\\n"', "name is 'line\\n': String should match"),
        (f'name = "{"x" * 81}"', "String should match"),
        ("title = 5", "title is 5: Input should be a valid string"),
        ("evidence = 5", "evidence is 5: Input should be a valid string"),
        ('as_of = "30.11.2021"', "as_of is '30.11.2021': write a day as 2021-11-30"),
        ("as_of = 2021", "as_of is 2021: Input should be a valid date"),
        ("as_of = 12:00:00", "Input should be a valid date"),
        ("horizon = 0", "horizon is 0: Input should be greater than or equal to 1"),
        ("horizon = 121", "horizon is 121: Input should be less than or equal to 120"),
        ("horizon = 1.5", "horizon is 1.5: Input should be a valid integer"),
        ("horizon = 12.0", "horizon is 12.0: Input should be a valid integer"),
        ('horizon = "12"', "horizon is '12': Input should be a valid integer"),
        ("horizon = true", "horizon is True: Input should be a valid integer"),
        ('model = "lader"', "model is 'lader': did you mean 'ladder'?"),
        ('model = "other"', "Allowed: drift, ladder, reference"),
        ('sampler = "nutpy"', "sampler is 'nutpy': did you mean 'nutpie'?"),
        ("priors = []", "priors is []: Input should be a valid string"),
        ("scenarios = 1", "scenarios is 1: Input should be a valid string"),
        ("seed = -1", "seed is -1: Input should be greater than or equal to 0"),
        ("seed = 2147483648", "seed is 2147483648: Input should be less than"),
        ("seed = nan", "seed is nan: Input should be a valid integer"),
        ("draws = 3", "draws is 3: Input should be greater than or equal to 4"),
        ("tune = 49", "tune is 49: Input should be greater than or equal to 50"),
        ("chains = 0", "chains is 0: Input should be greater than or equal to 1"),
        ("paths = 1", "paths is 1: Input should be greater than or equal to 2"),
        ("horison = 12", "unknown key 'horison'; did you mean 'horizon'?"),
        ("asof = 2021-11-30", "unknown key 'asof'; did you mean 'as_of'?"),
        ("self = 1", "unknown key 'self'"),
        ("[[draws]]\nx = 1", "draws is [{'x': 1}]: Input should be a valid integer"),
        ("draws = ", "Invalid value"),
        ("draws = 5\ndraws = 6", "Cannot overwrite a value"),
    ],
)
def test_a_bad_field_is_refused_with_its_file_key_and_value(line, told, written):
    with pytest.raises(CaseError) as caught:
        load(written(line))
    assert str(caught.value).startswith("mine.toml: ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alyarli-2012", "no case 'alyarli-2012'; did you mean 'alyarli-2021'"),
        ("none.toml", "none.toml: no such file; check the path"),
        (".", ".: not a TOML text file"),
        ("x\0.toml", "cannot be read"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_a_case_that_is_not_there_is_refused(name, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CaseError) as caught:
        load(name)
    assert told in str(caught.value)


def test_what_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CaseError, match=r"bad\.toml: not a TOML text file"):
        load(path)


def test_a_byte_order_mark_is_read_over(written):
    assert load(written("\ufeffhorizon = 3")).horizon == 3


@pytest.mark.parametrize(
    "line", ["as_of = 2021-11-30", 'as_of = "2021-11-30"', "as_of = 2021-11-30T18:00:00Z"]
)
def test_a_day_is_read_as_a_date_or_as_text(line, written):
    assert load(written(line)).as_of == date(2021, 11, 30)


@pytest.mark.parametrize("day", [date(2021, 11, 30), datetime(2021, 11, 30, 9), "2021-11-30"])
def test_a_day_is_a_date_in_python_too(day):
    found = make("x", {"as_of": day}).as_of
    assert found == date(2021, 11, 30)
    assert type(found) is date


@pytest.mark.parametrize(
    ("key", "file"),
    [("evidence", "counts.csv"), ("priors", "own.toml"), ("scenarios", "sub/own.toml"),
     ("priors", "plain")],
)  # fmt: skip
def test_paths_are_relative_to_the_case_file(key, file, written, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / file).write_text("")
    case = load(written(f'{key} = "{file}"'))
    assert getattr(case, key) == str(tmp_path / file)


@pytest.mark.parametrize("key", ["evidence", "priors", "scenarios"])
def test_a_path_does_not_fall_back_on_the_working_folder(key, written, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own.toml").write_text("")
    monkeypatch.chdir(elsewhere)
    assert getattr(load(written(f'{key} = "own.toml"')), key) == str(tmp_path / "own.toml")


@pytest.mark.parametrize("key", ["priors", "scenarios"])
def test_names_of_shipped_sets_and_absolute_paths_stay_as_they_are(key, written, tmp_path):
    assert getattr(load(written(f'{key} = "agnostic"')), key) == "agnostic"
    far = tmp_path / "far.toml"
    assert getattr(load(written(f'{key} = "{far.as_posix()}"')), key) == str(far)


def test_embedded_evidence_is_no_path(written, tmp_path):
    (tmp_path / EMBEDDED).write_text("")
    assert load(written(f'evidence = "{EMBEDDED}"')).evidence == EMBEDDED


@pytest.mark.parametrize(
    "case",
    [
        Case(),
        load("alyarli-2021"),
        Case(name="x.y+z_1-2", title="Bakı «a» \n", as_of=date(2024, 2, 29), seed=0, chains=1),
    ],
)
def test_a_case_comes_back_from_json(case):
    fields = json.loads(case.to_json())
    assert make("json", fields) == case
    off = {"delays", "published"}  # left out, so that older forecasts are made again bit by bit
    assert list(fields) == sorted(set(Case.model_fields) - off)


def test_a_case_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        load("alyarli-2021").horizon = 3
