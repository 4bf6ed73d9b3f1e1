"""A PostgreSQL server of one's own, on loopback and in a folder that goes with it."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]
BIN = next((folder for folder in FOLDERS if (folder / "initdb").exists()), None)
PASSWORD = "p@ss:w/rd%1"
SETTINGS = {"fsync": "off", "listen_addresses": "127.0.0.1", "max_connections": "20", "shared_buffers": "16MB"}


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Yield the address of a server that asks for a password; percent-encoded, as addresses are."""
    assert BIN is not None
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name, socket.socket() as free:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        # It refuses to run as root, and nobody else may look into a folder of root's.
        user = "postgres" if getpass.getuser() == "root" else getpass.getuser()
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        initdb = [BIN / "initdb", "-D", folder / "data", "-U", "ada", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
        locale = ["--locale=C.UTF-8", f"--pwfile={folder / 'password'}"]
        subprocess.run([*initdb, *locale], check=True, user=user, cwd=folder, capture_output=True)
        options = " ".join(f"-c {key}={value}" for key, value in SETTINGS.items()) + f" -p {port} -k {folder}"
        control = [BIN / "pg_ctl", "-D", folder / "data", "-w"]
        start = [*control, "-l", folder / "log", "-o", options, "start"]
        subprocess.run(start, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            yield f"postgresql://ada:p%40ss%3Aw%2Frd%251@127.0.0.1:{port}/postgres"
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
