"""The engine: exactly the definition you name, on any array.

`doors` are the public functions; `job` is a checked call; `planner` chooses a method and says why;
`direct` and `fourier` are the methods; `extension` continues the signal past its border.
"""

from convention.engine.doors import apply, convolve, correlate, plan
from convention.engine.planner import Plan

__all__ = ["Plan", "apply", "convolve", "correlate", "plan"]
