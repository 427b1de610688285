"""How fast Convention is beside other libraries: ``make bench``, ``make bench-quick``.

``python -m benchmarks --only REGEX`` runs chosen cells. `cells` is the grid, fixed before the engine was tuned;
`problems` makes a cell's numbers, `truth` sums some outputs by the definition, `contest` refuses wrong results and
times the others, `peers` has one file per library, `limits` measures the machine, `probes` what a cell cannot show
(call overhead, memory, first calls), `targets` the goals, `report` the page.
"""
