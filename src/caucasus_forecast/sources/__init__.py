"""Public sources of counts, fetched on request and kept in the user's cache.

Nothing here touches the network until one of its functions is called.
"""

from .fetched import Fetched
from .ucdp import ucdp
from .ucdp_vintages import ucdp_vintages

__all__ = ["Fetched", "ucdp", "ucdp_vintages"]
