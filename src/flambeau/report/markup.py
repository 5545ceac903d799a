r"""A little markup for a story's text, turned into HTML; everything else is escaped.

::

    *emphasis*     `code`     $w_{ij} ← w_{ij} + η x_i (d_j - y_j)$

Inside dollars: ``_`` and ``^`` lower and raise the next letter or braced group, ``\frac{a}{b}`` stacks, single letters
and index runs are italic, the names of functions upright. Greek and operators are written as themselves.
"""

import html
import re

SPANS = re.compile(r"(\$[^$]+\$|\*[^*\s][^*]*\*|`[^`]+`)")
TOKENS = re.compile(r"\\frac|[A-Za-z]+|[0-9]+(?:[.,][0-9]+)*|\s{2,}|.", re.DOTALL)
CHINESE = re.compile("([\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+)")  # for fonts and for those who listen
UPRIGHT = {"min", "max", "log", "ln", "exp", "mistakes", "sign", "sat", "step", "tanh", "cos", "sin",
           "ReLU", "AND", "OR", "XOR", "if", "and", "or", "for", "of"}  # fmt: skip


def inline(text: str) -> str:
    """HTML of a piece of running text.

    >>> inline("*a* < $x_i$")
    '<em>a</em> &lt; <span class="math"><i>x</i><sub><i>i</i></sub></span>'
    """
    return "".join(span(part) for part in SPANS.split(text))


def span(part: str) -> str:
    """One marked span, or text between spans."""
    if SPANS.fullmatch(part) is None:
        return CHINESE.sub(r'<span lang="zh-Hans">\1</span>', html.escape(part))
    if part[0] == "$":
        return f'<span class="math">{mathematics(part[1:-1])}</span>'
    tag = "em" if part[0] == "*" else "code"
    return f"<{tag}>{html.escape(part[1:-1])}</{tag}>"


def plain(text: str) -> str:
    """The text without its marks, for places that hold no HTML (``alt``); not escaped.

    >>> plain("*a* costs $w_{ij}$")
    'a costs w_ij'
    """
    return SPANS.sub(lambda match: re.sub(r"[{}]", "", match[0][1:-1]), text)


def mathematics(text: str) -> str:
    r"""HTML of an equation.

    >>> mathematics(r"\frac{∂e}{∂y}")
    '<span class="frac"><span>∂<i>e</i></span><span class="slash">/</span><span>∂<i>y</i></span></span>'
    """
    tokens = TOKENS.findall(text)[::-1]
    parts = []
    while tokens:
        parts.append(piece(tokens))
    return "".join(parts)


def piece(tokens: list[str]) -> str:
    """The next unit of an equation, taken off the end of ``tokens``."""
    if tokens[-1] in ("_", "^"):
        tag = "sub" if tokens.pop() == "_" else "sup"
        return f"<{tag}>{group(tokens)}</{tag}>"
    if tokens[-1] == "\\frac":
        tokens.pop()
        over, under = group(tokens), group(tokens)
        # The slash is for those who listen, copy, or read without styles.
        return f'<span class="frac"><span>{over}</span><span class="slash">/</span><span>{under}</span></span>'
    return group(tokens)


def group(tokens: list[str]) -> str:
    """A braced group, or one token; forgiving at the end of the text."""
    if not tokens:
        return ""
    token = tokens.pop()
    if token != "{":
        return leaf(token)
    parts = []
    while tokens and tokens[-1] != "}":
        parts.append(piece(tokens))
    if tokens:
        tokens.pop()
    return "".join(parts)


def leaf(token: str) -> str:
    """A number, a name or a sign; a hyphen becomes a minus, a wide space a gap."""
    if token == "-" or token.isspace():
        return "−" if token == "-" else "\u2003" if len(token) > 1 else " "
    italic = token.isalpha() and token not in UPRIGHT and not "\u4e00" <= token[0] <= "\u9fff"
    return f"<i>{html.escape(token)}</i>" if italic else html.escape(token)
