"""Functions of the project."""

from pathlib import Path


def shared(words: Path, table: Path, *, shortest: int) -> dict[str, int]:
    """Write the words that all texts have, and return how many there are."""
    texts = [set(path.read_text().split()) for path in sorted(words.glob("*.txt"))]
    found = sorted(word for word in set.intersection(*texts) if len(word) >= shortest)
    table.write_text("word,letters\n" + "".join(f"{word},{len(word)}\n" for word in found))
    return {"shared": len(found), "texts": len(texts)}
