"""PyTorch's primitives for the engine; see `convention.arrays.Library` for what each does.

All of them keep the device, and all that touch floating-point values are differentiable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.forward_ad import unpack_dual

from convention.arrays.integers import bits_of, refuse_cast, wrapped_to_int64
from convention.arrays.memory import overlap, overlaps_itself
from convention.errors import ConventionTypeError, ConventionValueError

name = "torch"
types = (torch.Tensor, torch.nn.Parameter)
cost = {"product": 0.2, "transform": 0.8, "call": 8000.0}

_KINDS = {
    torch.bool: "b",
    torch.int8: "i",
    torch.int16: "i",
    torch.int32: "i",
    torch.int64: "i",
    torch.uint8: "u",
    torch.uint16: "u",
    torch.uint32: "u",
    torch.uint64: "u",
    torch.float16: "f",
    torch.bfloat16: "f",
    torch.float32: "f",
    torch.float64: "f",
    torch.complex32: "c",
    torch.complex64: "c",
    torch.complex128: "c",
}
_SUMS = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.complex32: torch.complex64}


def array(name: str, value: torch.Tensor) -> torch.Tensor:
    if type(value) not in types and isinstance(value, torch.masked.MaskedTensor):
        raise ConventionTypeError(
            f"{name} is a masked tensor",
            "a sum over taps has no rule for masked samples",
            "plain tensors",
            f"fill the gaps first, for example {name}.to_tensor(0)",
        )
    if value.dtype not in _KINDS:
        _refuse_dtype(f"{name} with dtype {value.dtype}")
    if value.layout != torch.strided or value.is_nested:
        layout, dense = ("nested", "to_padded_tensor(0)") if value.is_nested else (value.layout, "to_dense()")
        raise ConventionTypeError(
            f"{name} with layout {layout}",
            "no dense tensor",
            "dense (strided) tensors",
            f"convert it: {name}.{dense}",
        )
    return value


def same_device(signal: torch.Tensor, kernel: torch.Tensor) -> None:
    if signal.device != kernel.device:
        raise ConventionValueError(
            f"signal on {signal.device}, kernel on {kernel.device}",
            "two devices",
            "both on the same device",
            "kernel = kernel.to(signal.device)",
        )


def dtype(value: Any) -> torch.dtype:
    if not isinstance(value, torch.dtype):
        raise ConventionTypeError(
            f"dtype={value!r} for a torch tensor",
            f"a {type(value).__name__}",
            ", ".join(str(one) for one in _KINDS),
            "write for example dtype=torch.float32",
        )
    if value not in _KINDS:
        _refuse_dtype(f"dtype={value}")
    return value


def _refuse_dtype(asked: str) -> NoReturn:
    raise ConventionTypeError(
        asked,
        "such elements have no sum of products here",
        ", ".join(str(one) for one in _KINDS),
        "convert it, for example with .to(torch.float32)",
    )


def dtype_named(name: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, name)
    return found


def kind(dtype: torch.dtype) -> str:
    return _KINDS[dtype]


def promoted(*dtypes: torch.dtype) -> torch.dtype:
    # one of them is float or complex, so the width of integers says nothing; with uint16 torch refuses
    first, *others = (one if _KINDS[one] in "fc" else torch.int64 for one in dtypes)
    for other in others:
        first = torch.promote_types(first, other)
    return first


def sum_dtype(dtype: torch.dtype) -> torch.dtype:
    # torch multiplies no uint64; modulo 2**64 int64 has the same sums, and `converted` keeps the bits
    return torch.int64 if dtype == torch.uint64 else _SUMS.get(dtype, dtype)


def epsilon(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps


def largest(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).max


def transforms(dtype: torch.dtype) -> bool:
    return True


def dtype_range(dtype: torch.dtype) -> tuple[int, int]:
    return (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)


def integer_range(array: torch.Tensor) -> tuple[int, int]:
    if not array.numel():
        return 0, 0
    if array.is_meta:  # no elements, only their type
        return dtype_range(array.dtype)
    bits = converted(array, torch.int64)
    low, high = int(bits.min()), int(bits.max())
    if array.dtype == torch.uint64 and low < 0:  # from 2**63 on, the bits read as negative
        return 0, int(bits[bits < 0].max()) + 2**64
    return low, high


def magnitude(array: torch.Tensor) -> float:
    if array.is_meta:
        return inf
    if _KINDS[array.dtype] in "biu":  # torch has no abs() of most of them
        low, high = integer_range(array)
        return float(max(-low, high))
    return float(array.detach().abs().max()) if array.numel() else 0.0


def absolute_sum(array: torch.Tensor, axes: int) -> int | float:
    if not array.numel():
        return 0
    last = tuple(range(-axes, 0))
    if array.is_meta:
        low, high = (-inf, inf) if _KINDS[array.dtype] in "fc" else integer_range(array)
        return max(-low, high) * prod(array.shape[-axes:])
    if _KINDS[array.dtype] in "fc":
        return float(array.detach().abs().double().sum(dim=last).max())
    low, high = integer_range(array)
    if max(-low, high) * array.numel() < 2**63:
        return int(converted(array, torch.int64).abs().sum(dim=last).max())
    rows = array.reshape(-1, prod(array.shape[-axes:])).tolist()
    return max(int(sum(map(abs, row))) for row in rows)  # Python integers do not overflow


def converted(array: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if array.dtype != dtype and {array.dtype, dtype} == {torch.int64, torch.uint64}:
        return array.contiguous().view(dtype)
    return array.to(dtype)


def cast(array: torch.Tensor, dtype: torch.dtype, overflow: str) -> torch.Tensor:
    if array.is_meta:  # no elements that might not fit
        return array.to(dtype)
    if _KINDS[dtype] in "fc":
        return _cast_float(array, dtype, overflow)
    low, high = dtype_range(dtype)
    if _KINDS[array.dtype] == "f":
        return _rounded(array, dtype, overflow, low, high)
    least, greatest = integer_range(array)
    if array.dtype == dtype or (least >= low and greatest <= high):
        return converted(array, dtype)
    if overflow == "raise":
        refuse_cast(str(dtype), least, greatest, low, high)
    bits = converted(array, torch.int64)
    if overflow == "saturate":
        huge = (bits < 0) & (array.dtype == torch.uint64)
        bits = bits.clamp(max(low, -(2**63)), min(high, 2**63 - 1)).masked_fill(huge, min(high, 2**63 - 1))
    elif dtype == torch.bool:
        bits = bits & 1  # the other integer types wrap in .to()
    return converted(bits, dtype)


def _rounded(array: torch.Tensor, dtype: torch.dtype, overflow: str, low: int, high: int) -> torch.Tensor:
    """Round half to even, to the target."""
    array = array.detach().double().round()
    unknown = array.isnan() if overflow == "saturate" else ~array.isfinite()
    if unknown.any():
        refuse_cast(str(dtype), float(array[unknown][0]), float(array[unknown][0]), low, high)
    if overflow == "wrap":
        bits = torch.from_numpy(wrapped_to_int64(array.cpu().numpy())).to(array.device)
        return cast(bits, dtype, overflow)
    below, above = array < low, array >= 2.0 ** bits_of(high)
    outside = below | above
    if outside.any():
        if overflow == "raise":
            refuse_cast(str(dtype), float(array.min()), float(array.max()), low, high)
        array = array.masked_fill(outside, 0.0)
    if dtype == torch.uint64:  # as the bits of int64
        array = torch.where(array >= 2.0**63, array - 2.0**64, array)
        high = -1
    bits = array.to(torch.int64).masked_fill(below, low).masked_fill(above, high)
    return converted(bits, dtype)


def _cast_float(array: torch.Tensor, dtype: torch.dtype, overflow: str) -> torch.Tensor:
    result = array.to(dtype)
    if result is array or not (lost := result.isinf() & array.isfinite()).any():
        return result
    most = torch.finfo(dtype).max
    if overflow != "saturate":
        first = array.detach()[lost][0].item()
        refuse_cast(str(dtype), first, first, -most, most)
    if array.is_complex():
        part = torch.view_as_real(array).clamp(-most, most)
        return torch.where(lost, torch.view_as_complex(part).to(dtype), result)
    return torch.where(lost, array.clamp(-most, most).to(dtype), result)


def zeros(shape: Sequence[int], dtype: torch.dtype, like: torch.Tensor) -> torch.Tensor:
    return torch.zeros(tuple(shape), dtype=dtype, device=like.device)


def extended(
    array: torch.Tensor, axis: int, left: NDArray[np.int64], inside: slice, right: NDArray[np.int64], fill: Any
) -> torch.Tensor:
    if array.dtype == torch.int64 and fill >= 2**63:  # of uint64, summed as the bits of int64
        fill -= 2**64

    def gathered(index: NDArray[np.int64]) -> torch.Tensor:
        shape = (*array.shape[:axis], len(index), *array.shape[axis + 1 :])
        if index[0] < 0:
            return torch.full(shape, fill, dtype=array.dtype, device=array.device)
        return array.index_select(axis, torch.as_tensor(index, device=array.device))

    middle = array.narrow(axis, inside.start, inside.stop - inside.start)
    if not len(left) + len(right):
        return middle
    parts = [gathered(index) if len(index) else None for index in (left, right)]
    return torch.cat([part for part in (parts[0], middle, parts[1]) if part is not None], axis)


def folded(array: torch.Tensor, axis: int, index: NDArray[np.int64], length: int) -> torch.Tensor:
    bits = converted(array, sum_dtype(array.dtype))
    samples = np.flatnonzero(index >= 0)
    source = bits.index_select(axis, torch.as_tensor(samples, device=array.device))
    result = zeros((*array.shape[:axis], length, *array.shape[axis + 1 :]), bits.dtype, array)
    result = result.index_add(axis, torch.as_tensor(index[samples], device=array.device), source)
    return converted(result, array.dtype)


def memory(array: torch.Tensor) -> NDArray[Any] | None:
    if type(array) not in types or not array.is_cpu or array.dtype == torch.uint64:
        return None  # sums of uint64 are those of the bits of int64, which is known here only
    if unpack_dual(array).tangent is not None:  # type: ignore[no-untyped-call]
        return None
    if array.requires_grad:
        if torch.is_grad_enabled():
            return None
        array = array.detach()
    if array.dtype in _SUMS:
        array = array.to(_SUMS[array.dtype])
    try:
        shared: NDArray[Any] = array.numpy()
    except RuntimeError:  # tensors of torch.func, lazily conjugated or negated ones
        return None
    return shared


def tracked(*arrays: torch.Tensor) -> bool:
    """Tell whether gradients are recorded of plain tensors that `memory` could share without them."""
    if not torch.is_grad_enabled() or not any(array.requires_grad for array in arrays):
        return False
    if any(type(array) in types and unpack_dual(array).tangent is not None for array in arrays):  # type: ignore[no-untyped-call]
        return False
    return all(memory(array.detach()) is not None for array in arrays)


class _Recomputed(torch.autograd.Function):
    """A result computed without a record of how; gradients repeat it in a way that torch can follow."""

    @staticmethod
    def forward(ctx: Any, fast: Any, slow: Any, signal: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        ctx.slow = slow
        ctx.save_for_backward(signal, kernel)
        result: torch.Tensor = fast(signal.detach(), kernel.detach())
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        again = torch.is_grad_enabled()  # gradients of gradients are wanted
        inputs = [one if again else one.detach().requires_grad_(one.requires_grad) for one in ctx.saved_tensors]
        with torch.enable_grad():
            result = ctx.slow(*inputs)
            wanted = [one for one in inputs if one.requires_grad]
            found = iter(torch.autograd.grad(result, wanted, gradients, create_graph=again))
        return (None, None, *(next(found) if one.requires_grad else None for one in inputs))


def recomputed(
    fast: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    slow: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    signal: torch.Tensor,
    kernel: torch.Tensor,
) -> torch.Tensor:
    result: torch.Tensor = _Recomputed.apply(fast, slow, signal, kernel)  # type: ignore[no-untyped-call]
    return result


def memory_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    return np.dtype(str(dtype).removeprefix("torch."))


def from_memory(array: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(array)


def to_numpy(array: torch.Tensor) -> NDArray[Any]:
    if array.is_meta:
        raise ConventionValueError(
            f"the elements of a tensor on {array.device}", "it has none", "tensors with data", "move it: to_empty(...)"
        )
    array = array.detach().cpu().resolve_conj().resolve_neg()
    wide = {torch.bfloat16: torch.float32, torch.complex32: torch.complex64}
    result: NDArray[Any] = array.to(wide.get(array.dtype, array.dtype)).numpy()
    return result


def add_product(total: torch.Tensor, factor: torch.Tensor, array: torch.Tensor) -> None:
    total.addcmul_(factor, array)


def reversed_along(array: torch.Tensor, axes: Sequence[int]) -> torch.Tensor:
    return array.flip(tuple(axes)) if axes else array


def circular(signal: torch.Tensor, kernel: torch.Tensor, lengths: Sequence[int], workers: int | None) -> torch.Tensor:
    from scipy.fft import next_fast_len

    axes, real = tuple(range(-len(lengths), 0)), not signal.is_complex()
    size = [next_fast_len(n, real) for n in lengths]
    forward, back = (torch.fft.rfftn, torch.fft.irfftn) if real else (torch.fft.fftn, torch.fft.ifftn)
    result: torch.Tensor = back(forward(signal, size, axes) * forward(kernel, size, axes), size, axes)
    return result


def moved(array: torch.Tensor, source: Sequence[int], target: Sequence[int]) -> torch.Tensor:
    return array.movedim(tuple(source), tuple(target))


def check_out(out: Any, shape: Sequence[int], dtype: torch.dtype, inputs: Sequence[torch.Tensor]) -> None:
    found = None
    array("out", out)
    if tuple(out.shape) != tuple(shape) or out.dtype != dtype:
        found = f"it has shape {tuple(out.shape)} and dtype {out.dtype}"
    elif out.device != inputs[0].device:
        found = f"it is on {out.device}, the inputs are on {inputs[0].device}"
    elif out.requires_grad or (torch.is_grad_enabled() and any(one.requires_grad for one in inputs)):
        found = "gradients cannot flow through out="
    elif out.is_inference() and not torch.is_inference_mode_enabled():
        found = "it was made in inference mode and can be written in inference mode only"
    elif out.is_meta:
        found = None
    elif not out.is_contiguous() and overlaps_itself(_addresses(out)):
        found = "several of its elements share one place in memory"
    elif any(not _apart(out, one) and overlap(_addresses(out), _addresses(one)) for one in inputs):
        found = "it overlaps an input, which would change while it is read"
    if found:
        raise ConventionValueError(
            "out=",
            found,
            f"a tensor of shape {tuple(shape)} and dtype {dtype}, on the inputs' device and in memory of its own",
            f"out = torch.empty({tuple(shape)}, dtype={dtype}), without requires_grad (or under torch.no_grad())",
        )


def _apart(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Tell at once that two tensors without gaps lie one behind the other; False says nothing."""
    if not (one.is_contiguous() and other.is_contiguous()):
        return False
    first, second = one.data_ptr(), other.data_ptr()
    return first + one.nbytes <= second or second + other.nbytes <= first


class _Strided:
    """A tensor's memory as NumPy's array interface describes it: addresses only, on any device, never read."""

    def __init__(self, array: torch.Tensor) -> None:
        size = array.element_size()
        self.__array_interface__ = {
            "version": 3,
            "data": (array.data_ptr(), True),
            "typestr": f"|V{size}",
            "shape": tuple(array.shape),
            "strides": tuple(step * size for step in array.stride()),
        }


def _addresses(array: torch.Tensor) -> NDArray[np.void]:
    return np.asarray(_Strided(array))


def delivered(result: torch.Tensor, out: torch.Tensor | None) -> torch.Tensor:
    if out is None:
        return result.contiguous()
    return out.copy_(result.detach())
