"""Does the word matter: for a kernel (`check`), and for your data (`compare`).

`reversal` looks at the kernel alone; `bands` runs both definitions piece by piece, `measures` compares the results,
`shift` finds out whether one is the other one moved; `results` decides and says it.
"""

from convention.comparison.results import Comparison, compare
from convention.comparison.reversal import Check, check

__all__ = ["Check", "Comparison", "check", "compare"]
