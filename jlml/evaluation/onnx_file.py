"""A module as an ONNX file, compared with PyTorch by ONNX Runtime."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from io import StringIO

import torch
from torch import Tensor, nn

from jlml.errors import UserError, extra_needed, reason_of

with extra_needed("onnx", "An export needs ONNX"):
    import onnxruntime
    from onnxscript import ir

OPSET = 18  # the oldest that torch exports to without a conversion
TOLERANCE = 1e-4


def as_onnx(
    file: str, module: nn.Module, name: str, inputs: Tensor, metadata: Mapping[str, str]
) -> tuple[bytes, float]:
    """The content of an ONNX file, and its largest difference from PyTorch.

    The file is run with all inputs, and with the first alone: a program can be right for one batch size only.

    Args:
        file: name of the file, for messages.
        module: maps inputs to outputs by name.
        name: name of the inputs.
        inputs: a batch.
        metadata: texts for the file.

    Raises:
        UserError: the module cannot be exported, or its file returns something else.
    """
    try:
        content = exported(module, name, inputs, metadata)
        differences = [difference_from(module, content, name, some) for some in (inputs, inputs[:1])]
    except Exception as error:  # a user's class can raise any error
        raise UserError(f"{file} cannot be made: {reason_of(without_advice(error))}.") from error
    largest = torch.tensor(differences).max().item()  # keeps NaN, unlike `max`
    if not largest <= TOLERANCE:
        raise UserError(
            f"{file} differs from PyTorch by {largest:.1e}, and {TOLERANCE:.0e} is allowed: nothing is kept."
        )
    return content, largest


def exported(module: nn.Module, name: str, inputs: Tensor, metadata: Mapping[str, str]) -> bytes:
    """The content of an ONNX file that takes any batch size."""
    outputs = list(module(inputs))
    with silent():
        program = torch.onnx.export(
            module.eval(),
            (inputs[[0, -1]],),  # a batch of one would be taken for a constant
            input_names=[name],
            output_names=outputs,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        ir.passes.common.ClearMetadataAndDocStringPass()(program.model)  # it has paths of this machine
        program.model.metadata_props.update(metadata)
        return program.model_proto.SerializeToString()


def difference_from(module: nn.Module, content: bytes, name: str, inputs: Tensor) -> float:
    """The largest difference in any output, relative to the output's largest value if that is above 1."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, too
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    expected = module(inputs)
    found = session.run(list(expected), {name: inputs.numpy()})
    differences = [
        (torch.from_numpy(ours) - theirs).abs().max() / theirs.abs().max().clamp_min(1)
        for ours, theirs in zip(found, expected.values(), strict=True)
    ]
    return torch.stack(differences).max().item()


@contextmanager
def silent() -> Iterator[None]:
    """Silences the exporter, whose warnings are about the code of libraries."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(disabled)


def without_advice(error: BaseException) -> BaseException:
    """The error below those of the exporter, which only say what to do with PyTorch's code."""
    while isinstance(error, torch.onnx.OnnxExporterError) and error.__cause__ is not None:
        error = error.__cause__
    return error
