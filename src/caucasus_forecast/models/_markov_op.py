"""The marginal log-likelihood of a hidden Markov chain as one PyTensor operation.

Value and gradient come from the same forward-backward pass (`caucasus_forecast.markov`), in Python
and in numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from ..markov import value_and_gradient


class MarkovLogLikelihood(Op):
    """``(log_initial, log_step, which, log_emission) -> (logp, d_initial, d_step, d_emission)``."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Types: (K,), (U, K, K), (T - 1,) integer, (T, K)."""
        log_initial, log_step, which, log_emission = map(pt.as_tensor_variable, inputs)
        outputs = [pt.dscalar(), pt.dvector(), pt.dtensor3(), pt.dmatrix()]
        return Apply(self, [log_initial, log_step, which, log_emission], outputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """The plain-Python road (the kernel itself is compiled)."""
        results = value_and_gradient(*(np.ascontiguousarray(x) for x in inputs))
        for store, result in zip(output_storage, results, strict=True):
            store[0] = np.asarray(result)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """d logp: smoothed probabilities and expected transition counts, times the cotangent."""
        _, d_initial, d_step, d_emission = outputs
        g = cotangents[0]
        return [g * d_initial, g * d_step, disconnected_type(), g * d_emission]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the log-likelihood is differentiable, and not with respect to the step labels."""
        return [[i != 2, False, False, False] for i in range(4)]


@register_funcify_default_op_cache_key(MarkovLogLikelihood)
def _numba(op: MarkovLogLikelihood, **_: Any) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    @numba_njit
    def markov(log_initial: Any, log_step: Any, which: Any, log_emission: Any) -> Any:
        logp, d_initial, d_step, d_emission = value_and_gradient(
            log_initial, log_step, which, log_emission
        )
        return np.asarray(logp), d_initial, d_step, d_emission

    return markov


markov_log_likelihood = MarkovLogLikelihood()
