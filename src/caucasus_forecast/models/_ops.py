"""Operations with hand-written adjoints, each in Python and in numba.

`Sweep` gives every node's level from the slopes (`caucasus_forecast.affine`);
`MarkovLogLikelihood` sums over the paths of a hidden Markov chain (`caucasus_forecast.markov`);
`LadderEvidence` is both and everything between them in one pass (`caucasus_forecast.kernel`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from .. import affine, kernel
from ..affine import Edges
from ..markov import value_and_gradient


class MarkovLogLikelihood(Op):
    """``(log_initial, log_step, which, log_emission) -> (logp, d_initial, d_step, d_emission)``."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Types: (K,), (U, K, K), (T - 1,) integer, (T, K)."""
        tensors = [pt.as_tensor_variable(x) for x in inputs]
        outputs = [pt.dscalar(), pt.dvector(), pt.dtensor3(), pt.dmatrix()]
        return Apply(self, tensors, outputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """The plain-Python road (the kernel itself is compiled)."""
        results = value_and_gradient(*(np.ascontiguousarray(x) for x in inputs))
        for store, result in zip(output_storage, results, strict=True):
            store[0] = np.asarray(result)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """D logp: smoothed probabilities and expected transition counts, times the cotangent."""
        _, d_initial, d_step, d_emission = outputs
        g = cotangents[0]
        return [g * d_initial, g * d_step, disconnected_type(), g * d_emission]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the log-likelihood is differentiable, and not with respect to the step labels."""
        return [[i != 2, False, False, False] for i in range(4)]


markov_log_likelihood = MarkovLogLikelihood()


@register_funcify_default_op_cache_key(MarkovLogLikelihood)
def _markov(op: MarkovLogLikelihood, **_: Any) -> Any:
    @numba_njit
    def markov(log_initial: Any, log_step: Any, which: Any, log_emission: Any) -> Any:
        logp, d_initial, d_step, d_emission = value_and_gradient(
            log_initial, log_step, which, log_emission
        )
        return np.asarray(logp), d_initial, d_step, d_emission

    return markov


class Sweep(Op):
    """``(slope, last, *arrays) -> level``, shapes (S,), (N, T) and (N, T, 2)."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Types: slope (S,), last (N, T), then the fields of `caucasus_forecast.affine.Edges`."""
        return Apply(self, [pt.as_tensor(x) for x in inputs], [pt.dtensor3()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """The plain-Python road (the kernel itself is compiled)."""
        slope, last, *edges = (np.ascontiguousarray(x) for x in inputs)
        output_storage[0][0] = affine.forward(slope, last, Edges(*edges))

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The adjoint sweep."""
        gradients = sweep_gradient(cotangents[0], outputs[0], *inputs)
        return [*gradients, *(disconnected_type() for _ in inputs[2:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Differentiable in the slopes and in what was carried, not in the arrays of the graph."""
        return [[i < 2] for i in range(len(node.inputs))]


class SweepGradient(Op):
    """``(d_level, level, slope, last, *arrays) -> (d_slope, d_last)``, the adjoint of `Sweep`."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Types: (N, T, 2) twice, then the inputs of `Sweep`."""
        return Apply(self, [pt.as_tensor(x) for x in inputs], [pt.dvector(), pt.dmatrix()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """The plain-Python road (the kernel itself is compiled)."""
        *values, c, e, w, g, m, d, f = (np.ascontiguousarray(x) for x in inputs)
        results = affine.backward(*values, Edges(c, e, w, g, m, d, f))
        for store, result in zip(output_storage, results, strict=True):
            store[0] = result


sweep = Sweep()
sweep_gradient = SweepGradient()


@register_funcify_default_op_cache_key(Sweep)
def _sweep(op: Sweep, **_: Any) -> Any:
    @numba_njit
    def run(slope: Any, last: Any, c: Any, e: Any, w: Any, g: Any, m: Any, d: Any, f: Any) -> Any:
        return affine.forward(slope, last, Edges(c, e, w, g, m, d, f))

    return run


@register_funcify_default_op_cache_key(SweepGradient)
def _sweep_gradient(op: SweepGradient, **_: Any) -> Any:
    @numba_njit
    def run(
        d_level: Any, level: Any, slope: Any, last: Any,
        c: Any, e: Any, w: Any, g: Any, m: Any, d: Any, f: Any,
    ) -> Any:  # fmt: skip
        return affine.backward(d_level, level, slope, last, Edges(c, e, w, g, m, d, f))

    return run


class LadderEvidence(Op):
    """``(slope, base, noise, overdispersion, drift, mobility, packed) -> (logp, gradients)``.

    It carries the digest of the compiled code, so that no cache serves an older kernel.
    """

    __props__ = ("code",)

    def __init__(self) -> None:
        self.code = kernel.code()

    def make_node(self, *inputs: Any) -> Apply:
        """Types: three vectors, three scalars, and the vector of `kernel.pack`."""
        vector, scalar = pt.dvector, pt.dscalar
        outputs = [scalar(), vector(), vector(), vector(), scalar(), scalar(), scalar()]
        return Apply(self, [pt.as_tensor(x) for x in inputs], outputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """The plain-Python road (the kernel itself is compiled)."""
        vectors, scalars, packed = inputs[:3], [float(x) for x in inputs[3:6]], inputs[6]
        results = kernel.evidence_packed(*vectors, *scalars, packed)
        for store, result in zip(output_storage, results, strict=True):
            store[0] = np.asarray(result)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The gradient that came with the value, times the cotangent."""
        return [*(cotangents[0] * d for d in outputs[1:]), disconnected_type()]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """The log evidence is differentiable in the six parameters; nothing else is."""
        return [[i < 6, *[False] * 6] for i in range(7)]


ladder_evidence = LadderEvidence()


@register_funcify_default_op_cache_key(LadderEvidence)
def _ladder_evidence(op: LadderEvidence, **_: Any) -> Any:
    @numba_njit
    def run(
        slope: Any, base: Any, noise: Any, over: Any, drift: Any, mobility: Any, packed: Any
    ) -> Any:
        logp, d_slope, d_base, d_noise, d_over, d_drift, d_mobility = kernel.evidence_packed(
            slope, base, noise, over.item(), drift.item(), mobility.item(), packed
        )
        scalars = np.asarray(d_over), np.asarray(d_drift), np.asarray(d_mobility)
        return np.asarray(logp), d_slope, d_base, d_noise, *scalars

    return run
