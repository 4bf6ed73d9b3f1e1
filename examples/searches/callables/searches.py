"""Searches in a shop: the products that were shown, and what came of each (0 nothing, 1 seen, 2 kept, 3 bought)."""

import numpy as np
import polars as pl

SEARCHES = 400


def load() -> pl.DataFrame:
    """Return 400 searches of 3 to 20 products; on a phone, people look for cheaper things."""
    draw = np.random.default_rng(7)
    sizes = draw.integers(3, 21, SEARCHES)
    search = np.repeat(np.arange(SEARCHES), sizes)
    rows = len(search)
    phone = (draw.random(SEARCHES) < 0.4)[search]
    match, price = draw.beta(2, 3, rows).round(4), draw.lognormal(3.2, 0.7, rows).round(2)
    rating, sold = draw.normal(4, 0.6, rows).clip(1, 5).round(1), draw.poisson(20, rows)
    worth = 4 * match + 0.8 * rating + 0.03 * sold - np.where(phone, 0.9, 0.4) * np.log(price)
    worth += draw.normal(0, 0.5, rows)
    above = worth - (np.bincount(search, worth) / sizes)[search]
    return pl.DataFrame(
        {
            "search": [f"s{number:04d}" for number in search],
            "device": np.where(phone, "phone", "desk"),
            "words": draw.integers(1, 6, SEARCHES)[search],
            "match": match,
            "price": price,
            "rating": rating,
            "sold": sold,
            "relevance": np.digitize(above, [0.5, 1.1, 1.7]),
        }
    )
