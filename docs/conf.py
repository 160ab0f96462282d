"""Sphinx configuration. The tables under ``generated/`` are written anew at every build."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

import tables  # noqa: E402

import caucasus_forecast  # noqa: E402

project = "caucasus_forecast"
author = "the caucasus_forecast contributors"
copyright = "the caucasus_forecast contributors, Apache-2.0"
version = release = caucasus_forecast.__version__

extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "generated/*.md"]
nitpicky = True

html_theme = "alabaster"
html_theme_options = {"description": "What follows from a theory and a count of incidents"}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}

tables.write(HERE / "generated")
