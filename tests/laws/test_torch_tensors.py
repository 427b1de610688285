"""Tensors go in and out: device, dtype, gradients, memory layouts, and the same numbers as NumPy's arrays."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from convention import CROSS_CORRELATION, Convention, apply, convolve, correlate, linear_operator, plan
from draws import INTEGERS, Case, draw_case

torch = pytest.importorskip("torch", reason="about torch's tensors")

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
METHODS = ["direct", "fourier"]
INTEGER = [getattr(torch, name) for name in INTEGERS]
HALF = [torch.float16, torch.bfloat16]
FLOAT = [*HALF, torch.float32, torch.float64]
COMPLEX = [torch.complex64, torch.complex128]


def draw_filled(random: Random, dtypes: tuple[str, str], work: int) -> Case:
    """Draw a case that has outputs."""
    while True:
        case = draw_case(random, dtypes, work)
        if 0 not in case.convention.output_shape(case.signal.shape, case.kernel.shape) and case.signal.size:
            return case


def random_tensors(case: Case, seed: int, dtype: Any) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    shapes = case.signal.shape, case.kernel.shape
    signal, kernel = (torch.randn(shape, dtype=dtype, generator=generator, requires_grad=True) for shape in shapes)
    return signal, kernel


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_gradients_agree_with_finite_differences(dtype: Any, method: str) -> None:
    random = Random(31)
    for seed in range(12):
        case = draw_filled(random, ("float64", "float64"), work=150)
        tensors = random_tensors(case, seed, dtype)

        def function(x: Any, w: Any, c: Convention = case.convention) -> Any:
            return apply(c, x, w, method=method)

        assert torch.autograd.gradcheck(function, tensors), case


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own use of it
@pytest.mark.parametrize("method", METHODS)
def test_second_and_forward_derivatives(method: str) -> None:
    case = draw_filled(Random(7), ("float64", "float64"), work=150)
    tensors = random_tensors(case, 7, torch.float64)

    def function(x: Any, w: Any) -> Any:
        return apply(case.convention, x, w, method=method)

    assert torch.autograd.gradgradcheck(function, tensors)
    assert torch.autograd.gradcheck(function, tensors, check_forward_ad=True, check_backward_ad=False)


def test_gradcheck_refuses_a_wrong_gradient() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(w)
            return convolve(x, w)

        @staticmethod
        def backward(ctx: Any, z: Any) -> Any:  # the gradient of a convolution is a correlation
            return convolve(z, *ctx.saved_tensors), None

    x = torch.arange(5.0, dtype=torch.float64, requires_grad=True)
    w = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(Wrong.apply, (x, w))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_the_gradient_of_the_signal_is_the_adjoint(dtype: str) -> None:
    random = Random(5)
    for _ in range(40):
        case = draw_filled(random, ("int8", "int8"), work=2_000)
        c = Convention.from_dict(
            case.convention.to_dict() | {"boundary": random.choice(["edge", "periodic"]), "value": 0}
        )
        x, w = (torch.from_numpy(a.astype(dtype)) for a in (case.signal, case.kernel))
        if dtype == "complex128":
            w = w * (2 - 3j)
        y = apply(c, x.requires_grad_(), w)
        z = torch.arange(1, y.numel() + 1).to(w.dtype).reshape(y.shape)
        (gradient,) = torch.autograd.grad(y, x, z)
        adjoint = linear_operator(c, w, tuple(x.shape)).rmatvec(z)
        if dtype == "complex128":
            gradient, adjoint = torch.view_as_real(gradient), torch.view_as_real(adjoint)
        assert torch.equal(gradient.round(), adjoint.round())  # "auto" may transform


@pytest.mark.parametrize("dtype", INTEGER, ids=str)
def test_integers_equal_numpys_in_value_and_type(dtype: Any) -> None:
    random, name = Random(3), str(dtype).removeprefix("torch.")
    for _ in range(25):
        case = draw_case(random, (name, random.choice(INTEGERS)))
        expected = apply(case.convention, case.signal, case.kernel)
        found = apply(case.convention, torch.from_numpy(case.signal), torch.from_numpy(case.kernel))
        assert found.numpy().dtype == expected.dtype
        assert found.numpy().tobytes() == expected.tobytes(), case


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("signal", [*INTEGER, *FLOAT, *COMPLEX], ids=str)
def test_every_pair_of_dtypes_has_a_result_and_its_type(signal: Any, method: str) -> None:
    for kernel in [*INTEGER, *FLOAT, *COMPLEX]:
        inexact = [dtype for dtype in (signal, kernel) if dtype not in INTEGER]
        if not inexact and method == "fourier":
            continue
        if inexact:
            expected = torch.promote_types(inexact[0], inexact[-1])
        else:
            unsigned = torch.uint64 in (signal, kernel) and not any(
                "int" in str(d) and "u" not in str(d) for d in (signal, kernel)
            )
            expected = torch.uint64 if unsigned else torch.int64
        for boundary, sums in (("zero", [1, 2, 2, 2]), ("edge", [2, 2, 2, 3])):
            x, w = torch.tensor([1, 0, 1, 1]).to(signal), torch.tensor([1, 1, 1]).to(kernel)
            found = correlate(x, w, method=method, boundary=boundary)
            assert found.dtype == expected, (signal, kernel)
            assert torch.allclose(found.to(torch.complex128), torch.tensor(sums).to(torch.complex128))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", METHODS)
def test_the_device_stays_and_no_default_device_is_taken(device: str, method: str) -> None:
    x, w = torch.arange(6.0, device=device), torch.tensor([1.0, 2.0, 4.0], device=device)
    for boundary in ("zero", "edge"):
        expected = convolve(x, w, boundary=boundary, upsample=2, method=method)
        with torch.device("meta"):
            found = convolve(x, w, boundary=boundary, upsample=2, method=method)
        assert found.device == x.device
        assert torch.equal(found, expected)
    assert convolve(x, w, dtype=torch.int16).device == x.device


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_half_precision_rounds_once_at_the_end(dtype: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    x, w = (torch.randint(-9, 10, (n,), generator=generator).to(dtype) for n in (400, 77))
    sums = convolve(x.to(torch.int64), w.to(torch.int64))
    assert sums.abs().max() > 256  # bfloat16 holds no odd number beyond
    assert torch.equal(convolve(x, w, method="direct"), sums.to(dtype))


def layouts(tensor: Any) -> dict[str, Any]:
    """Return the same integers in other memory, or behind a lazy sign or conjugation."""
    spaced = torch.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)
    spaced[..., ::2] = tensor
    return {
        "non-contiguous": spaced[..., ::2],
        "transposed": tensor.mT.contiguous().mT,
        "offset": torch.cat([tensor[:1], tensor])[1:],
        "conjugated": (tensor + 0j).conj(),
        "negated": torch.complex(0 * tensor, -tensor).conj().imag,
        "parameter": torch.nn.Parameter(tensor.clone()),
        "subclass": tensor.as_subclass(type("Other", (torch.Tensor,), {})),
    }


@pytest.mark.parametrize("method", METHODS)
def test_every_memory_layout_gives_the_same_result(method: str) -> None:
    x = torch.arange(1.0, 31, dtype=torch.float64).reshape(5, 6)
    w = torch.tensor([[1.0, -2.0, 4.0], [0.0, 8.0, -16.0]], dtype=torch.float64)
    expected = convolve(x, w, boundary="edge", method="direct")
    kernels = layouts(w)
    for name, signal in layouts(x).items():
        assert name != "conjugated" or signal.is_conj()
        assert name != "negated" or signal.is_neg()
        for found in (
            convolve(signal, w, boundary="edge", method=method),
            convolve(x, kernels[name], boundary="edge", method=method),
        ):
            assert found.is_contiguous()
            assert torch.equal(found.real.round().detach(), expected)
    expanded = torch.tensor([[3.0]], dtype=torch.float64).expand(5, 6)
    assert torch.equal(convolve(expanded, w, method="direct"), convolve(expanded.contiguous(), w, method="direct"))
    assert torch.equal(
        convolve(x, expanded[:2, :3], method="direct"), convolve(x, torch.full((2, 3), 3.0), method="direct")
    )


def test_a_lazily_conjugated_kernel_is_conjugated_once() -> None:
    x, w = torch.tensor([1, 2j, 3]), torch.tensor([1j, 2])
    assert correlate(x, w.conj(), size="valid").tolist() == [5j, 4]
    assert apply(CROSS_CORRELATION, x, w.conj()).tolist() == correlate(x, w).tolist()


def test_gradients_flow_only_where_torch_records_them() -> None:
    x, w = torch.ones(4, requires_grad=True), torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    assert convolve(x, w).requires_grad
    assert convolve(x, w, dtype=torch.float64).requires_grad
    assert not convolve(x, w, dtype=torch.int64).requires_grad
    with torch.no_grad():
        assert not convolve(x, w).requires_grad
    with torch.inference_mode():
        inference = convolve(x, w)
    assert inference.is_inference()
    assert convolve(inference, torch.tensor([1.0, 1.0])).tolist() == [1, 4, 6, 6]
    assert plan(x, w).method == "direct"


@pytest.mark.parametrize("method", METHODS)
def test_inputs_and_their_gradients_and_versions_stay_untouched(method: str) -> None:
    random = Random(9)
    for seed in range(20):
        case = draw_filled(random, ("float64", "float64"), work=2_000)
        x, w = random_tensors(case, seed, torch.float64)
        kept = x.detach().clone(), w.detach().clone()
        y = apply(case.convention, x, w, method=method)
        assert x.grad is w.grad is None
        torch.autograd.grad(y.sum(), (x, w))
        assert x.grad is w.grad is None
        assert x._version == w._version == 0
        assert torch.equal(x, kept[0])
        assert torch.equal(w, kept[1])


def test_the_result_is_no_view_of_an_input() -> None:
    x, one = torch.arange(4.0), torch.ones(1)
    found = convolve(x, one)
    found += 1
    assert x.tolist() == [0, 1, 2, 3]


def test_uint64_beyond_63_bits() -> None:
    def unsigned(*values: int) -> Any:
        return torch.tensor(values, dtype=torch.uint64)

    big = 2**63 + 7
    assert convolve(unsigned(big, 1), unsigned(1)).tolist() == [big, 1]
    keywords = {"boundary": "constant", "value": big}
    assert correlate(unsigned(1, 2), unsigned(0, 1), **keywords, size="full").tolist() == [1, 2, big]
    operator = linear_operator(Convention(), unsigned(1, 2), (3,))
    assert operator.rmatvec(unsigned(1, 1, 2**62 + 1)).tolist() == [3, 2**63 + 3, 2**62 + 1]
    edge = linear_operator(Convention(boundary="edge"), unsigned(1, 2), (3,))
    assert edge.rmatvec(unsigned(1, 10, 100)).tolist() == [1 + 2 + 20, 10 + 200, 100]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_nan_beyond_the_border_reaches_only_windows_that_leave_the_signal(library: str, bad: float) -> None:
    n, k = 4000, 301  # long enough for "auto" to want a transform
    x, w = np.ones(n, np.float32), np.arange(1, k + 1, dtype=np.float32)
    if library == "torch":
        x, w = torch.from_numpy(x), torch.from_numpy(w)
    found = np.asarray(convolve(x, w, boundary="constant", value=bad))
    assert np.flatnonzero(np.isfinite(found)).tolist() == list(range(k // 2, n - k // 2))
