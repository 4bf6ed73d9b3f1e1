"""Made-up days of machines: what was measured, and which of four faults were found, often several at once."""

import numpy as np
import polars as pl

DAYS = 3_000
SEED = 8


def load() -> pl.DataFrame:
    """Return the days. A fault is what the measured values make likely; nobody measures all that matters."""
    draw = np.random.Generator(np.random.PCG64(SEED))
    age = np.round(draw.gamma(2.0, 2.0, DAYS), 1)
    load = np.round(draw.beta(4, 3, DAYS), 3)
    hall = draw.choice(["north", "south"], DAYS, p=[0.6, 0.4])
    outside = np.round(draw.normal(14, 7, DAYS) + np.where(hall == "south", 3, 0), 1)
    temperature = np.round(40 + 30 * load + 0.7 * outside + draw.normal(0, 3, DAYS), 1)
    vibration = np.round(0.5 + 0.25 * age + load + draw.gamma(1.5, 0.4, DAYS), 2)
    pressure = np.round(6 - 0.12 * age + draw.normal(0, 0.4, DAYS), 2)
    pressure[draw.random(DAYS) < 0.04] = np.nan
    hidden = draw.normal(0, 1, DAYS)
    chances = {
        "overheated": (temperature - 72) / 3 + 0.4 * hidden,
        "worn": 1.6 * (vibration - 3.4) + 0.5 * hidden,
        "unbalanced": 2.2 * (vibration - 0.25 * age - 2.6) + np.where(load > 0.7, 1.0, 0.0),
        "leaking": -3.2 + 3.0 * (4.9 - np.nan_to_num(pressure, nan=5.4)) + 0.8 * hidden,
    }
    faults = {name: draw.random(DAYS) < 1 / (1 + np.exp(-score)) for name, score in chances.items()}
    return pl.DataFrame(
        {
            "hall": hall,
            "age": age,
            "load": load,
            "temperature": temperature,
            "vibration": vibration,
            "pressure": pressure,
            **faults,
        }
    ).with_columns(pl.col("pressure").fill_nan(None), pl.col("leaking").cast(pl.Int64))
