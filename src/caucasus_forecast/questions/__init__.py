"""Questions to simulated futures, in a small language of their own.

A question is parsed by hand into a tree and read on every path; it is never run as Python. The
grammar, the meaning of every construct and worked examples are in `docs/questions.md`.

    tree      the meaning of a question, and the error that points into its text
    sense     what has no one meaning, and is refused
    grammar   text → tree
    wording   tree → text, in one canonical spelling
    evaluate  tree + futures → true or false, or a number, on every path
    answers   all of it: `ask`
"""

from ..estimate import Sample, probability
from .answers import Amount, Answer, ask, refuse
from .evaluate import Outcome, World, dated, evaluate
from .grammar import parse, parse_window
from .tree import Question, QuestionError, Window
from .wording import restate

__all__ = [
    "Amount",
    "Answer",
    "Outcome",
    "Question",
    "QuestionError",
    "Sample",
    "Window",
    "World",
    "ask",
    "dated",
    "evaluate",
    "parse",
    "parse_window",
    "probability",
    "refuse",
    "restate",
]
