"""Arrays in and out: what is read exactly, what is refused with which words, what is never half written."""

from __future__ import annotations

import errno
import io
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from convention.errors import ConventionError, ConventionFileError, ConventionTypeError, ConventionValueError
from convention.files import format_array, parse_number, read_array, to_nested_lists, writable_target, write_array
from convention.files import writing as writing_module

NPY = [[3, -1, 4], [1, 5, -9]]


def assert_same(found, expected):
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tolist() == expected.tolist()


def refusal_of(source, **keywords) -> ConventionError:
    with pytest.raises(ConventionError) as caught:
        read_array(source, **keywords)
    refusal = caught.value
    assert all((refusal.asked, refusal.found, refusal.allowed, refusal.fix))
    assert refusal.__suppress_context__ or refusal.__context__ is None  # one message, not two
    return refusal


def names_in(folder) -> list[str]:
    return [path.name for path in folder.iterdir()]


def npy_bytes(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("wrong", [[[1, 2], [3, 5]], [[1.0, 2.0], [3.0, 4.0]], [1, 2, 3, 4]])
def test_the_comparison_of_these_tests_refuses_other_values_types_and_shapes(wrong):
    with pytest.raises(AssertionError):
        assert_same(np.array([[1, 2], [3, 4]]), wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2; 3 4", [[1, 2], [3, 4]]),
        ("1 2\n3 4\n", [[1, 2], [3, 4]]),
        ("1 2;\n3 4;\n", [[1, 2], [3, 4]]),
        ("1,2;3 ,  4", [[1, 2], [3, 4]]),
        ("1 2 3", [1, 2, 3]),
        ("1 2 3;", [[1, 2, 3]]),
        ("1; 2; 3", [[1], [2], [3]]),
        ("7", [7]),
        ("-1 0 +1", [-1, 0, 1]),
        ("−1 0", [-1, 0]),
        ("1 2.5 -.5e1", [1.0, 2.5, -5.0]),
        ("inf -inf 1", [np.inf, -np.inf, 1.0]),
        ("1+2j 3", [1 + 2j, 3 + 0j]),
        ("(1-2j) 1e3j", [1 - 2j, 1000j]),
        ("[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("9007199254740993 -9223372036854775808", np.array([2**53 + 1, -(2**63)])),
        ("18446744073709551615 0", np.array([2**64 - 1, 0], dtype=np.uint64)),
        ("1..9", [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        ("1..9@9", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("1..9@1x9", [[1, 2, 3, 4, 5, 6, 7, 8, 9]]),
        ("1..6", [1, 2, 3, 4, 5, 6]),
        ("1..6@3x2", [[1, 2], [3, 4], [5, 6]]),
        ("1..8@2x2x2", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        ("4..1", [[4, 3], [2, 1]]),
        ("-1..1", [-1, 0, 1]),
        ("5..5", [5]),
    ],
)
def test_text_is_read_as_documented(text, expected):
    assert_same(read_array(text), expected)


def test_not_a_number_is_read():
    assert np.isnan(read_array("nan 1")).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        (";", "empty"),
        ("1 2; 3", "1 in row 2, 2 in row 1"),
        ("1 2;; 3 4", "0 in row 2, 2 in row 1"),
        ("1 2; 3 x", "'x' in row 2, column 2 is not a number"),
        ("1,,2", "'' in row 1, column 2 is an empty place"),
        ("1,2,", "'' in row 1, column 3 is an empty place"),
        ("1_000", "'1_000' in row 1, column 1 is not a number"),
        ("٣", "is not a number"),
        ("1/3 2", "'1/3' in row 1, column 1 is a fraction"),
        ("1 18446744073709551616", "column 2 is an integer beyond 64 bits"),
        ("9" * 5000, "integer beyond 64 bits"),
        ("-9223372036854775809", "integer beyond 64 bits"),
        ("-1 18446744073709551615", "fit into no one 64-bit type"),
        ("9007199254740993 0.5", "9007199254740993 would be rounded"),
        ("1e400", "beyond the range of float64"),
        ("1..", "'..' stands only between two integers"),
        ("0.5..3", "'..' stands only between two integers"),
        ("1..3 4", "'..' stands only between two integers"),
        ("1..9@2x4", "9 numbers do not fill the shape 2x4"),
        ("1..99999999999", "99999999999 numbers, more than"),
        ("1..99999999999999999999999", "an end is an integer beyond 64 bits"),
        ("[[1, 2], [3]]", "[1] has 1 entries, [0] has 2"),
        ("[[1, 2], 3]", "[1, 2] at [0] is a list, where others are numbers"),
        ('[1, "two"]', '"two" at [1] is not a number'),
        ("[[1, null]]", "null at [0, 1] is not a number"),
        ("[true, 2]", "true or false among numbers"),
        ("[1, 2", "Expecting ',' delimiter at line 1, column 6"),
        ('{"a": 1}', "outermost value is a dict"),
        ("[1e400]", "beyond the range of float64"),
        ("[18446744073709551616]", "integer beyond 64 bits"),
        ("[" * 65 + "1" + "]" * 65, "65 deep"),
        ("[" * 100_000, "nested too deep"),
        ("sobel", "'sobel' in row 1, column 1 is not a number"),
    ],
)
def test_text_that_is_no_array_is_refused(text, found):
    refusal = refusal_of(text)
    assert isinstance(refusal, ConventionValueError)
    assert found in refusal.found


@pytest.mark.parametrize("source", [3, None, b"1 2", [[1, 2]]])
def test_other_types_are_refused(source):
    assert isinstance(refusal_of(source), ConventionTypeError)


def test_json_has_booleans_not_finite_and_complex_numbers():
    assert_same(read_array("[[true, false]]"), [[True, False]])
    assert_same(read_array('["1+2j", 3]'), [1 + 2j, 3 + 0j])
    assert_same(read_array("[Infinity, -Infinity, 1]"), [np.inf, -np.inf, 1.0])
    assert np.isnan(read_array("[NaN]")).all()
    assert_same(read_array("[]"), np.zeros(0))
    assert_same(read_array("[[], []]"), np.zeros((2, 0)))


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), (" -7 ", -7), ("0.5", 0.5), ("2j", 2j), ("inf", float("inf")), ("−3", -3)]
)
def test_one_number_keeps_its_type(text, number):
    assert parse_number(text) == number
    assert type(parse_number(text)) is type(number)


