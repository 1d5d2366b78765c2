"""
All guards of one dependency around a call.

Owns: their order, fixed: fallback > retry > hedge > breaker > limiter > bulkhead > timeout.
Promises: one policy per dependency, at the cost of two frames for a healthy call; settings that
cannot work are refused when built. Speaks: what its guards speak, and `PolicySnapshot`.
"""

from tradesense.resilience.policy.blocks import Block
from tradesense.resilience.policy.figures import BOUNDS_S, Latency, PolicySnapshot
from tradesense.resilience.policy.policies import Policies
from tradesense.resilience.policy.policy import Policy
from tradesense.resilience.policy.settings import PolicySettings

__all__ = ["BOUNDS_S", "Block", "Latency", "Policies", "Policy", "PolicySettings", "PolicySnapshot"]
