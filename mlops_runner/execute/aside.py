"""A shelf without a project's folder: artifacts live in the object store alone, and nothing in the tree changes."""

from collections.abc import Mapping
from pathlib import Path

from mlops_runner.digest import FileDigest
from mlops_runner.execute.shelf import Files, Shelf
from mlops_runner.lock.model import Output


class AsideShelf(Shelf):
    """Keeps what an experiment makes where a later run of the same steps finds it."""

    def bring(self, folder: str, outputs: Mapping[str, Output]) -> tuple[dict[str, FileDigest], bool] | None:  # noqa: ARG002
        """Return the digests of outputs that are all in the store, else None. Nothing is restored."""
        found = {name: self._store.verified(output.md5, output.sha256) for name, output in outputs.items()}
        whole = {name: digest for name, digest in found.items() if digest is not None}
        return (whole, False) if len(whole) == len(found) else None

    def keep(self, folder: str, out: Path, files: Files) -> None:  # noqa: ARG002
        """Store what a step wrote."""
        for name, digest in files.items():
            self._store.take(out / name, digest)

    def readable(self, folder: str, name: str, digest: FileDigest) -> Path | None:  # noqa: ARG002
        """Return the stored object of an artifact, its bytes verified; None when it is damaged."""
        found = self._store.verified(digest.md5, digest.sha256)
        return self._store.path(digest.md5) if found else None
