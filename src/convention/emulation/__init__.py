"""`like`: an operator of another library, with its own signature, computed by our engine.

The original is never imported and never called: what it does is in its catalogue entry.
"""

from convention.emulation.functions import like

__all__ = ["like"]
