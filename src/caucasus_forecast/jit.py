"""How the library compiles numerical code: cached on disk, with IEEE division.

Division by zero gives an infinity or NaN, as in NumPy. A compiled function that a sampler calls
through its address cannot raise: a value that is not finite is how it says no.
"""

from numba import njit

compiled = njit(cache=True, error_model="numpy")
