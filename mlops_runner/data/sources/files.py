"""The files of a source that is a folder: all of them, in the order of their names, but for those set aside."""

from pathlib import Path

from mlops_runner.errors import Diagnostic


def files_below(folder: Path) -> list[Path]:
    """List the files in a folder and below, in the order of their names, folder by folder.

    Names that start with a dot or underscore are passed over, as those of folders are: programs put their marks there.
    """
    found = [path for path in folder.rglob("*") if path.is_file()]
    visible = [path for path in found if not any(part[0] in "._" for part in path.relative_to(folder).parts)]
    return sorted(visible, key=lambda path: path.relative_to(folder).parts)


def no_files(origin: str) -> Diagnostic:
    """Complain about a folder in which nothing counts."""
    hint = "names that start with a dot or underscore do not count"
    return Diagnostic("empty-source", f"{origin}: holds no files", hint=hint)