@pytest.mark.parametrize("text", ["", "x", "1 2", "1/3", "1..4", "99999999999999999999"])
def test_no_single_number_is_refused(text):
    with pytest.raises(ConventionValueError, match="the number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a.CSV", b"1, 2\r\n3, 4\r\n", [[1, 2], [3, 4]]),
        ("a.csv", b"\xef\xbb\xbf1,2,3", [1, 2, 3]),
        ("a.csv", b"1\n2\n", [[1], [2]]),
        ("a.csv", b"1,2.5", [1.0, 2.5]),
        ("a.json", b"[[[1, 2]], [[3, 4]]]", [[[1, 2]], [[3, 4]]]),
        ("a.npy", npy_bytes(np.array(NPY, dtype=">i2")), np.array(NPY, dtype="i2")),
        ("a.npy", npy_bytes(np.asfortranarray(NPY)), NPY),
        ("a b; c.npy", npy_bytes(np.array(NPY)), NPY),
    ],
)
def test_files_are_read_by_their_suffix(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    assert_same(read_array(str(tmp_path / name)), expected)
    assert_same(read_array(tmp_path / name), expected)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"1,2\n3\n", "1 in row 2, 2 in row 1"),
        ("a.csv", b"1,2\n\n3,4\n", "0 in row 2"),
        ("a.csv", b"left,right\n1,2\n", "'left' in row 1, column 1 is not a number"),
        ("a.csv", b"1;2\n", "'1;2' in row 1, column 1 is not a number"),
        ("a.csv", npy_bytes(NPY), "that of a .npy file"),
        ("a.csv", "1,2".encode("utf-16"), "byte 0 is not UTF-8"),
        ("a.json", npy_bytes(NPY), "that of a .npy file"),
        ("a.json", b"1 2; 3 4", "not JSON: Extra data at line 1, column 3"),
        ("a.json", b"5", "outermost value is a int"),
        ("a.json", b" \n", "empty"),
        ("a.npy", b"", "not that of a .npy file"),
        ("a.npy", b"1 2 3", "not that of a .npy file"),
        ("a.npy", npy_bytes(NPY) + b"x", "more bytes follow"),
        ("a.npy", npy_bytes(np.array(["a", "b"])), "its elements are <U1, no numbers"),
        ("a.npy", npy_bytes(np.array(["2001-01-01"], dtype="M8[D]")), "no numbers"),
        ("a.npy", npy_bytes(np.array([(1, 2.0)], dtype="i4,f4")), "no numbers"),
        ("a.npy", npy_bytes(np.array([1, "x"], dtype=object)), "Object arrays cannot be loaded"),
        ("a.npy", npy_bytes(np.array(5)), "without an axis"),
        ("a.png", b"\x89PNG", "there is such a file, and the suffix '.png' is not read"),
        ("noname", b"1", "there is such a file, and the name has no suffix"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    refusal = refusal_of(str(tmp_path / name))
    assert isinstance(refusal, ConventionFileError)
    assert found in refusal.found
    assert name in refusal.asked


def test_an_unknown_suffix_names_the_known_ones(tmp_path):
    for name in ("kernel.png", str(tmp_path / "kernel.txt")):
        refusal = refusal_of(name)
        assert "no such file" in refusal.found
        assert refusal.allowed == "a file that ends in .npy, .csv, .json"


def test_a_npy_file_cut_anywhere_is_refused(tmp_path):
    whole, path = npy_bytes(np.array(NPY, dtype="i1")), tmp_path / "a.npy"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert isinstance(refusal_of(path), ConventionFileError)
    path.write_bytes(whole)
    assert_same(read_array(path), np.array(NPY, dtype="i1"))


def test_a_npy_header_with_one_byte_changed_never_ends_in_another_exception(tmp_path):
    whole, path = npy_bytes(np.array([1, 2, 3], dtype="i1")), tmp_path / "a.npy"
    for position in range(len(whole) - 3):
        for byte in b"\x00(-9":
            path.write_bytes(whole[:position] + bytes([byte]) + whole[position + 1 :])
            with suppress(ConventionFileError):
                assert isinstance(read_array(path), np.ndarray)


def test_missing_files_and_folders_are_refused(tmp_path):
    assert refusal_of(str(tmp_path / "a.npy")).found == "there is no such file"
    (tmp_path / "b.npy").mkdir()
    assert "Is a directory" in refusal_of(str(tmp_path / "b.npy")).found
    assert "it is a folder" in refusal_of(str(tmp_path)).found
    assert "null" in refusal_of("a\0.npy").found


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in refusal_of(str(tmp_path / "a.npy")).found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (npy_bytes(np.array(NPY, dtype="f4")), np.array(NPY, dtype="f4")),
        (b"[[1, 2], [3, 4]]\n", [[1, 2], [3, 4]]),
        (b"1,2\n3,4\n", [[1, 2], [3, 4]]),
        (b"1 2; 3 4\n", [[1, 2], [3, 4]]),
        (b"1 2\r\n3 4\r\n", [[1, 2], [3, 4]]),
        (b"1..4\n", [[1, 2], [3, 4]]),
    ],
)
def test_standard_input_is_recognised_by_its_content(data, expected):
    assert_same(read_array("-", stdin=io.BytesIO(data)), expected)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "empty"),
        (b"one two", "'one' in row 1, column 1"),
        (b"\xff\xfe1", "not UTF-8"),
        (npy_bytes(NPY)[:-1], "cut short"),
        (b"a.npy", "'a.npy' in row 1"),
    ],
)
def test_bad_standard_input_is_refused(data, found):
    refusal = refusal_of("-", stdin=io.BytesIO(data))
    assert isinstance(refusal, ConventionFileError)
    assert refusal.asked == "read standard input (-)"
    assert found in refusal.found


