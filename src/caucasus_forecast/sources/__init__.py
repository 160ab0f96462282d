"""Public sources of counts, fetched on request and kept in the user's cache.

Nothing here touches the network until one of its functions is called.
"""

from .acled import acled
from .fetched import Fetched
from .ucdp import ucdp
from .ucdp_fetched import UcdpFetched
from .ucdp_vintages import ucdp_vintages

__all__ = ["Fetched", "UcdpFetched", "acled", "ucdp", "ucdp_vintages"]
