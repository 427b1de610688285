"""Layers of deep-learning libraries, made from a kernel that is given by hand.

One module per library, named for it; importing this package loads none of them.
"""
