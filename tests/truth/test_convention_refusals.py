"""Every refusal of `Convention` and of its functions: its class, its four parts, what it names; and errors pickle."""

import copy
import pickle

import numpy as np
import pytest

from convention import errors
from convention.boundary import boundary_of
from convention.definition import CONVOLUTION, Convention, as_convention
from convention.errors import ConventionError, ConventionTypeError, ConventionValueError, nearest
from convention.reference import compute

VALUE, TYPE = ConventionValueError, ConventionTypeError

FIELDS = [
    ({"boundary": "reflect"}, VALUE, ["ambiguous", "b a | a b c d | d c", "c b | a b c d | c b", "'half-sample'"]),
    ({"boundary": "mirror"}, VALUE, ["ambiguous", "'half-sample'", "'whole-sample'"]),
    ({"boundary": ("zero", "reflect")}, VALUE, ["ambiguous"]),
    ({"boundary": "peridic"}, VALUE, ["'peridic'", "did you mean 'periodic'?", "c d | a b c d | a b"]),
    ({"boundary": "Replicate"}, VALUE, ["did you mean 'replicate'?"]),
    ({"boundary": "xyzzy"}, VALUE, ["use one of them, for example 'zero'"]),
    ({"boundary": 7}, TYPE, ["int", "boundary='constant', value=7"]),
    ({"boundary": None}, TYPE, ["NoneType"]),
    ({"boundary": ()}, VALUE, ["empty"]),
    ({"value": 5}, VALUE, ["value=5", "boundary='constant', value=5"]),
    ({"value": 5, "boundary": "edge"}, VALUE, ["boundary='edge'", "only with boundary='constant'"]),
    ({"value": (5, 5), "boundary": ("constant", "edge")}, VALUE, ["only with boundary='constant'"]),
    ({"value": 5, "boundary": ("edge", "zero")}, VALUE, ["only with boundary='constant'"]),
    ({"value": "5", "boundary": "constant"}, TYPE, ["value='5'", "str"]),
    ({"value": None, "boundary": "constant"}, TYPE, ["NoneType"]),
    ({"size": "sam"}, VALUE, ["did you mean 'same'?", "same-lower", "causal"]),
    ({"size": "xyzzy"}, VALUE, ["for example 'full'"]),
    ({"size": ("full", "vald")}, VALUE, ["'vald'", "did you mean 'valid'?"]),
    ({"size": 3}, TYPE, ["size=3", "((before, after),)"]),
    ({"size": ()}, TYPE, ["size=()"]),
    ({"size": (1, 1)}, TYPE, ["neither a word nor a pair", "size=((before, after),)"]),
    ({"size": ((1, 2, 3),)}, TYPE, ["(1, 2, 3)"]),
    ({"size": ((1, 0.5),)}, TYPE, ["0.5", "float"]),
    ({"size": ((True, 1),)}, TYPE, ["bool"]),
    ({"stride": 0}, VALUE, ["stride=0", "less than 1", "at least 1"]),
    ({"stride": -1}, VALUE, ["stride=-1"]),
    ({"stride": (2, 0)}, VALUE, ["stride=(2, 0)"]),
    ({"stride": ()}, VALUE, ["empty"]),
    ({"stride": 1.5}, TYPE, ["1.5", "float"]),
    ({"stride": 2.0}, TYPE, ["float"]),
    ({"stride": True}, TYPE, ["stride=True", "bool"]),
    ({"stride": "2"}, TYPE, ["str"]),
    ({"dilation": 0}, VALUE, ["dilation=0"]),
    ({"dilation": False}, TYPE, ["bool"]),
    ({"upsample": -2}, VALUE, ["upsample=-2"]),
    ({"upsample": None}, TYPE, ["NoneType"]),
    ({"conjugate": 1}, TYPE, ["conjugate=1", "True or False"]),
    ({"reversed_axes": "al"}, VALUE, ["did you mean 'all'?", "cross-correlation"]),
    ({"reversed_axes": 0}, TYPE, ["(0,)"]),
    ({"reversed_axes": True}, TYPE, ["bool"]),
    ({"reversed_axes": (0, 0)}, VALUE, ["repeated"]),
    ({"reversed_axes": (-1,)}, VALUE, ["negative"]),
    ({"reversed_axes": (0.5,)}, TYPE, ["float"]),
    ({"stride": (1, 2), "dilation": (1, 2, 3)}, VALUE, ["stride=(1, 2)", "dilation=(1, 2, 3)", "2 (stride)"]),
    ({"size": ("full",), "boundary": ("edge", "zero")}, VALUE, ["1 (size)", "2 (boundary)"]),
    ({"boundary": ("constant", "edge"), "value": (1, 0, 0)}, VALUE, ["3 (value)"]),
]

