"""`cases`, `models`, `priors`, `graph`: what there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import atomic, shipped
from ..errors import GraphError, nearest
from .common import DEFAULT_CASE, aligned, printable, refuse_file

if TYPE_CHECKING:
    from ..graph import CausalGraph

FORMATS = ("text", "mermaid", "svg")


def list_cases() -> None:
    """List the shipped cases."""
    from .. import case as cases

    found = [cases.load(name) for name in cases.available()]
    print("\n".join(aligned([(c.name, f"as of {c.as_of}", c.title) for c in found], 3)))


def list_models() -> None:
    """List the models."""
    import ast

    from ..case import MODEL_NAMES

    for name in MODEL_NAMES:
        source = shipped.text(f"models/{name}.py")
        print((ast.get_docstring(ast.parse(source)) or name).splitlines()[0].replace("`", ""))


def list_priors() -> None:
    """List the shipped prior sets."""
    from .. import priors

    print("\n".join(aligned([(n, priors.load(n).title) for n in priors.list()])))


def show_priors(name: Annotated[str, typer.Argument(metavar="NAME | FILE")]) -> None:
    """Show every entry of a prior set, and why it is there."""
    from .. import priors

    found = priors.load(name)
    print(printable(f"{found.name}: {found.title}"))
    rows = [(key, repr(prior), prior.why) for key, prior in found.entries.items()]
    print(printable("\n".join(aligned(rows, 3))))


def diff_priors(
    first: Annotated[str, typer.Argument(metavar="A")],
    second: Annotated[str, typer.Argument(metavar="B")],
) -> None:
    """Show where two prior sets differ."""
    from .. import priors

    changes = priors.diff(first, second)
    if not changes:
        print("no differences")
        return
    rows = [(d.parameter, repr(d.first), repr(d.second)) for d in changes]
    print(printable("\n".join(aligned([("", first, second), *rows], 3))))


def show_graph(
    name: Annotated[
        str, typer.Argument(metavar="[NAME | FILE]", help="A shipped graph, or a graph file.")
    ] = DEFAULT_CASE,
    form: Annotated[str, typer.Option("--format", metavar="text | mermaid | svg")] = "text",
    focus: Annotated[
        str | None,
        typer.Option(metavar="NODE", help="Only this node, its causes and its effects."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it here instead of printing it.")
    ] = None,
) -> None:
    """Print or draw the causal graph."""
    from .. import graph as graphs

    if form not in FORMATS:
        raise GraphError(f"format {form!r}: {nearest(form, FORMATS)}")
    found = graphs.load(name)
    shown = _around(found, focus) if focus else found
    draw: dict[str, Callable[[CausalGraph], str]] = {
        "text": lambda g: _graph_text(g, focus),
        "mermaid": graphs.to_mermaid,
        "svg": graphs.to_svg,
    }
    text = draw[form](shown)
    if out is None:
        print(text)
        return
    refuse_file(out, "--out")
    atomic.write(out, f"{text}\n".encode())


def _around(graph: CausalGraph, name: str) -> CausalGraph:
    """Keep a node, its causes and its effects."""
    from dataclasses import replace

    kept = {name, *graph.parents(name), *(e.effect for e in graph.edges if e.cause == name)}
    edges = (e for e in graph.edges if name in (e.cause, e.effect))
    return replace(
        graph,
        nodes=tuple(n for n in graph.nodes if n.name in kept),
        edges=tuple(e if e.moderator in kept else replace(e, moderator="") for e in edges),
    )


def _graph_text(graph: CausalGraph, focus: str | None) -> str:
    """List the arrows by cause; of one node, with their reasons and claims."""
    lines = [repr(graph)] if focus is None else [f"{focus}: {graph.node[focus].meaning}"]
    rows = [
        (
            f"{e.cause} -> {e.effect}",
            e.sign,
            "next month" if e.lag else "",
            e.reason if focus else e.tier,
            f"[{', '.join(e.claims)}]" if focus and e.claims else "",
        )
        for e in graph.edges
    ]
    return "\n".join([*lines, *aligned(rows, 5)] if rows else lines)
