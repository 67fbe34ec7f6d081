"""Integrals over the day on which a customer leaves who leaves at a rate of his own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

BLOCK = 8192
BLOCK_NODES = 32_768
# An integrand is followed until it has fallen by so much in logs: 1e-16 of its peak.
DROP = 37.0
BOUND_STEPS = 6
# Gauss-Legendre points to choose from: see `_points`.
POINTS = np.array([6, 8, 12, 16, 20, 24, 32, 48, 64])
DISCOUNT_POINTS = 192


class Integrand(NamedTuple):
    """A function of y, ``(y/(alpha+y))^k (alpha/(alpha+y))^u (beta/(beta+y))^q``, one per row.

    In ``v = log1p(y / near)``, near the smaller of alpha and beta, it is
    log-concave, and smooth as far as pi from the real axis, whatever the
    exponents: a Gauss rule between the points where it has fallen by `DROP`
    converges geometrically.
    """

    k: int
    u: np.ndarray
    q: float
    alpha: np.ndarray
    beta: np.ndarray
    near: np.ndarray


class Panel(NamedTuple):
    """Where an integrand counts, in v, its highest logarithm, and the points that resolve it."""

    left: np.ndarray
    right: np.ndarray
    top: np.ndarray
    points: np.ndarray


def log_integral(
    k: int, u: np.ndarray, q: float, alpha: np.ndarray, beta: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """Return the logarithm of the integral of an `Integrand` over y from 0 to `span`."""
    result = np.full(u.size, -np.inf)
    for rows in slices(np.flatnonzero(span > 0), BLOCK):
        integrand = integrand_of(k, u[rows], q, alpha[rows], beta[rows])
        panel = panel_of(integrand, span[rows])
        for part, node, weight in node_blocks(panel.points):
            width, top = (panel.right - panel.left)[part], panel.top[part]
            v = panel.left[part, None] + width[:, None] * node
            height = np.exp(_log_height(_take(integrand, (part, None)), v) - top[:, None])
            mean = np.einsum("ij,j->i", height, weight)
            result[rows[part]] = np.log(mean * width * integrand.near[part]) + top
    return result


def integrand_of(k: int, u: np.ndarray, q: float, alpha: np.ndarray, beta: np.ndarray) -> Integrand:
    """Put the exponents and scales of an integrand together."""
    return Integrand(k, u, q, alpha, beta, np.minimum(alpha, beta))


def _take(integrand: Integrand, rows: np.ndarray | tuple[np.ndarray, None]) -> Integrand:
    k, u, q, alpha, beta, near = integrand
    return Integrand(k, u[rows], q, alpha[rows], beta[rows], near[rows])


def _log_height(integrand: Integrand, v: np.ndarray) -> np.ndarray:
    """Return the logarithm of the integrand in v, over `near`."""
    k, u, q, alpha, beta, near = integrand
    y = near * np.expm1(v)
    height = v - u * np.log1p(y / alpha) - q * np.log1p(y / beta)
    return height - k * np.log1p(alpha / y) if k else height


def panel_of(integrand: Integrand, span: np.ndarray) -> Panel:
    """Find where between 0 and `span` the integrand counts."""
    k, _, _, alpha, _, near = integrand
    end = np.log1p(span / near)
    peak = np.minimum(_peak(integrand), end)
    start = np.zeros_like(end)
    if k:
        y = near * np.expm1(peak)
        bought = y / (alpha + y) * np.exp(-2 * DROP / k - 1 - 9 * np.sqrt(2 / k))
        start = np.log1p(alpha * bought / (1 - bought) / near)
    top = _log_height(integrand, peak)
    left, left_fall = _bound(integrand, top, start, otherwise=0.0)
    right, right_fall = _bound(integrand, top, end, otherwise=end)
    points = _points(k, (right - left) / 2, np.maximum(left_fall, right_fall))
    return Panel(left, right, top, points)


def _peak(integrand: Integrand) -> np.ndarray:
    """Return v where the slope is 0, at the only positive root of a quadratic in y, or 0."""
    k, u, q, alpha, beta, near = integrand
    both = k * (alpha + beta)
    linear = np.where(
        alpha <= beta,
        (1 - u - k) * beta + both - q * alpha,
        (1 - q) * alpha + both - (u + k) * beta,
    )
    square, constant = u + q - 1, k * alpha * beta
    root = np.sqrt(linear**2 + 4 * square * constant)
    # Of the two forms of the root the one that does not subtract.
    small = 2 * constant / np.maximum(root - linear, np.finfo(float).tiny)
    return np.log1p(np.where(linear > 0, (linear + root) / (2 * square), small) / near)


def _bound(
    integrand: Integrand, top: np.ndarray, start: np.ndarray, *, otherwise: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Come from far out to where the integrand has fallen by `DROP`; say how far it falls.

    Newton's method on a concave function never steps past the root from
    there, so that stopping early is safe. Where the start is not far out, the
    bound is `otherwise`.
    """
    bound = np.zeros_like(start) + otherwise
    fall = top - _log_height(integrand, start)
    far = np.flatnonzero(fall > DROP)
    part, v = _take(integrand, far), start[far]
    k, u, q, alpha, beta, near = part
    for _ in range(BOUND_STEPS):
        y = near * np.expm1(v)
        slope = 1 - (near + y) * ((u + k) / (alpha + y) + q / (beta + y))
        if k:
            slope += k * (near + y) / y
        v = v - (_log_height(part, v) - top[far] + DROP) / slope
    bound[far] = v
    return bound, np.minimum(fall, DROP)


