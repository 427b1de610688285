"""What misuse costs: six mistakes with the two definitions, each measured, drawn, and with its remedy.

`perform` makes all six; nothing here prints. Each cost is a file of its own; `report` turns them into
text for the terminal and for ``docs/experiment.md``, `page` into one HTML page.
"""

from convention.experiment.consequences.cost import Cost, Figure
from convention.experiment.consequences.data import Photograph, photograph
from convention.experiment.consequences.performance import Consequences, libraries, perform

__all__ = ["Consequences", "Cost", "Figure", "Photograph", "libraries", "perform", "photograph"]
