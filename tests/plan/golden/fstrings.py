# ruff: noqa
# fmt: off
"""F-strings, which Python versions cut into parts at different places."""
x, y, width, items = 1.5, "text", 10, {"a": 1}
PLAIN = [f"", f"abc", f"{x}", f"a{x}b", f"{x}{y}", f"{{{x}}}", f"{{}}"]
SPEC = [f"{x:}", f"{x:.2f}", f"{x:>{width}}", f"{x:{width}.{2}f}", f"{x!r}", f"{x!s:>10}", f"{x!a:{width}}"]
DEBUG = [f"{x=}", f"{x = }", f"{x=!s}", f"{x=:.3f}", f"a {x + 1 = } b"]
JOINED = ["a" f"{x}" "b", f"a" "b" f"c", f"a" f"{x}" f"" "d", "a" "b" f"{x}c" "d" "e", u"u" f"{x}"]
NESTED = [f"{f'{x}'}", f"{items['a']}", f'{"a" "b"}', f"{f'{x:>{width}}':^20}", f"{'in' 'ner'}{y}"]
EXPRESSION = [f"{(lambda: 1)()}", f"{[i for i in range(3)]}", f"{x if y else 2}", f"{(z := 3)}", f"{1, 2}", f"{ {'a': 1}['a'] }"]
ESCAPED = [f"\t{x}\n", f"\u2603{x}☃", rf"\d{x}\n", f"\N{SNOWMAN}{x}", f"'{x}'", f'"{x}"', f"{x}\\"]
BLOCK = f"""first {x}
  second {
    y
  } third
"""
LONG = (
    f"one {x} "
    "two "
    f"three {y!r}"
)
