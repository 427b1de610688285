"""The atlas holds what was measured: its rows fit the catalogue and the schema, and its checkers refuse wrong ones."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from convention.atlas import Row, compare_atlases, failures, load, measure, measuring, read, select, write
from convention.atlas.describing import describe
from convention.atlas.rows import STATES, schema
from convention.atlas.tables import BLOCKS, refresh
from convention.catalogue import lookup, operators
from convention.definition import Convention
from convention.errors import ConventionError

ROOT = Path(__file__).parents[2]
KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def fits(value, rule):
    """Tell whether a value fits a JSON Schema, of which these words are understood."""
    known = {"type", "const", "enum", "minimum", "items", "properties", "required", "additionalProperties"}
    assert set(rule) <= known | {"anyOf", "oneOf", "$schema", "title"}
    for word, check in (("anyOf", any), ("oneOf", lambda many: sum(many) == 1)):
        if word in rule and not check([fits(value, one) for one in rule[word]]):
            return False
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_kind(value, kind) for kind in kinds):
        return False
    if ("const" in rule and value != rule["const"]) or ("enum" in rule and value not in rule["enum"]):
        return False
    if "minimum" in rule and value < rule["minimum"]:
        return False
    if "items" in rule and isinstance(value, list) and not all(fits(one, rule["items"]) for one in value):
        return False
    if isinstance(value, dict):
        more = rule.get("additionalProperties", True)
        known = rule.get("properties", {})
        if not set(rule.get("required", [])) <= set(value):
            return False
        return all(fits(v, known[k]) if k in known else v_fits(v, more) for k, v in value.items())
    return True


def is_kind(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def v_fits(value, more):
    return more if isinstance(more, bool) else fits(value, more)


@pytest.fixture(scope="module")
def atlas():
    return load()


@pytest.fixture(scope="module")
def lines():
    text = files("convention.catalogue").joinpath("data", "atlas.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_fits_the_schema(lines):
    rule = schema()
    assert [line for line in lines if not fits(line, rule)] == []


@pytest.mark.parametrize(
    "change",
    [{"state": "good"}, {"computes": "corr"}, {"boundary": "reflect"}, {"probes": -1}, {"more": 1}, {"kind": 3}],
)
def test_the_schema_refuses_a_wrong_row(lines, change):
    row = lines[1]
    assert fits(row, schema())
    assert not fits(row | change, schema())
    assert not fits({name: value for name, value in row.items() if name != "says"}, schema())


def test_there_is_one_row_for_each_operator_and_set_of_options(atlas):
    expected = [f"{n} {json.dumps(o, sort_keys=True)}" for n in operators() for o in lookup(n).cases()]
    assert [row.key for row in atlas.rows] == expected


def test_the_rows_say_what_the_catalogue_declares(atlas):
    for row in atlas.rows:
        declared = json.loads(json.dumps(describe(lookup(row.operator), row.options | tuples(row.options))))
        declared.pop("reason")
        assert {name: getattr(row, name) for name in declared} == declared, row.key


def tuples(options):
    """JSON has no tuples; options do."""
    return {name: tuple(value) for name, value in options.items() if isinstance(value, list)}


def test_the_shipped_rows_were_measured_and_hold(atlas):
    assert {row.state for row in atlas.rows} <= {"measured", "undetermined", "could not install here"}
    undetermined = [row for row in atlas.rows if row.state == "undetermined"]
    assert {row.computes for row in undetermined} <= {"undetermined"}
    assert all(row.reason and row.version and row.date and not row.probes for row in undetermined)
    assert all(row.version and row.date and row.probes + row.refused for row in atlas.rows if row.state == "measured")


@pytest.mark.parametrize(
    "name",
    ["numpy.convolve", "cv2.filter2D", "PIL.ImageFilter.Kernel", "skimage.filters.correlate_sparse", "torch.nn.Conv1d"],
)
def test_what_is_installed_still_does_what_its_rows_say(atlas, name):
    if not lookup(name).installed:
        pytest.skip(f"measures {name}")
    found = measure([name], previous=atlas)
    assert failures(found, atlas) == ()
    assert {row.state for row in found.of(name)} == {"measured"}
    assert [c for c in compare_atlases(atlas, found) if c.row.startswith(name)] == []
    assert len(found.rows) == len(atlas.rows)


WRONG = {
    "kernel not reversed": {"convention": lambda x, w, *, mode: Convention(reversed_axes="none", size=mode)},
    "another size": {"convention": lambda x, w, *, mode: Convention(size="same")},
    "refusals that are none": {"accepts": lambda x, w, *, mode: "an odd kernel" if w[0] % 2 else ""},
    "no refusal": {"call": lambda x, w, *, mode: np.linalg.inv(x) if len(w) == 5 else np.convolve(x, w, mode)},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_library_that_does_something_else_is_found(monkeypatch, atlas, change):
    wrong = replace(lookup("numpy.convolve"), **change)
    monkeypatch.setattr(measuring, "lookup", lambda name: wrong)
    found = measure(["numpy.convolve"], previous=atlas)
    row = found.of("numpy.convolve")[0]
    assert (row.state, row.since) == ("stale since", np.__version__)
    assert row.reason
    assert row in failures(found, atlas)


def test_our_own_mistake_is_not_the_librarys(monkeypatch, atlas):
    def call(signal, kernel, *, mode):
        return np.no_such_function(signal, kernel)

    wrong = replace(lookup("numpy.convolve"), call=call)
    monkeypatch.setattr(measuring, "_first_type", lambda operator: (np.dtype(float), ""))
    monkeypatch.setattr(measuring, "lookup", lambda name: wrong)
    found = measure(["numpy.convolve"], previous=atlas)
    assert {row.state for row in found.of("numpy.convolve")} == {"harness error"}
    assert failures(found, atlas)


def test_an_operator_that_refuses_everything_is_undetermined(monkeypatch, atlas):
    def call(signal, kernel, *, mode):
        raise ValueError("not today")

    wrong = replace(lookup("numpy.convolve"), call=call)
    monkeypatch.setattr(measuring, "lookup", lambda name: wrong)
    row = measure(["numpy.convolve"]).of("numpy.convolve")[0]
    assert (row.state, row.reason) == ("undetermined", "it refused every probe: ValueError: not today")


def test_what_cannot_be_installed_keeps_its_older_measurement(monkeypatch, atlas):
    missing = replace(lookup("numpy.convolve"), library="no_such_library")
    monkeypatch.setattr(measuring, "lookup", lambda name: missing)
    row = measure(["numpy.convolve"], previous=atlas).of("numpy.convolve")[0]
    before = atlas.of("numpy.convolve")[0]
    assert (row.state, row.reason) == ("could not install here", "no_such_library is not installed")
    assert (row.version, row.date, row.probes) == (before.version, before.date, before.probes)
    assert measure(["numpy.convolve"]).of("numpy.convolve")[0].version is None


def test_an_atlas_is_written_and_read(atlas, tmp_path):
    path = tmp_path / "atlas.jsonl"
    write(atlas, path)
    assert read(path).rows == atlas.rows
    assert compare_atlases(atlas, read(path)) == ()


@pytest.mark.parametrize("cut", ["header", "row", "footer", "column", "json"])
def test_an_incomplete_atlas_is_refused(atlas, tmp_path, cut):
    path = tmp_path / "atlas.jsonl"
    write(atlas, path)
    whole = path.read_text().splitlines()
    row = json.loads(whole[1])
    del row["says"]
    texts = {
        "header": whole[1:],
        "row": whole[:1] + whole[2:],
        "footer": whole[:-1],
        "column": [whole[0], json.dumps(row), *whole[2:]],
        "json": ["{", *whole[1:]],
    }
    path.write_text("\n".join(texts[cut]))
    with pytest.raises(ConventionError, match="atlas"):
        read(path)


def test_two_atlases_are_compared_row_by_row(atlas):
    first, second, *rest = atlas.rows
    changed = replace(second, computes="mixed", date="2001-01-01")
    other = replace(atlas, rows=(changed, *rest))
    assert [tuple(change) for change in compare_atlases(atlas, other)] == [
        (first.key, "", "there", "gone"),
        (second.key, "computes", second.computes, "mixed"),
    ]
    assert compare_atlases(other, atlas)[0][1:] == ("", "not there", "new")


def test_rows_are_chosen_by_what_they_say(atlas):
    def names(**conditions):
        return {row.operator for row in select(atlas, **conditions)}

    assert names(library="numpy") == {"numpy.convolve", "numpy.correlate"}
    assert {"cv2.filter2D", "torch.nn.Conv2d", "PIL.ImageFilter.Kernel"} <= names(mismatch=True)
    assert "numpy.convolve" not in names(mismatch=True)
    assert names(computes="mixed") == {"PIL.ImageFilter.Kernel"}
    assert "torch.nn.Conv2d" in names(boundary="circular")
    assert "cv2.filter2D" not in names(boundary="circular")
    same = names(same_as="scipy.ndimage.correlate")
    assert {"scipy.ndimage.correlate1d", "cv2.filter2D"} <= same
    assert "scipy.ndimage.convolve" not in same
    for wrong in ({"library": "nump"}, {"computes": "conv"}, {"same_as": "numpy.convolv"}, {"boundary": "reflect"}):
        with pytest.raises(ConventionError):
            select(atlas, **wrong)


@pytest.mark.parametrize("page", ["docs/catalogue.md", "README.md"])
def test_the_tables_of_the_pages_are_those_of_the_atlas(atlas, page):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = ["summary", "overview"] if page == "README.md" else set(BLOCKS) - {"summary"}
    assert all(f"<!-- atlas:{name} -->" in text for name in blocks)
    assert refresh(text, atlas) == text


def test_an_old_table_and_an_unknown_block_are_found(atlas):
    old = "<!-- atlas:overview -->\nMeasured long ago.\n<!-- /atlas -->"
    assert refresh(old, atlas) != old
    with pytest.raises(ConventionError, match="did you mean 'table'"):
        refresh("<!-- atlas:tabel -->\n<!-- /atlas -->", atlas)


def test_the_states_are_those_of_the_schema():
    assert tuple(schema()["oneOf"][2]["properties"]["state"]["enum"]) == tuple(STATES)
    assert set(schema()["oneOf"][2]["properties"]) == {"kind", *Row.__dataclass_fields__}


def test_pillow_divides_by_scale_adds_offset_rounds_half_up_and_copies_the_ring():
    image = pytest.importorskip("PIL.Image", reason="measures Pillow")
    from PIL import ImageFilter

    x = np.arange(5, 30, dtype=np.uint8).reshape(5, 5)  # the sample in the middle is 17
    kernel = [0, 1, 0, 0, 0, 0, 0, 0, 0]  # reversed along axis 0, its tap meets the sample below: 22

    def middle(**options):
        result = np.asarray(image.fromarray(x).filter(ImageFilter.Kernel((3, 3), kernel, **options)))
        assert result[0].tolist() == x[0].tolist()
        return int(result[2, 2])

    assert middle() == 22
    assert middle(scale=4) == 6  # 5.5
    assert middle(scale=-4) == 0
    assert middle(scale=4, offset=3) == 9  # 8.5
    assert middle(scale=0.05) == 255


def test_opencv_leaves_taps_of_zero_out():
    cv2 = pytest.importorskip("cv2", reason="measures OpenCV")
    x = np.ones((3, 3))
    x[1, 1] = np.nan
    assert np.isnan(cv2.filter2D(x, -1, np.array([[0.0, 1, 0]]))).sum() == 1
    assert np.isnan(cv2.filter2D(x, -1, np.array([[1.0, 1, 1]]))).sum() == 3


def test_onnx_runtime_gives_fewer_outputs_than_the_text_says():
    pytest.importorskip("onnxruntime", reason="measures ONNX Runtime")
    pytest.importorskip("onnx", reason="builds a model")
    operator = lookup("onnx.ConvTranspose")
    options = {"auto_pad": "SAME_UPPER", "strides": 3, "dilations": 1, "output_padding": 0, "pads": (0, 0)}
    x, w = np.array([1, 2, 3], np.float32), np.array([1, 10], np.float32)
    # the text has 9 = 3 samples times stride 3
    assert operator.call(x, w, **options).tolist() == [1, 10, 0, 2, 20, 0, 3, 30]
