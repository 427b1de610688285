"""The verdict of an identification, as one sentence."""

from __future__ import annotations

from typing import Any

from convention.boundary import BOUNDARIES
from convention.definition import Convention
from convention.identification.model import Model
from convention.identification.result import Field

__all__ = ["brief", "reversal", "sentence"]


def sentence(
    name: str, convention: Convention, fields: dict[str, Field], model: Model, *, recovered: bool, channels: bool
) -> str:
    """Return what a function computes; open fields are named as such.

    Parameters
    ----------
    name : str
        What to call the function.
    convention : Convention
        With its open fields filled in.
    fields : dict of str to Field
        Which of them are open.
    model : Model
        Of its gain, bias and frame.
    recovered : bool
        Whether the kernel was unknown.
    channels : bool
        Whether there may be further output channels, each with a bias of its own.
    """
    ring = model.frame is not None
    parts = [
        _definition(convention, fields["reversed_axes"], recovered=recovered),
        *_sums(convention, fields, ring=ring),
    ]
    if model.gain != "1":
        parts.append(f"times {model.gain} of the kernel" + (" taken absolutely" if "abs" in model.gain else ""))
    if model.scale != 1:
        parts.append(f"times {model.scale:.6g}")
    if model.bias:
        parts.append(f"plus {model.bias:.6g}" + " in the first output channel" * channels)
    if model.frame is not None:
        kind = "copied from the signal" if model.frame.kind == "copied" else f"filled with {model.frame.value:g}"
        parts.append(f"inside a ring {kind}")
    verb = "is" if parts[0].startswith("mixed") else "computes"
    return f"{name} {verb} {', '.join(parts)}"


def brief(text: object, most: int) -> str:
    """Return a text on one line, and no more of it than this."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def reversal(convention: Convention) -> str:
    """Return along which axes the kernel is reversed, in words."""
    if convention.definition == "mixed":
        return f"kernel reversed along axis {', '.join(map(str, convention.reversed_axes))} only"
    return "kernel reversed along every axis" if convention.definition == "convolution" else "kernel not reversed"


def _definition(convention: Convention, field: Field, *, recovered: bool) -> str:
    if field.state == "settled":
        name = {
            "convolution": "a convolution",
            "cross-correlation": "a cross-correlation",
            "mixed": "mixed",
        }
        return f"{name[convention.definition]}: {reversal(convention)}"
    if recovered:
        return (
            "a convolution or a cross-correlation with a kernel of its own: which of the two cannot be told without "
            "knowing that kernel"
        )
    return f"a convolution or a cross-correlation: {field.reason}"


def _sums(convention: Convention, fields: dict[str, Field], *, ring: bool) -> list[str]:
    """Return size, boundary and steps."""
    size, boundary = fields["size"], fields["boundary"]
    parts = [f"size {_quoted(convention.size)}"]
    if size.state != "settled":
        moved = len(size.candidates) == 1
        parts[0] = f"size {size.candidates[0]}" if moved else f"{parts[0]} (open)"
    if boundary.state == "settled":
        word = convention.boundary
        picture = f" ( {BOUNDARIES[word].picture} )" if isinstance(word, str) else ""
        parts.append(f"boundary {_quoted(word)}{picture}")
        if convention.value:
            parts.append(f"value {convention.value}")
    elif not ring:
        few = len(boundary.candidates) < len(BOUNDARIES)
        parts.append("boundary " + " or ".join(map(_quoted, boundary.candidates)) if few else "boundary not seen")
    for step in ("stride", "dilation", "upsample"):
        if getattr(convention, step) != 1:
            parts.append(f"{step} {getattr(convention, step)}")
    return parts + ["kernel conjugated"] * convention.conjugate


def _quoted(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_quoted, value)) + ("," if len(value) == 1 else "") + ")"
    return f'"{value}"' if isinstance(value, str) else str(value)
