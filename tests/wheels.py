"""Small wheels, made on the spot, and locks that pin them by their hashes."""

import hashlib
import zipfile
from pathlib import Path

LONG_AGO = (2020, 1, 1, 0, 0, 0)


def wheel(folder: Path, name: str, version: str, files: dict[str, str], script: str = "") -> str:
    """Write a wheel of some files, with a program of the distribution's name that calls `module:function`.

    Returns the line of a lock that pins it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, about = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    if script:
        content[f"{about}/entry_points.txt"] = f"[console_scripts]\n{name} = {script}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in content.items():
            archive.writestr(zipfile.ZipInfo(file, LONG_AGO), text)
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def colours(folder: Path, version: str, name: str) -> str:
    """Write a wheel whose module has a NAME, and whose program prints it. Returns the line of a lock."""
    body = f"NAME = {name!r}\n\ndef main():\n    print(NAME)\n"
    return wheel(folder, "colours", version, {"colours/__init__.py": body}, "colours:main")