CALLS = [
    ("three axes for two", lambda: Convention(stride=(1, 2)).resolve(3), VALUE, ["2 axes on 3"]),
    ("axis beyond the kernel", lambda: Convention(reversed_axes=(2,)).resolve(2), VALUE, ["0 to 1"]),
    ("axes of shapes differ", lambda: CONVOLUTION.windows((3, 3), (3,)), VALUE, ["2 and 1 axes", "batch and channel"]),
    ("empty kernel", lambda: CONVOLUTION.before_after((3, 3), (3, 0)), VALUE, ["(3, 0)", "at least one tap"]),
    ("negative length", lambda: CONVOLUTION.output_shape((-1,), (3,)), VALUE, ["signal_shape=(-1,)"]),
    ("no axis", lambda: CONVOLUTION.anchor((), ()), VALUE, ["signal_shape=()"]),
    ("fractional length", lambda: CONVOLUTION.anchor((3,), (1.5,)), TYPE, ["kernel_shape=1.5"]),
    ("folding border", lambda: Convention(boundary="edge").adjoint((5,), (3,)), VALUE, ["linear_operator"]),
    ("unknown field", lambda: Convention.from_dict({"padding": 1}), VALUE, ["'padding'", "dilation"]),
    ("text for a number", lambda: Convention.from_dict({"boundary": "constant", "value": "x"}), TYPE, ["value='x'"]),
    ("unknown definition", lambda: as_convention("filter"), VALUE, ["'convolution'", "'cross-correlation'"]),
    ("no convention at all", lambda: as_convention(3), TYPE, ["int"]),
    ("oracle, empty kernel", lambda: compute(CONVOLUTION, [1, 2], []), VALUE, ["empty"]),
    ("oracle, axes differ", lambda: compute(CONVOLUTION, [[1, 2]], [1]), VALUE, ["2 and 1 axes"]),
    ("oracle, nothing to copy", lambda: compute(Convention(boundary="edge"), [], [1]), VALUE, ["'edge' on axis 0"]),
    ("boundary of no word", lambda: boundary_of("reflected"), VALUE, ["reflected"]),
]


def assert_refused(call, error, named):
    """Expect this class (and its builtin base), four parts that are all in the message, and these words in it."""
    with pytest.raises(error) as caught:
        call()
    refusal = caught.value
    assert isinstance(refusal, ConventionError)
    assert isinstance(refusal, TypeError if error is TYPE else ValueError)
    shown = " ".join(str(refusal).split())
    for part in (refusal.asked, refusal.found, refusal.allowed, refusal.fix):
        assert part.strip()
        assert " ".join(part.split()) in shown
    assert [word for word in named if word not in str(refusal)] == []


@pytest.mark.parametrize(("fields", "error", "named"), FIELDS, ids=[str(one[0]) for one in FIELDS])
def test_convention_refuses(fields, error, named):
    assert_refused(lambda: Convention(**fields), error, named)


@pytest.mark.parametrize(("call", "error", "named"), [one[1:] for one in CALLS], ids=[one[0] for one in CALLS])
def test_functions_of_a_convention_refuse(call, error, named):
    assert_refused(call, error, named)


def test_check_of_refusals_refuses_what_is_accepted_and_what_names_nothing():
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        assert_refused(lambda: Convention(boundary="edge"), VALUE, [])
    with pytest.raises(AssertionError):
        assert_refused(lambda: Convention(stride=0), VALUE, ["dilation"])


def test_a_value_may_stay_for_the_constant_axes_only():
    assert Convention(boundary=("constant", "edge"), value=5).resolve(2).value == (5, 0)
    assert Convention(boundary="constant", value=(5, 0)).boundary == ("constant", "zero")
    assert Convention(boundary="constant") == Convention()


def test_a_positional_or_unknown_field_is_a_type_error():
    with pytest.raises(TypeError):
        Convention("all")
    with pytest.raises(TypeError):
        Convention(padding=1)


def test_nearest_names_the_closest_word_or_an_example():
    assert nearest("CAUSALL", ["full", "causal"]) == "did you mean 'causal'?"
    assert nearest(3, ["full", "causal"]) == "use one of them, for example 'full'"


BUILTIN = {
    "ConventionError": Exception,
    "ConventionValueError": ValueError,
    "ConventionTypeError": TypeError,
    "ConventionNotImplementedError": NotImplementedError,
    "ConventionOverflowError": OverflowError,
    "ConventionRuntimeError": RuntimeError,
    "ConventionFileError": OSError,
    "MissingLibraryError": ImportError,
}


def test_table_of_builtin_bases_holds_every_error():
    assert {name for name in errors.__all__ if name.endswith("Error")} == set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_every_error_survives_pickling_and_copying(name):
    error = getattr(errors, name)("asked this", "found\nthat", "these", "do so")
    assert isinstance(error, BUILTIN[name])
    again = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in [*again, copy.copy(error), copy.deepcopy(error)]:
        assert type(other) is type(error)
        parts = other.asked, other.found, other.allowed, other.fix
        assert parts == ("asked this", "found\nthat", "these", "do so")
        assert str(other) == str(error) == "asked this: found\nthat\n  allowed: these\n  do: do so"


def test_equal_conventions_are_the_same_for_every_number_type():
    same = [Convention(boundary="constant", value=value) for value in (3, 3.0, 3 + 0j, np.float32(3), np.complex64(3))]
    assert len(set(same)) == 1
    assert all(type(c.axes(1)[0].value) in (int, float) for c in same)
