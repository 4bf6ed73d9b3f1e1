# ruff: noqa
# fmt: off
a = b = c = d = [3, 1, 2]
(a, [b, *c]), d[0] = (1, [2, 3, 4]), 5
typed: int
typed_too: list[int] = []
(wrapped): int = 1
SLICES = [a[0], d[1:], d[:1], d[::2], d[1:2, ..., None], d[()], d[*a, 1]]
MATH = [1 + 2 - 3 * 4 / 5 // 6 % 7 ** -8, +1, ~2, not 3, 1 << 2 >> 3 & 4 | 5 ^ 6, a @ b]
COMPARED = [1 < 2 <= 3 > 0 >= -1 == -1 != 0, a is b, a is not b, 1 in d, 1 not in d]
LOGIC = [a and b and c or d, (a and b) and c, a if b else c, (n := 10)]
SETS = [{1, 2}, {*a}, {}, (), (1,), {"k": 1, **{}}]
MADE = [[i for i in d if i if i > 1], {i: j for i in d for j in d}, {i for i in d}, list(i for i in d)]
CALLED = print(*d, sep="", **{}, end="\n")
CHAIN = "".join(str(1)).strip().upper()[0]
