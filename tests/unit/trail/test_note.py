"""Signed notes against the Go implementation's own examples, and against forgeries."""

import pytest

from tradesense.trail.proof.note import BadNote, Checkpoint, PublicKey, SigningKey

# golang.org/x/mod/sumdb/note: the key and the note of its documentation.
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
# sum.golang.org's published key, and go.sum database tree note.
SUMDB_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

KEY = SigningKey("tradesense/test", bytes(range(32)))
OTHER = SigningKey("tradesense/test", bytes(range(1, 33)))
POINT = Checkpoint("tradesense/test", 109_482, b"\x17" * 32)


def test_the_go_tools_key_gives_the_go_tools_public_key():
    key = SigningKey.parse(GO_SKEY)

    assert str(key.public) == GO_VKEY
    assert key.written() == GO_SKEY


def test_a_published_verifier_key_is_read():
    assert str(PublicKey.parse(SUMDB_VKEY + "\n")) == SUMDB_VKEY


def test_what_is_signed_is_opened():
    note = KEY.sign(POINT)

    assert note.startswith(f"tradesense/test\n109482\n{'FxcX' * 10}Fxc=\n\n— tradesense/test ")
    assert KEY.public.open(note) == POINT


def test_signatures_of_others_are_ignored():
    ours = KEY.sign(POINT)
    cosigned = ours + "— witness.example/w1 AAAAAAAA\n" + OTHER.sign(POINT).split("\n\n")[1]

    assert KEY.public.open(cosigned) == POINT
    assert OTHER.public.open(cosigned) == POINT


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (lambda note: note.replace("109482", "109483"), "forged or damaged"),
        (lambda note: note.replace("tradesense/test\n1", "tradesense/tesT\n1"), "forged"),
        (lambda note: note.replace("— ", "- "), "not signed by"),
        (lambda note: note.rstrip("\n"), "text, an empty line, signatures"),
        (lambda note: note.replace("\n\n", "\n"), "text, an empty line, signatures"),
        (lambda note: note[:-6] + "!!!!\n", "base64"),
        (lambda _: OTHER.sign(POINT), "not signed by"),
        (lambda note: note * 1000, "too long"),
        (lambda _: "", "text, an empty line, signatures"),
    ],
)
def test_a_forged_note_is_refused(forge, message):
    with pytest.raises(BadNote, match=message):
        KEY.public.open(forge(KEY.sign(POINT)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\nAAAA\n",
        "a\n-1\nAAAA\n",
        "a\n1\nAAAA\n",
        "a\n1\n?\n",
        "\n1\nA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(BadNote):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000+AAAA",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY.replace("PeterNeumann", "PeterNewman"),
        GO_VKEY[:-1],
        GO_VKEY.replace("Peter", "Peter "),
    ],
)
def test_a_damaged_public_key_is_refused(vkey):
    with pytest.raises(BadNote):
        PublicKey.parse(vkey)


@pytest.mark.parametrize("text", ["", GO_VKEY, GO_SKEY[:-4], GO_SKEY.replace("c7", "c8")])
def test_a_damaged_signing_key_is_refused_without_being_repeated(text):
    with pytest.raises(BadNote) as refusal:
        SigningKey.parse(text)
    assert not text or text not in str(refusal.value)


def test_a_signing_key_is_not_shown():
    assert "PRIVATE" not in repr(KEY)
    assert KEY.seed.hex() not in repr(KEY)
