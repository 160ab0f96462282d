"""Public sources of counts, fetched on request and kept in the user's cache.

Nothing here touches the network until one of its functions is called.
"""

from .fetched import Fetched
from .ucdp import ucdp

__all__ = ["Fetched", "ucdp"]
