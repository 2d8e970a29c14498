"""The plan: which programs are compiled, what runs in them, in which pieces, and whether it fits."""

from jaxcollapse.planning.chunk import Begun, Chunk
from jaxcollapse.planning.plan import Bucket, Plan
from jaxcollapse.planning.planner import plan, share_of
from jaxcollapse.system.machine import Machine, distant_machine, this_machine

__all__ = ["Begun", "Bucket", "Chunk", "Machine", "Plan", "distant_machine", "plan", "share_of", "this_machine"]
