"""Arrays that `out=` cannot be, and the refusals of `linear_operator`: before any work, inputs untouched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convention import Convention, convolve, linear_operator
from refusals import LIBRARIES, forbid_sums, make, refusal


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_sums(monkeypatch)


@pytest.mark.usefixtures("idle")
def test_out_of_another_library_or_no_array() -> None:
    torch = pytest.importorskip("torch", reason="mixes two libraries")
    array, tensor = np.ones(3), torch.ones(3, dtype=torch.float64)
    refusal(TypeError, convolve, array, array, out=torch.zeros(3, dtype=torch.float64))
    refusal(TypeError, convolve, tensor, tensor, out=np.zeros(3))
    refusal(TypeError, convolve, tensor, tensor, out=[0.0, 0.0, 0.0])
    refusal(TypeError, convolve, tensor, tensor, out=torch.zeros(3).to_sparse())
    refusal(TypeError, convolve, array, array, out=[0.0, 0.0, 0.0])
    refusal(TypeError, convolve, array, array, out="result")
    refusal(TypeError, convolve, array, array, out=np.ma.zeros(3))


class TestOut:
    @pytest.mark.usefixtures("idle")
    @pytest.mark.parametrize("library", LIBRARIES)
    def test_wrong_shapes_dtypes_and_overlaps(self, library: str) -> None:
        memory = make(library, list(range(12)))
        x, w = memory[:5], make(library, [1, 0, 2])
        cases = {
            "shape": [make(library, [0] * 4), make(library, [[0] * 5])],
            "dtype": [make(library, [0.0] * 5), make(library, [0] * 5, "int32")],
            "overlaps": [x, memory[:5], memory[3:8], memory[4:9], memory[0:10:2]],
        }
        for word, outs in cases.items():
            for out in outs:
                assert word in refusal(ValueError, convolve, x, w, out=out).found, out
        assert "overlaps" in refusal(ValueError, convolve, x, w, size="valid", out=w).found
        refusal(ValueError, convolve, x, w, dtype=make(library, [0], "float32").dtype, out=make(library, [0] * 5))
        pairs = make(library, [[0] * 6] * 2)
        refusal(ValueError, convolve, pairs[:, :4], w, axes=1, out=pairs[:, 2:])

    @pytest.mark.parametrize("library", LIBRARIES)
    def test_the_line_of_the_refusal_makes_one_that_fits(self, library: str) -> None:
        names = {"numpy": np} if library == "numpy" else {"torch": pytest.importorskip("torch", reason="as above")}
        for dtype in ("bool", "uint8", "float32", "complex64"):
            x = make(library, [1, 0, 1], dtype)
            error = refusal(ValueError, convolve, x, x, out=make(library, [0], "float64"))
            scope: dict[str, Any] = dict(names)
            exec(error.fix.split(", without")[0], scope)
            assert convolve(x, x, out=scope["out"]) is scope["out"]
            assert scope["out"].tolist() == [0, 2, 0]

    @pytest.mark.parametrize("library", LIBRARIES)
    def test_views_that_share_no_element_are_accepted(self, library: str) -> None:
        w = make(library, [1, 0, 5])
        memory = make(library, [1, 0, 2, 0, 3, 0])
        assert convolve(memory[::2], w, out=memory[1::2]).tolist() == [2, 8, 10]
        assert memory.tolist() == [1, 2, 2, 8, 3, 10]
        table = make(library, [[1, 2, 3, 0, 0, 0]] * 2)
        convolve(table[:, :3], w, axes=1, out=table[:, 3:])
        assert table.tolist() == [[1, 2, 3, 2, 8, 10]] * 2
        column = make(library, [[1, 7], [2, 7], [3, 7]])
        convolve(column[:, 0], w, out=column[:, 1])
        assert column.tolist() == [[1, 2], [2, 8], [3, 10]]

    @pytest.mark.usefixtures("idle")
    def test_numpy_arrays_that_cannot_be_written(self) -> None:
        x, frozen = np.ones(5, int), np.zeros(5, int)
        frozen.flags.writeable = False
        assert "read-only" in refusal(ValueError, convolve, x, x, out=frozen).found
        refusal(ValueError, convolve, x, x, out=np.broadcast_to(np.zeros(1, int), 5))
        repeated = np.lib.stride_tricks.as_strided(np.zeros(9, int), (5, 5), (8, 8))
        square = np.ones((5, 5), int)
        assert "share one place" in refusal(ValueError, convolve, square, square, out=repeated).found
        floats = np.zeros(8)
        assert "overlaps" in refusal(ValueError, convolve, floats.view(int)[:5], x, dtype=float, out=floats[2:7]).found

    def test_tensors_that_cannot_be_written(self) -> None:
        torch = pytest.importorskip("torch", reason="about torch's tensors")
        x, out = torch.ones(3), torch.zeros(3)
        needs = torch.ones(3, requires_grad=True)
        assert "gradients" in refusal(ValueError, convolve, x, x, out=torch.zeros(3, requires_grad=True)).found
        assert "gradients" in refusal(ValueError, convolve, needs, x, out=out).found
        assert "gradients" in refusal(ValueError, convolve, x, needs, out=out).found
        with torch.no_grad():
            assert convolve(needs, x, out=out).tolist() == [2, 3, 2]
        assert "share one place" in refusal(ValueError, convolve, x, x, out=torch.zeros(1).expand(3)).found
        with torch.inference_mode():
            inference = torch.zeros(3)
            convolve(x, x, out=inference)
        assert "inference" in refusal(ValueError, convolve, x, x, out=inference).found


@pytest.mark.usefixtures("idle")
class TestLinearOperator:
    @pytest.mark.parametrize(
        ("convention", "kernel", "shape", "builtin", "words"),
        [
            (Convention(boundary="constant", value=1), [1, 2], (3,), ValueError, ["affine", "boundary='zero'"]),
            (Convention(boundary=("edge", "constant"), value=(0, 1)), [[1]], (3, 3), ValueError, ["affine"]),
            (Convention(boundary="edge"), [1, 2], (0,), ValueError, ["'zero' on an empty axis"]),
            ("convolution", [1, 2], (5, 5), TypeError, ["as many kernel axes", "one operator per channel"]),
            ("convolution", 3, (5,), TypeError, ["as many kernel axes"]),
            ("convolution", [], (5,), ValueError, ["empty"]),
            ("convolution", None, (5,), TypeError, ["NoneType"]),
            ("convolution", [1], (-5,), ValueError, ["negative"]),
            ("convolution", [1], (5.0,), TypeError, ["float"]),
            ("convolution", [1], (), ValueError, ["no axis"]),
        ],
        ids=lambda one: str(one)[:20],
    )
    def test_operators_that_are_not(
        self, convention: Any, kernel: Any, shape: Any, builtin: Any, words: list[str]
    ) -> None:
        message = str(refusal(builtin, linear_operator, convention, kernel, shape))
        assert [word for word in words if word not in message] == []

    def test_vectors_that_do_not_fit(self) -> None:
        operator = linear_operator(Convention(size="full"), [1, 0, 5], (4,))
        for product, n in (
            (operator.matvec, 4),
            (operator.__matmul__, 4),
            (operator.rmatvec, 6),
            (operator.H.matvec, 6),
        ):
            for wrong in (np.ones(n + 1), np.ones((n, 2)), np.ones((1, n)), np.ones(())):
                assert f"takes {n} samples" in refusal(ValueError, product, wrong).found
            for wrong in (None, "abcd", 1j.__class__, operator):
                refusal(TypeError, product, wrong)
            refusal(ValueError, product, [[1], [2, 3]])
            refusal(TypeError, product, np.array([1] * n, object))

    def test_a_vector_of_another_library(self) -> None:
        torch = pytest.importorskip("torch", reason="mixes two libraries")
        operator = linear_operator("convolution", [1, 0, 5], (4,))
        refusal(TypeError, operator.matvec, torch.ones(4))
        refusal(TypeError, operator.rmatvec, torch.ones(4))


@pytest.mark.parametrize("library", LIBRARIES)
def test_folding_that_could_leave_64_bits(library: str) -> None:
    c = Convention(boundary="edge", size="full")  # all nine products fold onto the one sample
    outputs = make(library, [1, 1, 1])
    assert linear_operator(c, make(library, [2**59] * 3), (1,)).rmatvec(outputs).tolist() == [9 * 2**59]
    refusal(OverflowError, linear_operator(c, make(library, [2**60] * 3), (1,)).rmatvec, outputs)
