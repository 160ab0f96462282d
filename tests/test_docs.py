"""The documentation says what the code does: names, modules, schema; and it builds cleanly."""

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import caucasus_forecast as cf
from caucasus_forecast import names

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGE = Path(cf.__file__).resolve().parent
KINDS = {"text": "UOT", "integer": "iu", "bool": "b"}


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text):
    """Cells of every Markdown table row, without header rows and rules."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            yield cells


def section(title, level):
    """Text of one section of the schema, up to the next heading of its level or above."""
    pattern = rf"^{'#' * level} {title}\n(.*?)(?=^#{{1,{level}}} |\Z)"
    found = re.search(pattern, page("schema.md"), re.S | re.M)
    assert found, f"docs/schema.md has no section {title!r}"
    return found.group(1)


def variables(group):
    """Documented variables of a group: name to (dims, dtype, when)."""
    return {
        name.strip("`"): (tuple(dims.split(", ")), dtype, when)
        for name, dims, dtype, when, _ in rows(section(group, 3))
    }


def coordinates():
    """Documented coordinates: (name, dim) to dtype."""
    return {
        (name.strip("`"), dim): dtype for name, dim, dtype, _ in rows(section("Coordinates", 2))
    }


def same_type(documented, actual):
    return actual.kind in KINDS[documented] if documented in KINDS else str(actual) == documented


# ------------------------------------------------------------------------------ names and modules


def test_every_public_name_has_a_line_in_the_reference():
    text = page("api.md")
    missing = [name for name in cf.__all__ if f"| `{name}` |" not in text]
    assert not missing


def test_the_reference_lists_no_error_that_is_not_public():
    listed = set(re.findall(r"^\| `(\w*Error)` \|", page("api.md"), re.M))
    assert listed == {name for name in cf.__all__ if name.endswith("Error")}


def test_the_reading_order_names_every_module():
    text = page("reading.md")
    modules = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")]
    missing = [name for name in modules if f"| `{name}` |" not in text]
    assert not missing


def test_the_reading_order_names_no_module_that_is_gone():
    listed = re.findall(r"\| `([\w/]+\.py)` \|", page("reading.md"))
    assert not [name for name in listed if not (PACKAGE / name).is_file()]


# ------------------------------------------------------------------------------------- the schema


def test_every_dimension_is_documented():
    documented = {cells[0].strip("`") for cells in rows(section("Dimensions", 2))}
    dims = (
        names.CHAIN, names.DRAW, names.PATH, names.MONTH, names.EDGE, names.NODE, names.SHARE,
        names.STATE, names.LEVEL, names.SCENARIO, names.ANSWER, names.OBSERVATION, "parameter",
        names.SERIES, names.QUANTILE, names.HISTORY,
    )  # fmt: skip
    assert documented == set(dims)


def test_every_group_is_documented_in_order():
    text = page("schema.md")
    headings = re.findall(r"^### (\w+)$", text, re.M)
    assert tuple(headings) == names.GROUPS


@pytest.mark.parametrize("group", names.GROUPS)
def test_a_group_is_as_documented(small_forecast, group):
    tree = small_forecast.tree
    model, sampler = tree.attrs["model"], tree[names.SAMPLE_STATS].attrs["sampler"]
    data = tree[group].to_dataset()
    documented = variables(group)
    for name, variable in data.data_vars.items():
        assert name in documented, f"{group}.{name} is not in docs/schema.md"
        dims, dtype, _ = documented[name]
        assert variable.dims == dims, f"{group}.{name}"
        assert same_type(dtype, variable.dtype), f"{group}.{name} is {variable.dtype}, not {dtype}"
    expected = {
        name
        for name, (_, _, when) in documented.items()
        if when == "always" or model in when.split(", ") or when == sampler
    }
    assert expected == set(data.data_vars)


@pytest.mark.parametrize("group", names.GROUPS)
def test_the_coordinates_of_a_group_are_as_documented(small_forecast, group):
    documented = coordinates()
    for name, coordinate in small_forecast.tree[group].to_dataset().coords.items():
        place = (name, ", ".join(coordinate.dims))
        assert place in documented, f"{group}: {place} is not in docs/schema.md"
        assert same_type(documented[place], coordinate.dtype), f"{group}: {name}"


@pytest.mark.parametrize("group", names.GROUPS)
def test_every_attribute_of_a_group_is_documented(small_forecast, group):
    text = section(group, 3)
    assert not [name for name in small_forecast.tree[group].attrs if f"`{name}`" not in text]


def test_every_attribute_of_the_root_is_documented(small_forecast):
    documented = set(re.findall(r"`(\w+)`", section("Attributes of the root", 2)))
    assert not set(small_forecast.tree.attrs) - documented


def test_the_groups_of_a_forecast_are_the_documented_ones(small_forecast):
    assert tuple(small_forecast.tree.children) == names.GROUPS


# ------------------------------------------------------------------------------- README and build


def test_the_readme_shows_four_lines_of_python():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert len(blocks) >= 1
    lines = [line for line in blocks[0].splitlines() if line.strip()]
    assert len(lines) == 4
    compile(blocks[0], "README.md", "exec")


def blocks_of(language):
    """Blocks of a language in the docs and the README, each with the name of its page."""
    pages = [*sorted(DOCS.glob("*.md")), ROOT / "README.md"]
    fenced = rf"```{language}\n(.*?)```"
    return [(p.name, b) for p in pages for b in re.findall(fenced, p.read_text("utf-8"), re.S)]


@pytest.mark.parametrize(("name", "block"), blocks_of("python"))
def test_every_python_block_of_the_docs_compiles(name, block):
    assert compile(block, name, "exec").co_code


@pytest.mark.parametrize(("name", "block"), blocks_of("toml"))
def test_every_toml_example_can_be_read(name, block):
    assert tomllib.loads(block)


def test_the_example_scenario_set_is_one():
    from caucasus_forecast import scenarios

    block = re.findall(r"```toml\n(.*?)```", page("scenarios.md"), re.S)[0]
    assert [s.id for s in scenarios.read(block, "docs/scenarios.md").scenarios] == ["A", "B"]


def test_the_example_counts_can_be_read(tmp_path):
    block = re.findall(r"```text\n(start,end.*?)```", page("evidence.md"), re.S)[0]
    file = tmp_path / "counts.csv"
    file.write_text(block, encoding="utf-8")
    assert len(cf.evidence.read_counts(file)) == 3


@pytest.mark.skipif(
    find_spec("sphinx") is None or find_spec("myst_parser") is None,
    reason="sphinx and myst-parser are not installed: uv sync --group docs",
)
def test_the_docs_build_without_warnings(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    places = ["-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "html")]
    done = subprocess.run([*command, *places], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "index.html").is_file()
