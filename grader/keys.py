"""Keys: a learner's own, a course's, and the courses whose reports are believed.

Private keys are files of mode 0600 in the user's configuration folder, outside any workspace and any
repository. The learner's own key is made when it is first needed; a course's key only on request.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import tomli
from nacl.encoding import HexEncoder
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from .errors import KeyFileError

KINDS = ("self", "course")
HOME_VARIABLE = "DLSYSLAB_HOME"
TRUSTED = "trusted.toml"
MARKERS = (".git", "lab.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key and whose it is."""

    kind: str
    signing: SigningKey

    @property
    def public(self) -> str:
        """The public half, 64 hexadecimal digits."""
        return self.signing.verify_key.encode(HexEncoder).decode()


def folder() -> Path:
    """Where keys lie."""
    base = os.environ.get(HOME_VARIABLE) or platformdirs.user_config_dir("dlsyslab")
    return Path(base) / "keys"


def path(kind: str) -> Path:
    """The file of the private key of `kind`."""
    return folder() / f"{kind}.key"


def load(kind: str) -> Key:
    """The key of `kind`.

    Raises:
        KeyFileError: it is missing, readable by others, or no key.
    """
    file = path(kind)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        raise KeyFileError(f"there is no {kind} key yet: make one with `lab key new`.") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(
            f"{file} can be read by other users (mode {stat.S_IMODE(mode):04o}): "
            f"a key that others may have seen proves nothing. If nobody did: chmod 600 {file}"
        )
    try:
        return Key(kind, SigningKey(file.read_text().strip().encode(), encoder=HexEncoder))
    except (ValueError, CryptoError, UnicodeDecodeError):
        raise KeyFileError(f"{file} holds no key of 64 hexadecimal digits.") from None


def create(kind: str) -> Key:
    """Make a new key of `kind`.

    Raises:
        KeyFileError: there is one already, or the folder lies where keys must not lie.
    """
    _outside_of_projects(folder())
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Key(kind, SigningKey.generate())
    try:
        fd = os.open(path(kind), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(
            f"there is a {kind} key already: {path(kind)}. Reports signed with it could no longer "
            "be extended; move it away first if you mean it."
        ) from None
    with os.fdopen(fd, "w") as file:
        file.write(key.signing.encode(HexEncoder).decode() + "\n")
    if kind == "course":
        trust(key.public, "this course")
    return key


def own() -> Key:
    """The learner's own key, made when it is first needed."""
    return load("self") if path("self").exists() else create("self")


def backup(kind: str, target: Path) -> None:
    """Copy a private key to `target`, which must not exist.

    Raises:
        KeyFileError: no key, a target that exists, or one inside a project.
    """
    load(kind)
    _outside_of_projects(target.parent)
    if target.exists():
        raise KeyFileError(f"{target} is there already: choose another name.")
    target.touch(mode=0o600, exist_ok=False)
    shutil.copyfile(path(kind), target)


def trusted() -> Mapping[str, str]:
    """The public keys of courses whose reports are believed, each with its name.

    Raises:
        KeyFileError: the list cannot be read.
    """
    file = folder() / TRUSTED
    if not file.is_file():
        return {}
    try:
        content = tomli.loads(file.read_text(encoding="utf-8"))
    except tomli.TOMLDecodeError as error:
        raise KeyFileError(f"{file}: {error}") from None
    return {str(key): str(name) for key, name in content.get("course", {}).items()}


def public_key(text: str) -> str:
    """`text` as a public key, in lower case.

    Raises:
        KeyFileError: it is none.
    """
    try:
        VerifyKey(text.encode(), encoder=HexEncoder)
    except (ValueError, TypeError, CryptoError):
        raise KeyFileError(
            f"{text!r} is no public key: it must be 64 hexadecimal digits, as `lab key show` says."
        ) from None
    return text.lower()


def trust(public: str, name: str = "a course") -> None:
    """Believe reports signed with the key `public` from now on.

    Raises:
        KeyFileError: it is no public key.
    """
    known = {**trusted(), public_key(public): name}
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"{key} = {_quoted(label)}" for key, label in sorted(known.items())]
    (folder() / TRUSTED).write_text("[course]\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _quoted(text: str) -> str:
    kept = "".join(c for c in text if c.isprintable()).replace("\\", "").replace('"', "'")
    return f'"{kept}"'


def _outside_of_projects(place: Path) -> None:
    for parent in (place.resolve(), *place.resolve().parents):
        for marker in MARKERS:
            if (parent / marker).exists():
                raise KeyFileError(
                    f"{place} lies in {parent}, which is shared or handed in as a whole: "
                    "keep private keys outside."
                )
