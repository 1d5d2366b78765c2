"""Files that a crash leaves whole: what a reader, or the next writer, finds."""

from tradesense.infra.files import write_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "note"
    write_whole(path, b"old")
    write_whole(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_no_hindrance_and_lends_no_rights(tmp_path):
    (tmp_path / ".note.new").write_bytes(b"half a")
    (tmp_path / ".note.new").chmod(0o644)
    write_whole(tmp_path / "note", b"whole", mode=0o600)
    assert (tmp_path / "note").read_bytes() == b"whole"
    assert (tmp_path / "note").stat().st_mode & 0o777 == 0o600
