"""Modules of torch: layers whose weight can be replaced, and others as functions of the signal alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

from numpy.typing import NDArray

from convention.identification.layouts import layout_of
from convention.identification.result import Field
from convention.identification.subject import Presentation, Subject, UndeterminedError

__all__ = ["module_subject"]

_FEW = 64
"""Kernels up to which a layer is asked with all of them."""

_LOOKS = 5
"""Further channels that are looked at to count groups."""

_CHANNELS = (1, 2, 3, 4, 8, 16)
"""Numbers of channels to try where nothing in a module says how many it takes."""


def module_subject(
    module: Any, kernel: NDArray[Any] | None, kernels: Sequence[NDArray[Any]], time_limit: float
) -> Subject:
    """Return a module as a subject: its first channel, with copies of its weight in place of the weight.

    A module whose weight cannot be replaced (there is none, it is computed, or the module is compiled) is asked as
    it is; then its first taps are the known kernel, where it has a weight of so many axes.

    Raises
    ------
    UndeterminedError
        If its weight has no numbers yet.
    """
    name = type(module).__name__
    if any(parameter.is_meta for parameter in module.parameters()):
        raise UndeterminedError(f"the parameters of {name} are on the device meta, which holds no numbers")
    weight = _weight(module)
    if weight is not None and kernel is None:
        layer = _Layer(module, weight)
        if layer.channels:
            with suppress(Exception):  # whatever it raises, it does not compute with the weights it is given
                return layer.subject(kernels, time_limit)
    return _as_it_is(module, weight, kernel, time_limit)


def _weight(module: Any) -> Any:
    """Return a module's weight with 1 to 3 spatial axes; None where it has none."""
    import torch

    weight = getattr(module, "weight", None)
    if isinstance(weight, torch.Tensor) and torch.nn.parameter.is_lazy(weight):
        name = type(module).__name__
        raise UndeterminedError(f"the weight of {name} has no numbers yet: call the module once before")
    return weight if isinstance(weight, torch.Tensor) and 3 <= weight.ndim <= 5 else None


def _real_type(tensor: Any) -> str:
    """Return the type to probe in: the tensor's own, or a real type of 32 or 64 bits in place of other floats."""
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.dtype.is_complex:
        return "float64" if kind == "complex128" else "float32"
    return "float32" if tensor.dtype.is_floating_point and kind not in ("float32", "float64") else kind