def test_no_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert "there is no standard input" in refusal_of("-").found


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".json"])
@pytest.mark.parametrize(
    "array",
    [
        np.array([1, -2, 3]),
        np.array([[1, 2], [3, -(2**63)]]),
        np.array([[2**64 - 1, 0]], dtype=np.uint64).T,
        np.array([[0.1, 1e-300], [-0.0, 1 / 3]]),
        np.array([np.inf, -np.inf, 5e-324]),
    ],
)
def test_files_give_back_what_was_written(tmp_path, suffix, array):
    write_array(array, tmp_path / f"a{suffix}")
    assert_same(read_array(tmp_path / f"a{suffix}"), array)
    assert names_in(tmp_path) == [f"a{suffix}"]


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1, -2, 3]]),
        np.arange(24).reshape(2, 3, 4),
        np.array([[1 + 2j, -0.1j], [0j, 3]]),
        np.array([[True, False]]),
        np.zeros((2, 0)),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_npy_and_json_give_back_what_csv_cannot_hold(tmp_path, suffix, array):
    write_array(array, tmp_path / f"a{suffix}")
    assert_same(read_array(tmp_path / f"a{suffix}"), array)


@pytest.mark.parametrize(
    ("name", "array", "found"),
    [
        ("a.csv", np.array([1 + 2j, 0]), "complex numbers"),
        ("a.csv", np.zeros((2, 2, 2)), "3 axes"),
        ("a.csv", np.zeros(0), "an empty array"),
        ("a.csv", np.array([[1, 2]]), "a matrix of one row"),
        ("a.csv", np.zeros(2, dtype=np.longdouble), "more digits"),
        ("a.json", np.zeros(2, dtype=np.clongdouble), "more digits"),
        ("a.json", np.zeros((0, 3)), "empty array of shape 0x3"),
    ],
)
def test_a_format_that_would_lose_something_is_refused(tmp_path, name, array, found):
    with pytest.raises(ConventionFileError) as caught:
        write_array(array, tmp_path / name)
    assert found in caught.value.found
    assert caught.value.fix == "write a.npy"
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([object()]), np.array(5)])
def test_only_arrays_of_numbers_are_written_and_shown(tmp_path, array):
    with pytest.raises(ConventionTypeError):
        write_array(array, tmp_path / "a.npy")
    with pytest.raises(ConventionTypeError):
        format_array(array)
    assert names_in(tmp_path) == []


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("precious")
    path.chmod(0o640)
    with pytest.raises(ConventionFileError, match="it is kept") as caught:
        write_array([1, 2], path)
    assert "force=True" in caught.value.fix
    assert path.read_text() == "precious"
    write_array([1, 2], path, force=True)
    assert path.read_text() == "1,2\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_array([1, 2], tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "1,2\n"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", "the suffix '.png' is not written"),
        ("a", "the suffix '' is not written"),
        ("none/a.npy", "there is no folder"),
        ("folder.npy", "it is a folder"),
    ],
)
def test_an_impossible_target_is_refused_before_anything_is_computed(tmp_path, name, found):
    (tmp_path / "folder.npy").mkdir()
    for refuse in (writable_target, lambda path: write_array([1], path)):
        with pytest.raises(ConventionFileError) as caught:
            refuse(tmp_path / name)
        assert found in caught.value.found


