# ruff: noqa
# fmt: off
from __future__ import annotations

import functools
import os.path as p
from collections import abc, OrderedDict as Ordered


def documented():
    """Only a docstring."""


def empty(): pass


@functools.cache
@staticmethod
def every(a, b: int = 1, /, c=2, *args: str, d, e: float = 0.5, **kwargs) -> "dict[str, int]":
    """Text."""
    global shared
    shared = lambda q, *, r=1: q + r
    def inner():
        nonlocal a
        a += 1
        "a string that stands alone"
        return a
    for i, *rest in enumerate(args):
        if i: continue
        elif not rest: break
        else: pass
    else:
        inner()
    while c > 0 and d or e: c -= 1
    else: ...
    with open(p.join("a", *args)) as stream, inner(): del stream
    with (open("x") as one, open("y") as two): pass
    try:
        assert a, "message"
    except (ValueError, TypeError) as error: raise RuntimeError from error
    except OSError: raise
    else: a @= b
    finally: a //= 2; a **= 2; a >>= 1; a <<= 1; a &= 1; a |= 1; a ^= 1; a %= 3
    try: inner()
    except* ValueError as group: print(group)
    return {**kwargs, "k": [*args], **{}}


async def later(items):
    async with items as it: await it
    async for item in items: yield item
    [value async for value in items if await value]


def generate():
    received = yield
    yield from [1, (yield received)]
