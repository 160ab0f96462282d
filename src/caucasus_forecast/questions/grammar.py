"""From the text of a question to its meaning as a tree; nothing is ever run as Python.

    question  = ( number | event ) [ "given" event ]
    number    = amount [ window ]
    amount    = "months" "until" operand | "months" "with" operand
              | "longest" "run" "of" operand | aggregate series
    event     = both { "or" both }
    both      = clause { "and" clause }
    clause    = operand [ "before" operand ] [ window ]
    operand   = "not" operand | primary [ quantifier ]
    primary   = "(" event ")" | compare | [ "state" | "scenario" ] name
    compare   = measure operator number | operator number measure
    measure   = [ aggregate ] series

`docs/questions.md` has the rest of the grammar, and what each construct means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from ..errors import nearest
from .sense import happening, monthly, settled
from .tree import (
    And,
    Before,
    Compare,
    Event,
    Holds,
    In,
    Measure,
    Moment,
    Not,
    Number,
    Or,
    Quantified,
    Question,
    QuestionError,
    Span,
    Timing,
    Until,
    Window,
    Windowed,
    Within,
    every,
    is_open,
    refusal,
)

LONGEST = 2000
DEEPEST = 32

PHRASES = {
    ("no", "more", "than"): "<=", ("at", "most"): "<=", ("more", "than"): ">",
    ("at", "least"): ">=", ("no", "fewer", "than"): ">=", ("no", "less", "than"): ">=",
    ("fewer", "than"): "<", ("less", "than"): "<", ("exactly",): "==", ("other", "than"): "!=",
}  # fmt: skip
OPERATORS = (">=", ">", "<=", "<", "==", "!=")
AGGREGATES = ("total", "mean", "highest", "lowest", "worst", "quietest", "last", "change")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WINDOWS = ("within", "until", "from", "in")
_OPENERS = frozenset(phrase[0] for phrase in PHRASES)
RESERVED = frozenset(
    {word for phrase in PHRASES for word in phrase}
    | {*AGGREGATES, *WINDOWS}
    | {"and", "or", "not", "given", "before", "state", "scenario", "any", "every"}
    | {"for", "month", "months", "with", "longest", "run", "of"}
)
_ATOMS = ("a state", "a scenario", "a series", "not", "(", *AGGREGATES, "at least", "at most")


# --------------------------------------------------------------------------- tokens


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: Span

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind in ("name", "sign") else ""


_TOKEN = re.compile(
    r"""(?P<space>\s+) | (?P<month>\d{4}-\d{2}(?!\d)) | (?P<quoted>"[^"]*")
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>>=|<=|==|!=|>|<|\(|\))""",
    re.X | re.ASCII,
)


def _tokens(text: str) -> tuple[_Token, ...]:
    if not isinstance(text, str):
        raise QuestionError(f"a question is {text!r}; write a text, such as 'treaty until May'")
    if len(text) > LONGEST:
        problem = f"a question of {len(text)} characters; at most {LONGEST} are read"
        raise refusal(text, (LONGEST, LONGEST + 1), problem)
    found, i = [], 0
    while i < len(text):
        match = _TOKEN.match(text, i)
        if match is None:
            signs = "write a name, a number, a month, ( ) or " + " ".join(OPERATORS)
            cure = 'a name in other letters goes in "…"; ' if text[i].isalpha() else ""
            raise refusal(text, (i, i + 1), f"unexpected character {text[i]!r}", cure + signs)
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match.group(), match.span()))
        i = match.end()
    return (*found, _Token("end", "", (len(text), len(text) + 1)))


# --------------------------------------------------------------------------- recursive descent


class _Parser:
    """Reads tokens from left to right; a method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.tokens, self.text = _tokens(text), text
        self.i = self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.i]

    def sees(self, *words: str) -> bool:
        ahead = self.tokens[self.i : self.i + len(words)]
        return tuple(t.word for t in ahead) == words

    def takes(self, *words: str) -> bool:
        found = self.sees(*words)
        self.i += len(words) * found
        return found

    def needs(self, *words: str) -> None:
        for word in words:
            if not self.takes(word):
                self.fail((word,))

    def fail(self, allowed: Iterable[str], at: _Token | None = None) -> NoReturn:
        token, options = at or self.token, tuple(allowed)
        problem = (
            f"unexpected {token.text!r}" if token.text else "the question ends where more is needed"
        )
        hint = nearest(token.text, options).partition("Allowed: ")[0] if token.text else ""
        raise refusal(self.text, token.at, problem, f"{hint}Allowed: {', '.join(options)}")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            problem = f"more than {DEEPEST} parentheses and 'not' inside one another"
            raise refusal(self.text, self.token.at, problem, "ask in smaller parts")

    def question(self) -> Question:
        asked = self.number() or settled(self.event(), self.text)
        given = settled(self.event(), self.text) if self.takes("given") else None
        found = Question(asked, given, self.text)
        if self.token.kind != "end":
            number = given is None and found.is_number
            joins = () if number else ("and", "or", "before")
            self.fail((*joins, *WINDOWS, *(("given",) if given is None else ()), "the end"))
        return found

    def number(self) -> Number | None:
        start, found = self.i, self.amount()
        if found is None:
            self.i = start
            return None
        window = self.window()
        return Windowed(found, window) if window else found

    def amount(self) -> Timing | Measure | None:
        at = self.token.at
        if self.takes("months"):
            if not (self.sees("until") or self.sees("with")):
                self.fail(("until", "with"))
            kind: Literal["until", "with"] = "until" if self.takes("until") else "with"
            self.takes("with")
            return self.timing(kind, at)
        if self.takes("longest"):
            self.needs("run", "of")
            return self.timing("run", at)
        if self.token.word not in AGGREGATES:
            return None
        measure = self.measure()
        return None if self.compares() else measure

    def timing(self, kind: Literal["until", "with", "run"], at: Span) -> Timing:
        body = self.operand()
        if kind == "until":
            happening(body, self.text, "'months until'")
        else:
            monthly(body, self.text, "'months with'" if kind == "with" else "'longest run of'")
        return Timing(kind, body, at)

    def event(self) -> Event:
        found = [self.both()]
        while self.takes("or"):
            found.append(self.both())
        self.reaches(found)
        return found[0] if len(found) == 1 else Or(_flat(Or, found))

    def both(self) -> Event:
        found = [self.clause()]
        while self.takes("and"):
            found.append(self.clause())
        self.reaches(found)
        return found[0] if len(found) == 1 else And(_flat(And, found))

    def reaches(self, found: list[Event]) -> None:
        """Refuse a last window of which nobody can say whether the parts before it share it."""
        *earlier, last = found
        if not is_open(last) and self.back.text != ")" and any(map(is_open, earlier)):
            at = [x for x in every(last) if isinstance(x, Windowed)][-1].window.at
            window = self.text[at[0] : at[1]]
            raise refusal(
                self.text, at, f"'{window}' is for all that is joined here, or for the last alone?",
                f"write (A and B) {window}, or A and (B {window})",
            )  # fmt: skip

    def clause(self) -> Event:
        found, at = self.operand(), self.token.at
        if self.takes("before"):
            second = self.operand()
            if self.sees("before"):
                raise refusal(
                    self.text, self.token.at, "two 'before' in a row", "write (A before B) before C"
                )
            for side in (found, second):
                happening(side, self.text, "'before'")
            found = Before(found, second, at)
        window = self.window()
        if window is None:
            return found
        if not is_open(found):
            problem = "this window covers nothing: all inside the parentheses have their own"
            raise refusal(self.text, window.at, problem, "leave one of the windows out")
        return Windowed(found, window)

    def operand(self) -> Event:
        at = self.token.at
        if self.takes("not"):
            self.deeper()
            body = self.operand()
            self.depth -= 1
            return Not(body, at)
        return self.quantified(self.primary())

    def primary(self) -> Event:
        token = self.token
        if self.takes("("):
            self.deeper()
            inside = self.event()
            if not self.takes(")"):
                self.fail((")", "and", "or", "before", *WINDOWS))
            self.depth -= 1
            return inside
        if self.compares():
            operator, number = self.operator(), self.value()
            return Compare(self.measure(), operator, number, token.at)
        if token.word in AGGREGATES:
            measure = self.measure()
            at = self.token.at
            if not self.compares():
                self.fail((*OPERATORS, *map(" ".join, PHRASES)))
            return Compare(measure, self.operator(), self.value(), at)
        for kind in ("state", "scenario"):
            if self.takes(kind):
                return Holds(self.name((f"the name of a {kind}",)), kind, self.back.at)
        name, at = self.name(_ATOMS), self.token.at
        if self.compares() and not self.counts_months():
            measure = Measure(name, "", token.at)
            return Compare(measure, self.operator(), self.value(), at)
        return Holds(name, "", token.at)

    @property
    def back(self) -> _Token:
        return self.tokens[self.i - 1]

    def name(self, allowed: tuple[str, ...]) -> str:
        token = self.token
        if token.kind not in ("name", "quoted") or token.word in RESERVED or token.text == '""':
            self.fail(allowed)
        self.i += 1
        return token.text.strip('"')

    def measure(self) -> Measure:
        aggregate = self.token.word if self.token.word in AGGREGATES else ""
        if aggregate:
            self.i += 1
            if aggregate not in ("total", "mean", "change") and self.takes("month"):
                self.needs("of")
            else:
                self.takes("of")
        return Measure(self.name(("a series",)), aggregate, self.back.at)

    def compares(self) -> bool:
        return self.token.text in OPERATORS or self.token.word in _OPENERS

    def counts_months(self) -> bool:
        """Whether the operator ahead counts months, as in ``treaty at least 3 months``."""
        start = self.i
        self.operator()
        found = self.token.kind == "number" and self.tokens[self.i + 1].word in ("month", "months")
        self.i = start
        return found

    def operator(self) -> str:
        if self.token.text in OPERATORS:
            self.i += 1
            return self.back.text
        for phrase, operator in PHRASES.items():
            if self.takes(*phrase):
                return operator
        begun = self.token.word
        self.i += 1
        return self.fail(p[1] for p in PHRASES if p[0] == begun)

    def value(self) -> float:
        token = self.token
        if token.kind != "number":
            self.fail(("a number",))
        self.i += 1
        number = float(token.text)
        if abs(number) == float("inf"):
            raise refusal(self.text, token.at, f"{token.text} is too large a number")
        return number

    def whole(self, least: int) -> int:
        token = self.token
        if not token.text.isdecimal() or int(token.text) < least:
            self.fail((f"a whole number of months, {least} or more",))
        self.i += 1
        return int(token.text)

    def quantified(self, body: Event) -> Event:
        at = self.token.at
        found = self.quantifier(body, at)
        if found is None:
            return body
        monthly(body, self.text, f"'{self.text[at[0] : self.back.at[1]]}'")
        return found

    def quantifier(self, body: Event, at: Span) -> Quantified | None:
        if self.sees("in", "any") or self.sees("in", "every"):
            self.i += 1
        if self.takes("any"):
            self.needs("month")
            return Quantified("any", body, at=at)
        if self.takes("every") or self.takes("a"):
            self.needs("month")
            return Quantified("every", body, at=at)
        told = self.takes("for")
        if self.token.kind == "number":
            months = self.whole(1)
            self.month_word(months)
            self.needs("in", "a", "row")
            return Quantified("run", body, months=months, at=at)
        if self.compares():
            operator, months = self.operator(), self.whole(0)
            self.month_word(months)
            return Quantified("count", body, operator, months, at)
        if told:
            self.fail(("a number of months in a row", "at least", "at most", "exactly"))
        return None

    def month_word(self, months: int) -> None:
        if not (self.takes("months") or self.takes("month")):
            self.fail(("months" if months != 1 else "month",))

    def window(self) -> Window | None:
        start = self.token.at[0]
        found: Window
        if self.takes("within"):
            months = self.whole(1)
            self.month_word(months)
            found = Within(months)
        elif self.takes("until"):
            found = Until(self.moment())
        elif self.takes("from"):
            first = self.moment()
            self.needs("until")
            found = Until(self.moment(), first)
        elif self.takes("in"):
            found = In(self.moment())
        else:
            return None
        return replace(found, at=(start, self.back.at[1]))

    def moment(self) -> Moment:
        token = self.token
        if token.kind == "month":
            year, month = int(token.text[:4]), int(token.text[5:])
            if not 1 <= month <= 12 or year < 1000:
                raise refusal(self.text, token.at, f"no month {token.text}", "write 2022-05")
            self.i += 1
            return Moment(month, year, token.at)
        known = [m.lower() for m in MONTHS]
        short = [m[:3] for m in known]
        if token.word not in known and token.word not in short:
            self.fail((*MONTHS, "a month such as 2022-05"))
        month = (short if token.word in short else known).index(token.word) + 1
        self.i += 1
        after = self.token
        if not re.fullmatch(r"[1-9]\d{3}", after.text, re.ASCII):
            return Moment(month, 0, token.at)
        self.i += 1
        return Moment(month, int(after.text), (token.at[0], after.at[1]))


def _flat(kind: type[And] | type[Or], found: list[Event]) -> tuple[Event, ...]:
    return tuple(x for part in found for x in (part.parts if isinstance(part, kind) else (part,)))


def parse(text: str) -> Question:
    """The meaning of a question.

    Raises
    ------
    QuestionError
        With the text, a caret under the word that cannot be read, and what may stand there.

    Examples
    --------
    >>> parse("battle_deaths >= 100").asked.quantifier
    'any'
    """
    return _Parser(text).question()


def parse_window(text: str) -> Window:
    """A window alone: ``"6 months"``, or as it would stand in a question.

    Raises
    ------
    QuestionError
        As `parse`.

    Examples
    --------
    >>> parse_window("6 months") == parse_window("within 6 months")
    True
    """
    parser = _Parser(text)
    if parser.token.kind == "number":
        months = parser.whole(1)
        parser.month_word(months)
        found: Window | None = Within(months, (0, parser.back.at[1]))
    else:
        found = parser.window()
    if found is None:
        parser.fail(("a number of months", *WINDOWS))
    if parser.token.kind != "end":
        parser.fail(("the end",))
    return found
