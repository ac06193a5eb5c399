"""Writes many small templates and what jinja2 makes of them, for `compare_templates.mjs`.

    python template_differential.py --count 60000 --seed 3 > renderings.jsonl
    node compare_templates.mjs renderings.jsonl
    python template_differential.py --count 2400 --seed 7 --golden > ../../test/fixtures/golden/jinja.jsonl

Needs jinja2 3.1.6 only: its environment is set up as `transformers` sets it up.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import random
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from template_snippets import SNIPPETS

MESSAGES = [
    {"role": "system", "content": " sys\nline "},
    {"role": "user", "content": "Hello\nworld", "n": 3},
    {"role": "assistant", "content": "Hi </think> x", "tool_calls": [{"function": {"name": "f", "arguments": {"b": 1.5, "a": [1, None, True]}}}]},
    {"role": "user", "content": "bye", "parts": [{"type": "text", "text": "a"}, {"type": "image"}]},
]
VARIABLES: dict[str, Any] = {
    "messages": MESSAGES,
    "add_generation_prompt": True,
    "tools": None,
    "documents": None,
    "bos_token": "<s>",
    "text": "  The quick brown-fox, naïve café 😀 {x} <b>'q'</b>\n\ttab  ",
    "words": ["b", "A", "c", "B", "a"],
    "numbers": [3, -1, 2.5, 0, 10, 2],
    "nested": {"b": {"x": [1, {"y": "z"}]}, "a": [], "10": 1, "9": None},
    "people": [
        {"name": "Ann", "age": 31, "team": "x"},
        {"name": "bob", "age": 27, "team": "y"},
        {"name": "Cid", "age": 31, "team": "X"},
        {"name": "dee", "team": "y"},
    ],
    "empty": "",
    "big": 2**70,
    "half": 0.5,
}


# An address, or the order of a set.
UNSTABLE = re.compile(r"0[xX][0-9a-fA-F]{6,}|^\\{(?!.*: ).*\\}$|set\\(\\)|Markup|<(?:built-in|bound|function|class)")


class Generation(Extension):
    """`{% generation %}` as transformers has it."""

    tags = {"generation"}

    def parse(self, parser: Any) -> nodes.CallBlock:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_support"), [], [], body).set_lineno(line)

    def _support(self, caller: Any) -> str:
        return caller()


def environment() -> ImmutableSandboxedEnvironment:
    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(x: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


LITERALS = (
    "0", "1", "-1", "2", "7", "10", "3.5", "-2.5", "1e3", "1.5e-7", "0.1", "2.675", "true", "false", "none", "undefined_name",
    "''", "'a'", "'abc'", "'Hello World'", "' x y '", "'10'", "'3.7'", "'é😀'", "'a,b,,c'", "\"it's\"", "'line\\nline'",
    "[]", "[1]", "[1, 2, 3]", "['b', 'a', 'C']", "[[1, 2], [3]]", "[none, 0, '', 'x']", "(1, 2)", "(1,)", "()",
    "{}", "{'a': 1, 'b': [2]}", "{'b': 1, 'a': 2, 'C': 0}", "{1: 'x', none: 'y', 1.5: 'z'}", "range(3)", "range(5, 0, -2)",
    "messages", "messages[2]", "text", "words", "numbers", "nested", "people", "empty", "big", "half", "bos_token",
    "messages | map(attribute='role')", "words | select", "nested.items()", "nested.keys()", "namespace(a=1)",
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or")
TESTS = (
    "defined", "undefined", "none", "true", "false", "boolean", "string", "number", "integer", "float", "mapping", "sequence",
    "iterable", "callable", "odd", "even", "upper", "lower", "escaped", "divisibleby(2)", "divisibleby 3", "sameas(1)", "in([1, 'a'])",
    "eq(1)", "equalto('a')", "ne(1)", "lt(3)", "le 2", "gt(1)", "ge(2)", "not none", "not in(['a'])", "filter", "test",
)
FILTERS = (
    "abs", "attr('a')", "batch(2) | list", "batch(2, 'z') | list", "capitalize", "center(12)", "count", "d('x')", "default('x')",
    "default('x', true)", "dictsort", "dictsort(by='value')", "dictsort(reverse=true)", "dictsort(true)", "e", "escape", "filesizeformat",
    "filesizeformat(true)", "first", "float", "float(1.5)", "forceescape | string", "format(1)", "format('a', 2)", "groupby('team')",
    "groupby('age', default=0)", "groupby('role') | list", "indent", "indent(2)", "indent(2, true)", "indent('> ', true, true)", "int", "int(5)",
    "int(0, 16)", "join", "join(', ')", "join('-', attribute='name')", "last", "length", "list", "lower", "items | list",
    "map('upper') | list", "map('length') | list", "map(attribute='name') | list", "map(attribute='age', default='?') | list",
    "map(attribute='a.b') | list", "map('default', 'x') | list", "min", "max", "max(attribute='age')", "reject | list", "reject('odd') | list",
    "rejectattr('age') | list", "rejectattr('team', 'equalto', 'x') | list", "replace('a', 'b')", "replace('a', 'b', 1)", "replace('', '-')",
    "reverse | list", "reverse", "round", "round(1)", "round(2)", "round(0, 'floor')", "round(1, 'ceil')", "round(-1)", "safe", "select | list",
    "select('string') | list", "select('gt', 1) | list", "selectattr('age') | list", "selectattr('team', 'eq', 'y') | list",
    "selectattr('tool_calls', 'defined') | list", "slice(2) | list", "slice(3, '-') | list", "sort", "sort(reverse=true)", "sort(attribute='name')",
    "sort(attribute='team,name')", "sort(case_sensitive=true)", "string", "striptags", "sum", "sum(attribute='age')", "sum(start=10)", "title",
    "trim", "trim('x ')", "truncate(9)", "truncate(9, true)", "truncate(9, false, '…', 0)", "unique | list", "unique(attribute='team') | list",
    "unique(true) | list", "upper", "urlencode", "wordcount", "xmlattr", "tojson", "tojson(indent=2)", "tojson(ensure_ascii=true)",
    "tojson(sort_keys=true)", "tojson(separators=(',', ':'))", "nofilter",
)
METHODS = (
    "strip()", "strip('x ')", "lstrip()", "rstrip('c')", "upper()", "lower()", "title()", "capitalize()", "swapcase()", "casefold()",
    "split()", "split(',')", "split(' ', 1)", "split(none, 1)", "rsplit(',', 1)", "rsplit(none, 1)", "splitlines()", "splitlines(true)",
    "partition('o')", "rpartition('o')", "replace('l', 'L')", "replace('l', 'L', 1)", "find('l')", "find('l', 3)", "find('l', 0, 3)", "rfind('l')",
    "index('a')", "rindex('a')", "count('l')", "count('')", "count('l', 3)", "startswith('a')", "startswith(('x', 'H'))", "endswith('c')",
    "endswith('l', 0, 4)", "join(['x', 'y'])", "removeprefix('a')", "removesuffix('c')", "ljust(7)", "ljust(7, '*')", "rjust(7)", "center(8)",
    "center(9, '-')", "zfill(7)", "expandtabs(4)", "isdigit()", "isnumeric()", "isdecimal()", "isalpha()", "isalnum()", "isascii()", "isspace()",
    "isupper()", "islower()", "istitle()", "isidentifier()", "format(1, a=2)", "get('a')", "get('zz')", "get('zz', 'd')", "keys()", "values()",
    "items()", "keys() | list", "copy()", "index(1)", "count(1)", "append(1)", "pop()", "update({})", "a", "items", "b.x", "name", "role", "0", "__class__",
)
SUBSCRIPTS = ("0", "-1", "1", "99", "'a'", "'b'", "'role'", "'zz'", "none", "true", "1.0", "1:", ":2", ":-1", "::2", "::-1", "-3:", "4:1:-1", "1:99", "5:2", ":0", "0, 1")
FORMATS = (
    "'%s' % {v}", "'%r' % ({v},)", "'%d|%5d|%-5d|%05d' % ({v}, {v}, {v}, {v})", "'%.2f|%8.3f|%e|%g' % ({v}, {v}, {v}, {v})", "'%x %o %X' % ({v}, {v}, {v})", "'%5s|%-5s|%.2s' % ({v}, {v}, {v})",
    "'%(a)s' % {v}", "'%%' % ()", "'{{}}'.format({v})", "'{{0}}-{{0!r}}'.format({v})", "'{{:>8}}|{{:<8}}|{{:^8}}'.format({v}, {v}, {v})", "'{{:.2f}}|{{:08.3f}}|{{:,}}'.format({v}, {v}, {v})",
    "'{{:d}}|{{:x}}|{{:#b}}|{{:+d}}'.format({v}, {v}, {v}, {v})", "'{{a}}{{b[0]}}'.format(a={v}, b=[{v}])", "'{{:e}}|{{:g}}|{{:%}}'.format({v}, {v}, {v})", "'{{:*^9}}'.format({v})",
)
STATEMENTS = (
    "{{% if {a} %}}yes{{% elif {b} %}}maybe{{% else %}}no{{% endif %}}",
    "{{% for x in {a} %}}[{{{{ loop.index }}}}/{{{{ loop.length }}}} {{{{ x }}}}{{{{ ',' if not loop.last }}}}]{{% else %}}none{{% endfor %}}",
    "{{% for x in {a} if x %}}{{{{ loop.index0 }}}}{{{{ x }}}}{{{{ loop.previtem }}}}{{{{ loop.nextitem is defined }}}}{{% else %}}-{{% endfor %}}",
    "{{% for x, y in {a} %}}{{{{ x }}}}={{{{ y }}}};{{% endfor %}}",
    "{{% for x in {a} %}}{{% for y in {b} %}}{{{{ loop.depth }}}}{{{{ y }}}}{{% endfor %}}{{{{ loop.revindex }}}}{{{{ loop.cycle('a', 'b') }}}}{{{{ loop.changed(x) }}}}{{% endfor %}}",
    "{{% for x in {a} %}}{{% if loop.index == 2 %}}{{% continue %}}{{% endif %}}{{{{ x }}}}{{% if loop.index0 > 2 %}}{{% break %}}{{% endif %}}{{% else %}}e{{% endfor %}}",
    "{{% set x = {a} %}}{{{{ x }}}}{{% set x, y = {b} %}}{{{{ x }}}}{{{{ y }}}}",
    "{{% set x %}}<{{{{ {a} }}}}>{{% endset %}}{{{{ x }}}}{{% set y | upper %}}b{{{{ {b} }}}}{{% endset %}}{{{{ y }}}}",
    "{{% set ns = namespace(v={a}) %}}{{% for i in range(2) %}}{{% set ns.v = {b} %}}{{% set q = i %}}{{% endfor %}}{{{{ ns.v }}}}{{{{ q }}}}",
    "{{% macro m(p, q={b}) %}}{{{{ p }}}}|{{{{ q }}}}|{{{{ varargs }}}}|{{{{ kwargs }}}}{{% endmacro %}}{{{{ m({a}) }}}}{{{{ m({a}, 1, 2, k=3) }}}}{{{{ m() }}}}",
    "{{% macro m(p) %}}{{{{ p }}}}({{{{ caller({b}) }}}}){{% endmacro %}}{{% call(z) m({a}) %}}c{{{{ z }}}}{{% endcall %}}",
    "{{% filter upper %}}x{{{{ {a} }}}}{{% endfilter %}}{{% filter replace('a', 'b') | trim %}} {{{{ {b} }}}} {{% endfilter %}}",
    "{{% with x = {a}, y = {b} %}}{{{{ x }}}}{{{{ y }}}}{{% endwith %}}{{{{ x }}}}",
    "{{% block b %}}{{{{ {a} }}}}{{% endblock %}}{{{{ self.b() }}}}",
    "{{% raw %}}{{{{ {a} }}}}{{% endraw %}}{{{{ {b} }}}}",
    "{{% for x in {a} recursive %}}{{{{ loop.depth }}}}{{{{ x }}}}{{% if loop.depth < 3 and x is iterable and x is not string %}}({{{{ loop(x) }}}}){{% endif %}}{{% endfor %}}",
    "{{% set c = cycler({a}, {b}) %}}{{{{ c.next() }}}}{{{{ c.next() }}}}{{{{ c.current }}}}{{{{ c.reset() }}}}{{% set j = joiner('; ') %}}{{% for x in [1, 2] %}}{{{{ j() }}}}{{{{ x }}}}{{% endfor %}}",
    "{{% generation %}}{{% set x = {a} %}}{{{{ x }}}}{{% endgeneration %}}{{{{ x }}}}",
    "{{{{ {a} if {b} }}}}|{{{{ {a} if {b} else {a} }}}}",
    "{{{{ {a} < {b} < 5 }}}}|{{{{ 1 < 2 < 3 }}}}|{{{{ {a} == {b} != 1 }}}}",
    "{{{{ not {a} and {b} or 'z' }}}}|{{{{ -{a} }}}}|{{{{ +{b} }}}}",
    "{{{{ [{a}, {b}] }}}}|{{{{ ({a}, {b}) }}}}|{{{{ {{'k': {a}, 'l': {b}}} }}}}",
    "{{{{ dict(a={a}, b={b}) }}}}|{{{{ dict([('x', {a})]) }}}}",
)
BLANKS = ("", " ", "\n", "\n\n", "  \n", "\n  ", "a", "a\n", "\na", " a ", "a \n b")
TAGS = (
    ("{%", "if true", "%}"), ("{%", "endif", "%}"), ("{{", "'v'", "}}"), ("{#", "c", "#}"), ("{%", "set x = 1", "%}"),
)


def expressions() -> Iterator[str]:
    for value in LITERALS:
        yield f"{{{{ {value} }}}}"
        for filter_ in FILTERS:
            yield f"{{{{ {value} | {filter_} }}}}"
        for test in TESTS:
            yield f"{{{{ {value} is {test} }}}}"
        for method in METHODS:
            yield f"{{{{ ({value}).{method} }}}}"
        for subscript in SUBSCRIPTS:
            yield f"{{{{ ({value})[{subscript}] }}}}"
        for format_ in FORMATS:
            yield "{{ " + format_.format(v=value) + " }}"
        for other in LITERALS:
            for operator in OPERATORS:
                yield f"{{{{ ({value}) {operator} ({other}) }}}}"


def statements(chance: random.Random) -> Iterator[str]:
    while True:
        yield chance.choice(STATEMENTS).format(a=chance.choice(LITERALS), b=chance.choice(LITERALS))


def white_space(chance: random.Random) -> Iterator[str]:
    while True:
        source = chance.choice(BLANKS)
        depth = 0
        for _ in range(chance.randint(1, 5)):
            opener, body, closer = chance.choice(TAGS)
            if body == "endif" and depth == 0:
                continue
            depth += {"if true": 1, "endif": -1}.get(body, 0)
            right = chance.choice(("", "", "-", "+")) if opener == "{%" else chance.choice(("", "", "-"))
            source += f"{opener}{chance.choice(('', '', '-', '+'))} {body} {right}{closer}{chance.choice(BLANKS)}"
        yield source + "{% endif %}" * depth


def chains(chance: random.Random) -> Iterator[str]:
    while True:
        source = chance.choice(LITERALS)
        for _ in range(chance.randint(2, 4)):
            source = chance.choice((f"{source} | {chance.choice(FILTERS)}", f"({source}).{chance.choice(METHODS)}", f"({source})[{chance.choice(SUBSCRIPTS)}]", f"({source}) {chance.choice(OPERATORS)} ({chance.choice(LITERALS)})"))
        yield f"{{{{ {source} }}}}"


def sources(count: int, seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    yield from SNIPPETS
    everything = list(expressions())
    chance.shuffle(everything)
    yield from itertools.islice(everything, count // 2)
    for kind in (statements, white_space, chains):
        yield from itertools.islice(kind(chance), count // 6)


def render(env: ImmutableSandboxedEnvironment, source: str) -> dict[str, Any]:
    try:
        return {"source": source, "rendered": env.from_string(source).render(**copy.deepcopy(VARIABLES))}
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the outcome
        return {"source": source, "error": f"{type(error).__name__}: {error}"[:200]}


def give_up(*_: Any) -> None:
    raise TimeoutError


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--golden", action="store_true", help="leaves out what Python prints otherwise the next time, and long texts")
    options = parser.parse_args()
    env = environment()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, give_up)
    print(json.dumps({"variables": json.dumps(VARIABLES)}))
    for source in sources(options.count, options.seed):
        signal.alarm(10)
        case = render(env, source)
        signal.alarm(0)
        if "rendered" in case and len(case["rendered"]) > (500 if options.golden else 20_000):
            continue
        if options.golden and (UNSTABLE.search(case.get("rendered", ""))):
            continue
        if options.golden and "error" in case:
            case["error"] = case["error"].split(":")[0]
        sys.stdout.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    main()