def test_a_write_protected_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("precious")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConventionFileError, match="may not be written"):
        write_array([1, 2], tmp_path / "a.csv", force=True)
    assert (tmp_path / "a.csv").read_text() == "precious"


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("failure", "seen"),
    [(OSError(errno.ENOSPC, "No space left on device"), ConventionFileError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failure_midway_leaves_nothing_half_written(tmp_path, monkeypatch, there, failure, seen):
    path, midway = tmp_path / "a.csv", []
    if there:
        path.write_text("precious")

    def write_half(stream, array):
        stream.write(b"1,")
        stream.flush()
        midway.extend(names_in(tmp_path))
        raise failure

    monkeypatch.setitem(writing_module._WRITERS, ".csv", write_half)
    with pytest.raises(seen):
        write_array([1, 2], path, force=True)
    assert any(name.endswith(".tmp") for name in midway)  # this test would notice a file left behind
    assert names_in(tmp_path) == (["a.csv"] if there else [])
    assert not there or path.read_text() == "precious"


@pytest.mark.parametrize(
    ("array", "text"),
    [
        ([1, -20, 300], "1 -20 300"),
        ([[1, -20], [300, 4]], "  1 -20\n300   4"),
        ([[1, 2]], "1 2;"),
        ([[1], [22]], " 1\n22"),
        ([0.1, 2.0, 1e-05], "0.1 2.0 1e-05"),
        (np.array([0.1], dtype="f4"), "0.1"),
        ([1 + 2j, -1j], "1+2j -0-1j"),
        ([True, False], "1 0"),
        (np.zeros((0, 5)), "(empty, shape 0x5)"),
        ([[[1, 2]], [[3, 4]]], "[0, :, :]\n1 2\n\n[1, :, :]\n3 4"),
    ],
)
def test_arrays_are_shown_as_aligned_text(array, text):
    assert format_array(array) == text


@pytest.mark.parametrize(
    "array",
    [
        np.array([2**63 - 1, -(2**63)]),
        np.array([[1, -2, 3]]),
        np.array([[5]]),
        np.array([[1], [-2]]),
        np.array([[0.1, 1 / 3, 1e300], [-0.0, 5e-324, 2.0]]),
        np.array([[1 + 2j, -0.1j], [3, 1e-9]]),
    ],
)
def test_shown_arrays_are_read_back(array):
    assert_same(read_array(format_array(array)), array)


def test_floats_are_read_back_in_their_own_data_type():
    array = np.random.default_rng(1).standard_normal((4, 3)).astype("f4")
    assert read_array(format_array(array)).astype("f4").tolist() == array.tolist()


def test_nested_lists_are_json():
    assert json.loads(json.dumps(to_nested_lists(np.array([[1 + 2j, 3]])))) == [["1+2j", "3+0j"]]
    assert to_nested_lists(np.array([[1, 2]], dtype="u1")) == [[1, 2]]
