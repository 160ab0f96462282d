import pytest

from caucasus_forecast import errors
from caucasus_forecast.errors import CaucasusForecastError, nearest

LEAVES = {
    "EvidenceError": ValueError,
    "GraphError": ValueError,
    "PriorError": ValueError,
    "CaseError": ValueError,
    "ScenarioError": ValueError,
    "QuestionError": ValueError,
    "InterventionError": ValueError,
    "StorageError": OSError,
    "SamplingError": RuntimeError,
    "SourceError": OSError,
    "CorruptResultError": OSError,
}


@pytest.mark.parametrize(("name", "builtin"), LEAVES.items())
def test_every_error_is_of_the_family_and_of_its_builtin(name, builtin):
    assert issubclass(getattr(errors, name), CaucasusForecastError)
    assert issubclass(getattr(errors, name), builtin)


def test_the_tree_in_the_docstring_names_every_error():
    defined = {
        n for n, x in vars(errors).items() if isinstance(x, type) and issubclass(x, Exception)
    }
    assert defined == {"CaucasusForecastError", *LEAVES}
    assert all(name in errors.__doc__ for name in defined)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("tensoin", "did you mean 'tension'?"),
        ("TENSION", "did you mean 'tension'?"),
        ("Tension ", "did you mean 'tension'?"),
        ("zzz", "Allowed: tension, treaty"),
        (5, "Allowed: tension, treaty"),
        ("", "Allowed: tension, treaty"),
    ],
)
def test_the_nearest_name_is_found_in_whatever_case(given, hint):
    assert nearest(given, ["treaty", "tension"]).startswith(hint)


def test_a_long_list_of_names_is_cut_and_counted():
    told = nearest("x", [f"name_{i:03}" for i in range(100)])
    assert "name_029, … (100 in all)" in told
    assert "name_030" not in told


def test_nothing_allowed_is_said():
    assert nearest("x", []) == "Allowed: none"
