"""How does a sink get elements that stay the same when they come again? By stable input.

A sink that changes something outside must see, after a crash, exactly the elements that it saw
before. Flink holds the elements of such a step back until the checkpoint that contains them is
complete; then they come in one bundle, and after a crash the same ones come again.
"""

from typing import Any

import apache_beam as beam
from apache_beam.coders import BooleanCoder
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.direct.direct_runner import (
    BundleBasedDirectRunner,
    SwitchingDirectRunner,
)
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, is_stateful_dofn

_IN_MEMORY = (FnApiRunner, BundleBasedDirectRunner, SwitchingDirectRunner)

UNUSED = ReadModifyWriteStateSpec("unused", BooleanCoder())
"""State for a DoFn that needs none: take it as `_=beam.DoFn.StateParam(UNUSED)`."""


class StableParDo(beam.ParDo):
    """A ParDo of keyed elements that asks for stable input; in memory an ordinary one.

    Input is stable for the runner's whole stage of fused steps, and only steps with state begin a
    stage of their own. Key it by a constant: of elements held back under many keys Flink loses
    some. Errors: ValueError for a DoFn without state.
    """

    def __init__(self, fn: beam.DoFn, *arguments: Any, **named: Any) -> None:
        if not is_stateful_dofn(fn):
            raise ValueError(f"{type(fn).__name__} needs state, or it is fused: see stable.UNUSED")
        super().__init__(fn, *arguments, **named)
        self._is_asked_for = True

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """Runners in memory never give a bundle again, and refuse pipelines that ask."""
        self._is_asked_for = not isinstance(pcoll.pipeline.runner, _IN_MEMORY)
        return super().expand(pcoll)

    def to_runner_api_parameter(  # type: ignore[override]  # Beam's ParDo does the same
        self, context: PipelineContext, **extra: Any
    ) -> tuple[str, beam_runner_api_pb2.ParDoPayload]:
        """The request is a flag in the payload and a requirement of the pipeline."""
        urn, payload = super().to_runner_api_parameter(context, **extra)
        if self._is_asked_for:
            payload.requires_stable_input = True
            context.add_requirement(common_urns.requirements.REQUIRES_STABLE_INPUT.urn)
        return urn, payload
