"""Whether a submission keeps the rules of a hub: our own reading of what hubverse documents.

It knows the exporter by nothing but the files it wrote and the configuration beside this module.
"""

import calendar
import itertools
import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from jsonschema import Draft202012Validator, FormatChecker

HERE = Path(__file__).parent
COLUMNS = ("output_type", "output_type_id", "value")
NAME = re.compile(r"(\d{4}-\d\d-\d\d)-([A-Za-z0-9_]+)-([A-Za-z0-9_]+)\.(csv|parquet)")


def config(name):
    return json.loads((HERE / "hub-config" / name).read_text(encoding="utf-8"))


def wrong(value, schema):
    """What a JSON Schema has against a value."""
    checker = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{list(e.absolute_path)}: {e.message}" for e in checker.iter_errors(value)]


def read(path):
    """The rows with every column but the value as text, a missing id as ''."""
    if path.suffix == ".csv":
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
        return text.assign(value=pd.to_numeric(text["value"]))
    frame = pd.read_parquet(path)
    ids = frame["output_type_id"].fillna("")
    return frame.assign(output_type_id=ids).astype(dict.fromkeys(set(frame) - {"value"}, str))


def faults(hub, path):
    """Everything that is wrong with the submission in a file of the hub."""
    tasks = config("tasks.json")
    found = [*_names(hub, path)]
    rows = read(path)
    ids = set(tasks["rounds"][0]["model_tasks"][0]["task_ids"])
    if set(rows) != ids | set(COLUMNS):
        return [*found, f"columns {sorted(rows)}"]
    if set(rows["origin_date"]) != {path.name[:10]}:
        found.append("the round of the rows is not that of the file")
    if rows.duplicated([c for c in rows if c != "value"]).any():
        found.append("rows come twice")
    found += _derived(rows)
    left = rows
    for task in tasks["rounds"][0]["model_tasks"]:
        mine = _of(task, rows)
        left = left.drop(mine.index)
        found += _task(task, mine, set(tasks["derived_task_ids"]))
    if len(left):
        found.append(f"{len(left)} rows of no task, such as {left.iloc[0].to_dict()}")
    return found


def _names(hub, path):
    name = NAME.fullmatch(path.name)
    if name is None:
        yield f"file name {path.name}"
        return
    model = f"{name[2]}-{name[3]}"
    if path.parent != hub / "model-output" / model:
        yield f"{path} is not in the folder of {model}"
    if name[4] not in config("admin.json")["file_format"]:
        yield f"format {name[4]}"
    said = yaml.safe_load((hub / "model-metadata" / f"{model}.yml").read_text(encoding="utf-8"))
    yield from wrong(said, config("model-metadata-schema.json"))
    if f"{said['team_abbr']}-{said['model_abbr']}" != model:
        yield "the metadata are of another model"


def _derived(rows):
    """The last day of the month so many months after the origin's."""
    columns = ["origin_date", "horizon", "target_end_date"]
    for origin, horizon, end in rows[columns].drop_duplicates().to_numpy():
        first = date.fromisoformat(origin)
        months = first.year * 12 + first.month - 1 + int(horizon)
        year, month = months // 12, months % 12 + 1
        if end != f"{year}-{month:02}-{calendar.monthrange(year, month)[1]}":
            yield f"target_end_date {end} of horizon {horizon}"


def _allowed(values):
    return {str(x) for x in (values["required"] or []) + (values["optional"] or [])}


def _of(task, rows):
    inside = np.ones(len(rows), bool)
    for name, values in task["task_ids"].items():
        inside &= rows[name].isin(_allowed(values)).to_numpy()
    return rows[inside]


def _task(task, rows, derived):
    ids = [name for name in task["task_ids"] if name not in derived]
    required = itertools.product(*(task["task_ids"][n]["required"] for n in ids))
    needed = {tuple(map(str, one)) for one in required}
    for kind, rule in task["output_type"].items():
        mine = rows[rows["output_type"] == kind]
        seen = set(mine[ids].drop_duplicates().itertuples(index=False, name=None))
        if not needed <= seen:
            yield f"{kind}: required tasks are missing, such as {min(needed - seen)}"
        yield from _values(kind, rule["value"], mine["value"])
        if kind == "sample":
            yield from _samples(rule["output_type_id_params"], mine, ids)
        else:
            wanted = [str(x) for x in rule["output_type_id"]["required"] or [""]]
            yield from _listed(kind, wanted, mine, ids)
    other = set(rows["output_type"]) - set(task["output_type"])
    if other:
        yield f"output types {sorted(other)} are not asked for"


def _values(kind, rule, value):
    low, high = rule.get("minimum", -np.inf), rule.get("maximum", np.inf)
    if not np.isfinite(value).all():
        yield f"{kind}: a value is missing"
    elif rule["type"] == "integer" and (value != value.round()).any():
        yield f"{kind}: a value is not whole"
    elif not value.between(low, high).all():
        yield f"{kind}: a value is out of bounds"


def _listed(kind, wanted, rows, ids):
    for task, group in rows.groupby(ids):
        if sorted(group["output_type_id"]) != sorted(wanted):
            yield f"{kind} of {task}: ids {sorted(group['output_type_id'])}"
            return
        value = group.set_index("output_type_id").loc[wanted, "value"].to_numpy()
        if kind in ("quantile", "cdf") and (np.diff(value) < 0).any():
            yield f"{kind} of {task}: values fall"
        if kind == "pmf" and abs(value.sum() - 1) > 1e-9:
            yield f"pmf of {task}: sums to {value.sum()}"


def _samples(rule, rows, ids):
    """Counts in bounds; each id in one compound task, once for every task inside it."""
    compound = rule["compound_taskid_set"]
    inner = [n for n in ids if n not in compound]
    if (rows.groupby("output_type_id")[compound].nunique() > 1).any().any():
        yield "sample: an id is in two compound tasks"
    counts = rows.groupby(ids).size()
    if not counts.between(rule["min_samples_per_task"], rule["max_samples_per_task"]).all():
        yield f"sample: {counts.min()} to {counts.max()} samples of a task"
    for task, group in rows.groupby(compound):
        tasks = len(group[inner].drop_duplicates())
        if (group.groupby("output_type_id").size() != tasks).any():
            yield f"sample: an id does not cover every task of {task}"
    if not rows["output_type_id"].str.fullmatch("[1-9][0-9]*").all():
        yield "sample: an id is not a positive whole number"
