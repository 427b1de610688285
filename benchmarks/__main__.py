"""``python -m benchmarks``: run cells; ``python -m benchmarks report build/bench.json``: write the page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Run or report; return the exit status."""
    if arguments[:1] == ["report"]:
        from benchmarks import report

        return report.main(arguments[1:], ROOT)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="REGEX", default="", help="only cells whose name or row matches")
    parser.add_argument("--quick", action="store_true", help="some of the cells, 3 rounds")
    parser.add_argument("--reps", type=int, default=0, help="the least number of rounds (7; quick 3)")
    parser.add_argument("--list", action="store_true", help="print the cells' names")
    parser.add_argument("--all-times", action="store_true", help="print every contender of a cell")
    parser.add_argument("--no-probes", action="store_true", help="leave out call overhead, memory and first calls")
    parser.add_argument("-o", "--output", type=Path, help="where to write JSON")
    from benchmarks import session

    return session.run(parser.parse_args(arguments), ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
