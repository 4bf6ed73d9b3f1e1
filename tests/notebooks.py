"""Notebooks to try things on, as Jupyter writes them."""

import json


def code(text, *tags, outputs=(), count=None):
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": list(outputs),
        "source": text.splitlines(keepends=True),
    }


def text(words):
    return {"cell_type": "markdown", "metadata": {}, "source": words.splitlines(keepends=True)}


def notebook(*cells, **other):
    found = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    metadata = {"kernelspec": {"display_name": "R&D", "language": "python", "name": "rnd"}}
    value = {"cells": found, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4, **other}
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
