"""A saved forecast is made again from what it holds, bit for bit, by the road it was made by."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import caucasus_forecast as cf
from caucasus_forecast import cli, fitting, names, posterior, reproducing, reweighting
from caucasus_forecast.errors import StorageError

MILD = {"tension->pressure": cf.Normal(0.35, 0.2)}
MILDER = {"stagnation->treaty": cf.Normal(-0.2, 0.4)}


@pytest.fixture
def few(monkeypatch):
    """So few draws are enough to reweight."""
    monkeypatch.setattr(reweighting, "MIN_EFFECTIVE", 20.0)


@pytest.fixture
def drawn(small_forecast, monkeypatch):
    """Hand out the draws of the small forecast in place of a fit; the list of who asked."""
    asked = []

    def draw(study, priors, **_):
        asked.append((study, priors))
        groups = (names.POSTERIOR, names.SAMPLE_STATS)
        return xr.DataTree.from_dict({g: small_forecast.tree[g].to_dataset() for g in groups})

    monkeypatch.setattr(fitting, "draw", draw)
    return asked


def saved(forecast, tmp_path):
    return cf.load(forecast.save(tmp_path / "f.nc")).tree


def test_a_saved_forecast_is_fitted_again_to_the_last_bit(small_forecast, tmp_path):
    said = []
    found = reproducing.reproduce(saved(small_forecast, tmp_path), said.append)
    assert found.equal
    assert found.differences == found.machine == {}
    assert found.scenarios[0] == 0
    assert said == ["sampling 4 chains of 150 draws"]


def test_a_forecast_sampled_again_under_other_priors_is_too(small_forecast, tmp_path):
    other = small_forecast.with_priors("agnostic", refit=True)
    assert "road" not in other.tree.attrs
    assert reproducing.reproduce(saved(other, tmp_path)).equal


def test_what_was_reweighted_and_done_is_reached_by_its_road(
    small_forecast, few, drawn, tmp_path, monkeypatch
):
    there = small_forecast.with_priors(MILD).with_priors(MILDER)
    assert [s["prior_set"] for s in json.loads(there.tree.attrs["road"])] == [
        "alyarli-2021", "alyarli-2021+tension->pressure"
    ]  # fmt: skip
    done = there.do(corridor="open", tension=cf.Shift(-0.5))
    tree = saved(done, tmp_path)
    assert reproducing.reproduce(tree).equal
    (study, priors), *others = drawn
    assert others == [], "one fit, the first"
    assert (study.case.priors, priors.name) == ("alyarli-2021", "alyarli-2021")


def test_what_was_updated_is_reached_by_its_road(small_forecast, few, drawn, tmp_path):
    there = small_forecast.with_priors(MILD).update(as_of="2021-12-31").update(as_of="2022-01-31")
    assert names.WEIGHT in there.tree[names.SAMPLE_STATS]
    assert len(json.loads(there.tree.attrs["road"])) == 3
    assert reproducing.reproduce(saved(there, tmp_path)).equal
    assert str(drawn[0][0].as_of) == "2021-11-30"


def test_late_rows_and_revisions_taken_back_are_reached_too(small_forecast, few, tmp_path):
    def row(month, series, count):
        return pd.DataFrame({"month": [month], "series": [series], "count": [count]})

    late = small_forecast.update(row("2021-12", "battle_deaths", 2)).update(
        row("2021-12", "reports_azerbaijan", 30)
    )
    back = small_forecast.update(row("2021-03", "battle_deaths", 4)).update(
        row("2021-03", "battle_deaths", 0)
    )
    for name, there in {"late": late, "back": back}.items():
        (tmp_path / name).mkdir()
        assert reproducing.reproduce(saved(there, tmp_path / name)).equal


def test_a_road_that_is_not_told_whole_is_refused(small_forecast, few, tmp_path):
    tree = small_forecast.with_priors(MILD).tree
    road = tree.attrs.pop("road")
    with pytest.raises(StorageError, match="were reweighted or moved, and the file does not say"):
        reproducing.reproduce(tree)
    revised = json.loads(road)
    revised[0] |= {"data_digest": "0" * 64, "as_of": "2021-10-31"}
    tree.attrs["road"] = json.dumps(revised)
    with pytest.raises(StorageError, match="the evidence as of 2021-10-31 was revised since"):
        reproducing.reproduce(tree)
    past = small_forecast.counterfactual(tension="calm", since="2021-06").tree
    with pytest.raises(StorageError, match="of a counterfactual, which starts from another"):
        reproducing.reproduce(past)


def test_what_reading_the_evidence_said_is_taken_from_the_file(altered, drawn):
    told = altered(repairs='["rows sorted"]', citation="a paper").tree
    told[names.DIAGNOSTICS].attrs = posterior.diagnose(
        told, altered().study.graph, "ladder"
    ).attrs  # fmt: skip
    found = reproducing.reproduce(told)
    assert found.equal
    assert found.tree.attrs["repairs"] == '["rows sorted"]'


def changed(small_forecast):
    tree = small_forecast.tree.copy(deep=True)
    tree[names.POSTERIOR]["slope"][0, 0, 0] += 0.5
    tree[names.SCENARIOS]["probability"][0] += 0.25
    tree.attrs["seed"] = 1
    tree.attrs["versions"] = json.dumps(json.loads(tree.attrs["versions"]) | {"numpy": "1.0"})
    return cf.Forecast(tree)


def test_what_differs_is_named_with_how_much(small_forecast, drawn):
    found = reproducing.reproduce(changed(small_forecast).tree)
    assert not found.equal
    assert found.differences == {
        "/": "in seed",
        "posterior/slope": "by at most 0.5",
        "scenarios/probability": "by at most 0.25",
    }
    assert found.machine == {"numpy": ("1.0", np.__version__)}
    change, error = found.scenarios
    assert change == 0.25
    assert 0 < error < 0.1


# ------------------------------------------------------------------------------ the command


def test_the_command_says_whether_it_is_bit_equal(small_forecast, drawn, tmp_path, capsys):
    path = small_forecast.save(tmp_path / "f.nc")
    assert cli.main(["reproduce", str(path)]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"{path}: bit-equal (SHA-256 {small_forecast.digest})", "Made by the same versions."
    ]  # fmt: skip
    assert told.err.splitlines()[0] == "sampling 4 chains of 150 draws"
    assert "warning: checks failed" in told.err, "150 draws do not pass"
    assert cli.main(["reproduce", str(path), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["bit_equal"] is True
    assert body["digest"]["saved"] == body["digest"]["again"] == small_forecast.digest
    assert body["verdict"]["passed"] is False


def test_the_command_fails_where_it_is_not(small_forecast, drawn, tmp_path, capsys):
    path = changed(small_forecast).save(tmp_path / "f.nc")
    assert cli.main(["reproduce", str(path), "-q"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: NOT bit-equal; 3 parts differ"
    assert "  posterior/slope: by at most 0.5" in lines
    assert any(x.startswith("Largest change of a scenario: 25.00 ± ") for x in lines)
    assert lines[-1] == f"  numpy: 1.0 then, {np.__version__} now"
    assert cli.main(["reproduce", str(path), "--json"]) == 3
    body = json.loads(capsys.readouterr().out)
    assert body["differences"]["posterior/slope"] == "by at most 0.5"
    assert body["versions"] == {"numpy": {"then": "1.0", "now": np.__version__}}


def test_the_command_refuses_what_it_cannot_read(tmp_path, capsys):
    assert cli.main(["reproduce", str(tmp_path / "none.nc")]) == 2
    assert "no such file" in capsys.readouterr().err
