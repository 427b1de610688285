"""What was found out about a function: fields with their state, and the evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Frame, Layout
from convention.definition import Convention

__all__ = ["Field", "Identification"]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing that was to be found out.

    Attributes
    ----------
    value : object
        What was found, with one entry per axis where the convention has one; for an open field one
        of the values that fit, for a contradicted one None.
    state : str
        ``"settled"``; ``"open"``: several values fit; ``"contradicted"``: none does.
    reason : str
        Why it is not settled, and what would decide it. A settled field may have a remark here.
    candidates : tuple of str
        For an open field, the words that fit, where there are words.
    """

    value: Any
    state: str = "settled"
    reason: str = ""
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Identification:
    """The answer of `identify`.

    Attributes
    ----------
    verdict : str
        One sentence.
    definition : str
        ``"convolution"``, ``"cross-correlation"``, ``"mixed"`` or ``"undetermined"``.
    convention : Convention or None
        One that computes what the function computed in every probe; None where there is none. Its open
        fields hold one of the values that fit.
    fields : dict of str to Field
        The fields of the convention, by name. Where channels were seen, also ``"groups"``: how many groups they
        form, or ``"channels"`` where each is one by itself.
    arithmetic : Arithmetic or None
        How the sums are stored.
    numbers : dict of str to Field
        The fields of the arithmetic, by name.
    layout : Layout or None
        Which axes are what, where the function wants more than spatial axes; 1 for those that had length 1 in
        every call, and may be anything.
    frame : Frame or None
        A ring of outputs that is not computed.
    bias : float
        What is added to every output.
    kernel : array or None
        The kernel of a function of the signal alone: as given, or as recovered.
    domain : dict
        ``"ndim"``, ``"types"`` and ``"kernels"`` that were probed; ``"probed"``, the pairs of shapes;
        ``"refused"``, pairs of shapes with the function's answer; ``"differs"``, pairs of shapes for
        which it does something else.
    evidence : tuple of str
        What was done and seen, in order.
    """

    verdict: str
    definition: str = "undetermined"
    convention: Convention | None = None
    fields: dict[str, Field] = field(default_factory=dict)
    arithmetic: Arithmetic | None = None
    numbers: dict[str, Field] = field(default_factory=dict)
    layout: Layout | None = None
    frame: Frame | None = None
    bias: float = 0.0
    kernel: NDArray[Any] | None = None
    domain: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    resized: Callable[[Sequence[int], Sequence[int]], Convention] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.verdict

    def at(self, signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> Convention | None:
        """Return the convention for these shapes.

        It differs from `convention` only where no size word says how the samples before the signal depend on
        the kernel: then `convention` holds for the kernel that its size field names.
        """
        return self.convention if self.resized is None else self.resized(tuple(signal_shape), tuple(kernel_shape))

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data that JSON can hold."""

        def states(found: dict[str, Field]) -> dict[str, Any]:
            return {name: {key: plain(entry) for key, entry in vars(f).items()} for name, f in found.items()}

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: plain(entry) for name, entry in value.items()}
            if isinstance(value, (list, tuple)):
                return [plain(entry) for entry in value]
            if isinstance(value, np.ndarray):
                return plain(value.tolist())
            if isinstance(value, (bool, int, str)) or value is None:
                return value
            return value if isinstance(value, float) and np.isfinite(value) else str(value)

        def record(of: Any) -> Any:
            return None if of is None else plain(vars(of))

        return {
            "verdict": self.verdict,
            "definition": self.definition,
            "convention": None if self.convention is None else self.convention.to_dict(),
            "fields": states(self.fields),
            "arithmetic": record(self.arithmetic),
            "numbers": states(self.numbers),
            "layout": record(self.layout),
            "frame": record(self.frame),
            "bias": plain(self.bias),
            "kernel": plain(self.kernel),
            "domain": plain(self.domain),
            "evidence": list(self.evidence),
        }
