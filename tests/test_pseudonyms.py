import hmac
import os
import re
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import pseudonyms
from workbench.pseudonyms import fingerprint, key, pseudonymise
from workbench.schema import DataError, ParameterError

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
IDS = st.lists(st.text(min_size=1).filter(lambda t: t.isprintable()), max_size=30)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A user without a key."""
    for name in ("WORKBENCH_KEY", "WORKBENCH_KEY_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# by hand


def test_equal_ids_share_a_pseudonym_and_leading_zeros_tell_customers_apart():
    result = pseudonymise(pd.Series(["00123", "123", "00123"]), key=KEY)
    assert result[0] == result[2] != result[1]


def test_index_and_name_are_those_of_the_ids_and_the_ids_stay():
    ids = pd.Series(["a", "b", "a"], index=[7, 3, 9], name="customer_id")
    before = ids.copy()
    result = pseudonymise(ids, key=KEY)
    assert result.index.tolist() == [7, 3, 9] and result.name == "customer_id"
    pd.testing.assert_frame_equal(ids.to_frame(), before.to_frame())


def test_no_ids_give_no_pseudonyms():
    assert pseudonymise(pd.Series([], dtype="str"), key=KEY).empty


def test_the_first_use_makes_a_key_that_only_its_owner_can_read(home):
    first = key()
    path = home / ".config" / "workbench" / "pseudonym.key"
    assert len(first) == 32 and bytes.fromhex(path.read_text()) == first
    assert mode(path) == 0o600
    assert mode(path.parent) == mode(home / ".config") == 0o700
    assert key() == first
    assert [p.name for p in path.parent.iterdir()] == ["pseudonym.key"]


def test_the_key_file_lies_in_the_folder_of_settings(home, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "settings"))
    key()
    assert (home / "settings" / "workbench" / "pseudonym.key").is_file()


def test_a_folder_of_settings_that_depends_on_where_one_is_does_not_count(home, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "settings")
    monkeypatch.chdir(home)
    key()
    assert not (home / "settings").exists()
    assert (home / ".config" / "workbench" / "pseudonym.key").is_file()


def test_a_named_key_file_is_made_and_taken(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEY_FILE", "~/keys/shop.key")
    made = key()
    assert bytes.fromhex((home / "keys" / "shop.key").read_text()) == made
    assert not (home / ".config").exists()


def test_the_variable_goes_before_every_file(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEY_FILE", str(home / "a.key"))
    monkeypatch.setenv("WORKBENCH_KEY", f" {KEY.hex().upper()}\n")
    assert key() == KEY
    assert not (home / "a.key").exists()


def test_what_openssl_writes_is_a_key(home, monkeypatch):
    path = home / "a.key"
    path.write_text(f"{OTHER.hex()}\r\n")
    path.chmod(0o400)
    monkeypatch.setenv("WORKBENCH_KEY_FILE", str(path))
    assert key() == OTHER


# properties


@given(IDS)
def test_pseudonyms_are_as_many_as_ids_and_look_like_nothing_else(ids):
    result = pseudonymise(pd.Series(ids, dtype="str"), key=KEY)
    assert result.nunique() == len(set(ids))
    for text in result:
        assert pseudonyms.PATTERN.fullmatch(text) and len(text) == pseudonyms.LENGTH == 18
        with pytest.raises(ValueError, match="could not convert"):
            float(text)


@given(IDS)
def test_another_key_gives_other_pseudonyms(ids):
    series = pd.Series(ids, dtype="str")
    assert not set(pseudonymise(series, key=KEY)) & set(pseudonymise(series, key=OTHER))


@given(IDS, st.randoms())
def test_a_pseudonym_depends_on_its_id_alone(ids, random):
    shuffled = random.sample(ids, len(ids))
    alone = {text: pseudonymise(pd.Series([text]), key=KEY)[0] for text in ids}
    result = pseudonymise(pd.Series(shuffled, dtype="str"), key=KEY)
    assert result.tolist() == [alone[text] for text in shuffled]


def test_text_of_any_kind_gives_the_same_pseudonyms():
    values = ["a", "Ä", "a"]
    texts = [pd.Series(values, dtype=kind) for kind in ("str", object, "string")]
    results = [pseudonymise(ids, key=KEY).tolist() for ids in texts]
    assert results[0] == results[1] == results[2]


def test_many_customers_take_seconds():
    ids = pd.Series([f"C{i:07d}" for i in range(200_000)])
    start = time.process_time()
    result = pseudonymise(ids, key=KEY)
    assert time.process_time() - start < 10
    assert result.is_unique


def test_the_fingerprint_tells_keys_apart_and_is_no_part_of_them():
    assert fingerprint(KEY) == fingerprint(KEY) != fingerprint(OTHER)
    assert re.fullmatch(r"[0-9a-f]{16}", fingerprint(KEY))
    assert fingerprint(KEY) not in (KEY.hex()[:16], sha256(KEY).hexdigest()[:16])


def test_two_at_once_end_with_one_key(home):
    with ThreadPoolExecutor(max_workers=8) as pool:
        keys = list(pool.map(lambda _: key(), range(40)))
    assert len(set(keys)) == 1
    folder = home / ".config" / "workbench"
    assert [path.name for path in folder.iterdir()] == ["pseudonym.key"]


def test_two_programs_at_once_end_with_one_key(home):
    code = "from workbench.pseudonyms import *; print(fingerprint(key()))"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = {process.communicate(timeout=60)[0].strip() for process in running}
    assert said == {fingerprint(key())}


# against an authority


def test_the_digest_is_hmac_sha256_of_the_standard_library():
    digest = hmac.new(KEY, b"workbench/customer_id/1\0" + "Ö-1".encode(), sha256).digest()
    value = int.from_bytes(digest[:10], "big")
    letters = ""
    for _ in range(16):
        value, rest = divmod(value, 32)
        letters = "abcdefghijklmnopqrstuvwxyz234567"[rest] + letters
    assert pseudonymise(pd.Series(["Ö-1"]), key=KEY).tolist() == [f"k_{letters}"]


# messages


@pytest.mark.parametrize("text", ["", "Passwort", KEY.hex()[:-2], KEY.hex()[:-1], f"{KEY.hex()}g"])
def test_what_is_no_key_is_refused_and_not_repeated(home, monkeypatch, text):
    monkeypatch.setenv("WORKBENCH_KEY", text)
    with pytest.raises(ParameterError, match=r"^WORKBENCH_KEY .*openssl rand -hex 32") as caught:
        key()
    assert not text or text not in str(caught.value)
    assert not (home / ".config").exists()


def test_a_key_that_others_can_read_is_refused(home, monkeypatch):
    key()
    path = home / ".config" / "workbench" / "pseudonym.key"
    for rights in (0o640, 0o604, 0o620):
        path.chmod(rights)
        with pytest.raises(ParameterError, match=r"may be read or changed by others.*chmod 600"):
            key()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too short: 0 bytes of 32 at least"),
        (b"ab" * 31, "too short: 31 bytes"),
        (b"\xff\xfe secret", "does not hold an even number of hexadecimal digits"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_and_stays(home, monkeypatch, content, message):
    path = home / "a.key"
    path.write_bytes(content)
    path.chmod(0o600)
    monkeypatch.setenv("WORKBENCH_KEY_FILE", str(path))
    with pytest.raises(ParameterError, match=message) as caught:
        key()
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None
    assert path.read_bytes() == content


def test_a_folder_is_no_key_file(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEY_FILE", str(home))
    with pytest.raises(ParameterError, match="is a folder or a device"):
        key()


def test_a_key_file_must_be_named_by_its_whole_path(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_KEY_FILE", "a.key")
    with pytest.raises(ParameterError, match=r"'a\.key' is no absolute path"):
        key()


def test_a_key_file_that_cannot_be_made_is_refused_in_one_sentence(home, monkeypatch):
    (home / "file").write_text("x")
    monkeypatch.setenv("WORKBENCH_KEY_FILE", str(home / "file" / "a.key"))
    with pytest.raises(ParameterError, match=r"cannot be made or read: .*WORKBENCH_KEY\.$"):
        key()


def test_a_disk_without_links_is_refused_and_keeps_no_key(home, monkeypatch):
    def no_link(source, target):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(ParameterError, match="cannot be made or read: Operation not permitted"):
        key()
    assert list((home / ".config" / "workbench").iterdir()) == []


def test_a_short_key_is_refused_wherever_it_is_used():
    for use in (lambda: fingerprint(b"x" * 31), lambda: pseudonymise(pd.Series(["a"]), key=b"")):
        with pytest.raises(ParameterError, match=r"the key is too short: \d+ bytes of 32"):
            use()


def test_ids_that_are_no_text_or_nobody_are_refused():
    with pytest.raises(DataError, match="of type int64, not text"):
        pseudonymise(pd.Series([123]), key=KEY)
    with pytest.raises(DataError, match="2 of 3 customer ids are missing or empty"):
        pseudonymise(pd.Series(["a", None, ""]), key=KEY)


def test_a_shared_pseudonym_is_refused(monkeypatch):
    monkeypatch.setattr(hmac, "digest", lambda key, text, name: bytes(32))
    with pytest.raises(DataError, match="two of 2 customers share a pseudonym"):
        pseudonymise(pd.Series(["a", "b"]), key=KEY)