def _points(k: int, half: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Choose the number of Gauss points for 13 digits.

    An exponential needs them by the square root of its fall, a pole at
    distance pi by the logarithm of the ellipse through it; a peak of both
    sides takes the most. The constants are measured on 40,000 integrals of
    all exponents and scales.
    """
    if k:
        return np.full(half.size, POINTS[-1])
    ellipse = np.arcsinh(2.5 / np.maximum(half, 1e-300))
    wanted = 3 + np.maximum(3.5 * np.sqrt(np.maximum(fall, 0)), 18 / ellipse)
    return POINTS[np.minimum(np.searchsorted(POINTS, wanted), POINTS.size - 1)]


def node_blocks(points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield rows with the same number of points, and the nodes and weights for 0 to 1."""
    for n in np.unique(points):
        node, weight = _legendre(int(n))
        for part in slices(np.flatnonzero(points == n), max(BLOCK_NODES // int(n), 1)):
            yield part, node, weight


def slices(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield the rows in blocks of a size."""
    for first in range(0, rows.size, size):
        yield rows[first : first + size]


@cache
def _legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    node, weight = np.polynomial.legendre.leggauss(n)
    return (1 + node) / 2, weight / 2


def discounted_lifetime(s: float, beta: np.ndarray, daily_rate: float) -> np.ndarray:
    """Return the mean discounted days before customers leave, in logs of ``1 + t / beta``.

    It is ``beta^s delta^(s-1) U(s, s, delta beta)``; SciPy's U loses digits near
    s = 1 and fails for large s.
    """
    if daily_rate == 0:
        return beta / (s - 1)
    z = daily_rate * beta
    peak = np.maximum(np.log(np.maximum(1 - s, z) / z), 0.0)
    top = (1 - s) * peak - z * np.expm1(peak)
    end = np.log1p((2 * DROP + 10) / z)
    for _ in range(BOUND_STEPS):
        fallen = (1 - s) * end - z * np.expm1(end) - top + DROP
        end -= fallen / (1 - s - z * np.exp(end))
    node, weight = _legendre(DISCOUNT_POINTS)
    v = end[:, None] * node
    height = np.exp((1 - s) * v - z[:, None] * np.expm1(v) - top[:, None])
    return beta * np.exp(top) * end * np.einsum("ij,j->i", height, weight)
