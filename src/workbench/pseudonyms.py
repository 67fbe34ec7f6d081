"""Pseudonyms of customer ids under a secret key, and the key itself."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path

import pandas as pd

from workbench.schema import DataError, ParameterError

KEY_VARIABLE = "WORKBENCH_KEY"
FILE_VARIABLE = "WORKBENCH_KEY_FILE"
KEY_BYTES = 32
# So begins every pseudonym; a letter in front is no number and no formula to any program.
PREFIX = "k_"
# 80 bits of the digest in base32, five bits to a character.
DIGEST_BYTES = 10
LENGTH = len(PREFIX) + DIGEST_BYTES * 8 // 5
PATTERN = re.compile(rf"(?<!\w){PREFIX}[a-z2-7]{{{LENGTH - len(PREFIX)}}}(?!\w)")

# Each use of the key signs other messages; a new kind of pseudonym gets a new number.
_CUSTOMER = b"workbench/customer_id/1\0"
_ORDERS = b"workbench/order_id/1\0"
_FINGERPRINT = b"workbench/fingerprint/1\0"
_HOW = f"Make one with 'openssl rand -hex {KEY_BYTES}'."


def key() -> bytes:
    """Return the secret key of this user, making one on the first use.

    A key is written in hexadecimal digits, at least 64 of them. It is taken
    from the environment variable `WORKBENCH_KEY`; else from the file that
    `WORKBENCH_KEY_FILE` names; else from ``workbench/pseudonym.key`` in the
    user's folder of settings (``$XDG_CONFIG_HOME``, or ``~/.config``). A file
    that is not there is made, readable by its owner alone.

    Who has the key can link pseudonyms and customers; who loses it cannot
    make the same pseudonyms again.

    Returns
    -------
    bytes
        At least 32.

    Raises
    ------
    ParameterError
        If the variable or the file holds no such key, the file may be read by
        others, or it cannot be read or made. The key is never part of a message.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given is not None:
        return _decode(given, where=KEY_VARIABLE)
    path = _key_path()
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise ParameterError(
            f"the key file {path} cannot be made or read: {error.strerror or error}. "
            f"Name another one in {FILE_VARIABLE}, or put the key into {KEY_VARIABLE}."
        ) from error


def pseudonymise(ids: pd.Series, *, key: bytes) -> pd.Series:
    """Replace each customer id by a pseudonym.

    The same id gives the same pseudonym under the same key, and without the key
    no id can be tried out: HMAC-SHA256, of which 80 bits are kept. That two
    of n customers share one has a probability of at most n² / 2⁸¹: 4e-9 for
    10⁸ customers. Pseudonymous data remain personal data.

    Parameters
    ----------
    ids : Series of str
        Ids as the source writes them; ``00123`` and ``123`` are two customers.
    key : bytes
        At least 32.

    Returns
    -------
    Series of str
        `PREFIX` and 16 lower-case characters of base32, with the index and
        the name of `ids`.

    Raises
    ------
    DataError
        If ids are not text, one is missing or empty, or two share a pseudonym.
    ParameterError
        If the key is shorter than 32 bytes.

    References
    ----------
    RFC 2104 (HMAC), RFC 4648 (base32); Regulation (EU) 2016/679, article 4 (5).

    Examples
    --------
    >>> pseudonymise(pd.Series(["00123", "123", "00123"]), key=bytes(32)).tolist()
    ['k_t7wqrffivpxtg2ju', 'k_akfikw5b2kvyvif7', 'k_t7wqrffivpxtg2ju']
    """
    _check_length(key, where="the key")
    if len(ids) and not pd.api.types.is_string_dtype(ids):
        raise DataError(
            f"customer ids are of type {ids.dtype}, not text. "
            "Read them as text, so that leading zeros survive."
        )
    n_missing = int((ids.isna() | (ids == "")).sum())
    if n_missing:
        raise DataError(
            f"{n_missing} of {len(ids)} customer ids are missing or empty. "
            "Clean the source with transactions.clean first."
        )
    codes, distinct = pd.factorize(ids)
    digests = b"".join(
        hmac.digest(key, _CUSTOMER + text.encode("utf-8"), "sha256")[:DIGEST_BYTES]
        for text in distinct
    )
    letters = base64.b32encode(digests).decode("ascii").lower()
    step = LENGTH - len(PREFIX)
    pseudonyms = pd.Series(
        [PREFIX + letters[start : start + step] for start in range(0, len(letters), step)],
        dtype="str",
    )
    if pseudonyms.duplicated().any():
        raise DataError(
            f"two of {len(distinct)} customers share a pseudonym under this key. Take another key."
        )
    taken = pseudonyms.take(codes)
    return taken.set_axis(ids.index).rename(ids.name)


def salt(key: bytes) -> str:
    """Return a secret of its own for ids of orders, 64 hexadecimal digits."""
    _check_length(key, where="the key")
    return hmac.digest(key, _ORDERS, "sha256").hex()


def fingerprint(key: bytes) -> str:
    """Return 16 hexadecimal digits by which two runs tell that they used one key.

    They say nothing about the key to who does not have it.
    """
    _check_length(key, where="the key")
    return hmac.digest(key, _FINGERPRINT, "sha256").hex()[:16]


def _key_path() -> Path:
    """Return the place of the key file, the same from every working directory."""
    named = os.environ.get(FILE_VARIABLE)
    settings = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        if named is not None:
            path = Path(named).expanduser()
        elif Path(settings).is_absolute():
            path = Path(settings) / "workbench" / "pseudonym.key"
        else:
            path = Path.home() / ".config" / "workbench" / "pseudonym.key"
    except RuntimeError as error:
        raise ParameterError(
            f"the home folder is unknown, so there is no place for the key file. "
            f"Name one in {FILE_VARIABLE}, or put the key into {KEY_VARIABLE}."
        ) from error
    if not path.is_absolute():
        raise ParameterError(
            f"{FILE_VARIABLE}={named!r} is no absolute path; from another working directory "
            "it would be another key. Write the whole path."
        )
    return path


def _read(path: Path) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ParameterError(
            f"the key file {path} is a folder or a device. Name a file in {FILE_VARIABLE}."
        )
    # Other systems than POSIX have no such bits.
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ParameterError(
            f"the key file {path} may be read or changed by others. "
            f"Take their rights away with chmod 600, and think about a new key."
        )
    try:
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        # Chained, the error would carry the bytes of the key.
        text = "?"
    return _decode(text, where=f"the key file {path}")


def _make(path: Path) -> None:
    """Put a new key in place whole; who comes second finds the key of the first."""
    for folder in reversed(path.parents):
        folder.mkdir(mode=0o700, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".pseudonym-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_bytes(KEY_BYTES).hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        return
    finally:
        os.unlink(name)


def _decode(text: str, *, where: str) -> bytes:
    digits = text.strip()
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits):
        raise ParameterError(f"{where} does not hold an even number of hexadecimal digits. {_HOW}")
    value = bytes.fromhex(digits)
    _check_length(value, where=where)
    return value


def _check_length(key: bytes, *, where: str) -> None:
    if len(key) < KEY_BYTES:
        raise ParameterError(
            f"{where} is too short: {len(key)} bytes of {KEY_BYTES} at least. {_HOW}"
        )
