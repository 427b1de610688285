"""The experiment this project grew from, as data and checks.

`seed.perform()` runs it; nothing here prints. `report` turns its data into text for the terminal and
`article` into the blocks of ``docs/experiment.md``.
"""