class _Layer:
    """A module that computes with whatever weight it is given."""

    def __init__(self, module: Any, weight: Any) -> None:
        self.module, self.weight = module, weight
        self.kind = _real_type(weight)
        self.taps = tuple(int(n) for n in weight.shape[2:])
        self.spatial = tuple(3 * k + 8 for k in self.taps)
        self.first, self.second = (int(n) for n in weight.shape[:2])
        own = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
        self.bias = own.get("bias")
        self.channels = next(self._fitting(), 0) if own.get("weight") is weight else 0
        """Of the signal; 0 where it cannot be asked."""

    def _fitting(self) -> Iterator[int]:
        """Yield numbers of input channels that the module takes."""
        import torch

        groups = getattr(self.module, "groups", 1)
        told = getattr(self.module, "in_channels", 0)
        for count in dict.fromkeys((told, self.second * groups, self.second, self.first)):
            try:
                result = self._called(torch.zeros((count, *self.spatial)), torch.zeros(self.weight.shape))
            except Exception:  # whatever it raises, it does not take them
                continue
            if result.ndim == len(self.taps) + 1:
                yield count

    def _called(self, images: Any, weight: Any) -> Any:
        """Return what the module answers to a stack of channels, with this weight."""
        import torch

        kind = images.dtype if images.is_complex() else getattr(torch, self.kind)
        given = {"weight": weight.to(kind).to(self.weight.device)}
        if self.bias is not None:
            bias = self.bias
            bias = (bias.real if bias.is_complex() else bias).to(kind)
            # a smaller weight has fewer outputs
            given["bias"] = bias if weight.shape[0] == self.first else bias[: weight.shape[0]]
        with torch.no_grad():  # the module keeps its own
            signal = images.to(kind).to(self.weight.device)[None]
            return torch.func.functional_call(self.module, given, (signal,))[0]

    def _first(self, signal: Any, taps: Any, channels: int, shape: tuple[int, int]) -> Any:
        """Return the first channel's answer to the first channel, with a weight of this shape."""
        import torch

        images = torch.zeros((channels, *signal.shape), dtype=signal.dtype)
        weight = torch.zeros((*shape, *taps.shape), dtype=taps.dtype)
        images[0], weight[0, 0] = signal, taps
        return self._called(images, weight)[0]

    def subject(self, kernels: Sequence[NDArray[Any]], time_limit: float) -> Subject:
        """Return the layer as a subject; its padding may have been computed from this one kernel shape."""
        import torch

        order, groups = self._combined()
        channels, shape = self._smallest(groups)
        own = str(self.weight.dtype).removeprefix("torch.")

        def ask(signal: NDArray[Any], taps: NDArray[Any]) -> Any:
            return self._first(torch.from_numpy(signal), torch.from_numpy(taps), channels, shape)

        return Subject(
            ask,
            name=type(self.module).__name__,
            kernels=tuple(kernels),
            kernel_shape=self.taps,
            ndims=(len(self.taps),),
            pairs=((self.kind, self.kind),),
            layout=layout_of("NC*", f"{order}*", len(self.taps)),
            groups=groups,
            notes=() if own == self.kind else (f"its weight is {own}; it was probed with copies in {self.kind}",),
            time_limit=time_limit,
        )

    def _smallest(self, groups: Field) -> tuple[int, tuple[int, int]]:
        """Return so many channels, and a weight of so many, as give the same answer with the least work."""
        import torch

        whole = self.channels, (self.first, self.second)
        if self.first * self.second <= _FEW or groups.state != "settled":
            return whole
        few = groups.value, (groups.value, 1)
        signal, taps = torch.randn(self.spatial), torch.randn(self.taps)
        try:
            same = torch.allclose(self._first(signal, taps, *few), self._first(signal, taps, *whole), atol=1e-4)
        except Exception:  # whatever it raises, it wants all of them
            return whole
        return few if same else whole

    def _combined(self) -> tuple[str, Field]:
        """Return the order of the weight's channels, and how many groups they form."""
        import torch

        silence = self._called(torch.zeros((self.channels, *self.spatial)), torch.zeros(self.weight.shape))
        outputs = silence.shape[0]

        def responding(channel: int, weight: Any) -> list[int]:
            """Return the result's channels that a signal in one channel changes."""
            images = torch.zeros((self.channels, *self.spatial))
            images[channel] = 1
            change = (self._called(images, weight) - silence).abs().flatten(1).amax(1) > 0
            return [int(n) for n in change.nonzero().flatten()]

        each = max(1, len(responding(0, torch.ones(self.weight.shape))))
        groups = max(1, outputs // each)
        inside = max(1, self.channels // groups)
        looked_at = sorted({round(part * (self.channels - 1) / _LOOKS) for part in range(_LOOKS + 1)})
        blocks = [list(range(channel // inside * each, (channel // inside + 1) * each)) for channel in looked_at]
        even = [responding(channel, torch.ones(self.weight.shape)) for channel in looked_at] == blocks
        straight = (outputs, self.channels) == (self.first, groups * self.second)
        crosswise = (self.channels, outputs) == (self.first, groups * self.second)
        if straight and crosswise and self.second > 1:
            one = torch.zeros(self.weight.shape)
            one[self.first - 1, 0] = 1  # links the first channel of a group to this output, or this input to that one
            straight = self.first - 1 in responding(self.channels - inside, one)
        elif straight and crosswise:
            straight = not getattr(self.module, "transposed", False)
        if even and (straight or crosswise):
            return ("OI" if straight else "IO"), Field(value=groups)
        return "OI", Field(value=groups, state="open", reason="its channels are not combined in even groups")


def _as_it_is(module: Any, weight: Any, kernel: NDArray[Any] | None, time_limit: float) -> Subject:
    """Return a module as a function of the signal: its first channel in, its first channel out."""
    import torch

    parameter = next(module.parameters(), None)
    kind = "float32" if parameter is None else _real_type(parameter)
    own = kind if parameter is None else str(parameter.dtype).removeprefix("torch.")
    device = "cpu" if parameter is None else parameter.device
    try:
        copy = deepcopy(module)  # which may count its calls
    except Exception:  # whatever a module of the user's own does when it is copied
        copy = module
    notes = ["it is in training mode; module.eval() ends that"] if module.training and _remembers(module) else []
    if own != kind:
        copy = copy.to(getattr(torch, kind)) if copy is not module else copy
        notes.append(f"its parameters are {own}; a copy of it was probed in {kind}")
    if weight is not None and kernel is None:
        taps = weight.detach()[0, 0].cpu()
        kernel = (taps.real if taps.is_complex() else taps).double().numpy()
        notes.append("its weight cannot be replaced: the kernel of its first channel was taken as it is")

    def ask(signal: Any) -> Any:
        with torch.no_grad():
            return copy(signal.to(device))

    return Subject(
        ask,
        name=type(module).__name__,
        takes_kernel=False,
        kernel=None if kernel is None or not kernel.any() else kernel,
        ndims=(2, 1, 3) if kernel is None else (kernel.ndim,),
        pairs=((kind, kind),),
        presentations=tuple(_presentations(module)),
        notes=tuple(notes),
        time_limit=time_limit,
    )


def _remembers(module: Any) -> bool:
    """Tell whether training mode matters: a part of the module is random, or counts its calls."""
    import torch

    parts = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._NormBase)
    return any(isinstance(part, parts) for part in module.modules())


def _presentations(module: Any) -> Iterator[Presentation]:
    """Yield ways to hand over a signal: with as many channels as the first part that says so takes, or others."""
    told: list[int] = []
    for part in module.modules():
        counts = (getattr(part, name, None) for name in ("in_channels", "num_features", "num_channels"))
        told += [count for count in counts if isinstance(count, int) and count > 0]
    for parameter in module.parameters():
        told += [int(n) for n in parameter.shape[:2]] if 3 <= parameter.ndim <= 5 else []
    for count in dict.fromkeys((*told[:3], *_CHANNELS)):
        yield Presentation("NC*", "OI*", tensors=True, channels=count)
    yield Presentation(tensors=True)
