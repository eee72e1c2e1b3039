"""A generator handed to other programs: exported by PyTorch, run by ONNX Runtime, its weights as whole numbers.

    exporting.to_onnx(generator, "generator.onnx")
    session = exporting.Session("generator.onnx")
    exporting.largest_difference(generator, session, z) < exporting.TOLERANCE

ONNX is a format for networks that many programs read, and ONNX Runtime is one that runs it. Both are optional:
``pip install "gancourse[export]"``. ``torch.export`` is part of PyTorch and always there.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import whole_between

if TYPE_CHECKING:
    from onnxruntime.quantization import CalibrationDataReader

__all__ = [
    "PACKAGES",
    "TOLERANCE",
    "WAYS",
    "Session",
    "Stored",
    "exported",
    "largest_difference",
    "missing",
    "needs_onnx",
    "operations",
    "stored",
    "to_int8",
    "to_onnx",
]

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What ONNX needs beyond PyTorch."""

TOLERANCE = 1e-4
"""How far pixels may differ when the same weights run elsewhere.

Sums of a few hundred products in another order differ by some 1e-6 in float32. A hundred times as much is still less
than a seventieth of one grey level of an image with 256 of them, which are 2/255 = 0.0078 apart in [-1, 1]. A wrong
weight, a missing batch norm or a wrong order of axes moves pixels by 0.1 and more.
"""

WAYS = ("dynamic", "static")
"""When the range of what a layer reads is measured: in every call, or once before."""

_EXAMPLES, _INPUT, _OUTPUT, _PIECE = 3, "z", "images", 64


class Stored(NamedTuple):
    """A set of numbers in an ONNX file.

    Attributes:
        name: in the file.
        number_type: such as "FLOAT", "INT8" or "INT32".
        count: how many numbers.
    """

    name: str
    number_type: str
    count: int


# ---------------------------------------------------------------- by PyTorch alone


def exported(network: nn.Module, *, batch_size: int | None = None) -> Callable[[Tensor], Tensor]:
    """Return the network as ``torch.export`` writes it down: a list of operations, without the Python around them.

    Args:
        network: a generator in eval mode with ``latent_dim``.
        batch_size: the only one that the result takes; None for any.
    Returns:
        A function of z, shape (N, latent_dim).
    Raises:
        TypeError, ValueError: the network is in training mode, or no generator.
    First met in: notebook 21.
    """
    return _program(network, batch_size).module()


def operations(network: nn.Module) -> list[str]:
    """Return the operations that one call of the network makes one after the other, by PyTorch's names.

    Args:
        network: a generator in eval mode with ``latent_dim``.
    First met in: notebook 21.
    """
    nodes = _program(network, _EXAMPLES).graph.nodes
    return [str(node.target).removeprefix("aten.").partition(".")[0] for node in nodes if node.op == "call_function"]


def _program(network: nn.Module, batch_size: int | None) -> torch.export.ExportedProgram:
    z, shapes = _example(network, batch_size)
    with torch.no_grad():
        return torch.export.export(network, (z,), dynamic_shapes=shapes)


def _example(network: nn.Module, batch_size: int | None) -> tuple[Tensor, tuple[dict[int, Any]] | None]:
    """Return z to export with, and which of its sizes are free."""
    if not isinstance(network, nn.Module) or not hasattr(network, "latent_dim"):
        raise TypeError(f"network must be a generator with latent_dim, got {type(network).__name__}")
    if network.training:
        raise ValueError("network must be in eval mode: in training mode batch norm reads the batch; call .eval()")
    count = _EXAMPLES if batch_size is None else whole_between("batch_size", batch_size, 1)
    z = torch.zeros(count, network.latent_dim, device=next(network.parameters()).device)
    return z, ({0: torch.export.Dim("batch", min=1)},) if batch_size is None else None


# ---------------------------------------------------------------- by ONNX


def missing() -> tuple[str, ...]:
    """Return those of :data:`PACKAGES` that are not installed; nothing is imported.

    First met in: notebook 21.
    """
    return tuple(name for name in PACKAGES if importlib.util.find_spec(name) is None)


def needs_onnx() -> None:
    """Do nothing if ONNX is at hand.

    Raises:
        ModuleNotFoundError: it is not; the error names what is missing and how to get it.
    First met in: notebook 21.
    """
    if absent := missing():
        raise ModuleNotFoundError(
            f"ONNX needs {', '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not installed: "
            'pip install "gancourse[export]"'
        )


def to_onnx(network: nn.Module, path: str | Path, *, batch_size: int | None = None) -> Path:
    """Write the network to an ONNX file, and return its path.

    The exporter folds batch norm into the layers before it, see :func:`gancourse.compressing.folding.folded`.

    Args:
        network: a generator in eval mode with ``latent_dim``.
        path: of the file, which is overwritten.
        batch_size: the only one that the file takes; None for any.
    Raises:
        ModuleNotFoundError: ONNX is not installed.
        TypeError, ValueError: the network is in training mode, or no generator.
    First met in: notebook 21.
    """
    z, shapes = _example(network, batch_size)
    needs_onnx()
    path = Path(path)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            network, (z,), dynamic_shapes=shapes, input_names=[_INPUT], output_names=[_OUTPUT], dynamo=True,
            verbose=False,
        )  # fmt: skip
        program.save(path)
    return path


class Session:
    """A network in a file, run by ONNX Runtime on the CPU: call it as the generator is called.

    Args:
        path: an ONNX file that takes z and gives images, such as :func:`to_onnx` writes.
        threads: how many it may use.
    Raises:
        ModuleNotFoundError: ONNX Runtime is not installed.
        FileNotFoundError: there is no such file.
        ValueError: threads is no such number.
    Attributes:
        operations: what is run, one after the other, after ONNX Runtime has joined what it can join.
    First met in: notebook 21.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        threads = whole_between("threads", threads, 1)
        needs_onnx()
        import onnxruntime

        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self.path = path
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, z: Tensor) -> Tensor:
        """Return images, shape (N, C, S, S), of z, shape (N, latent_dim), float32 on the CPU."""
        return torch.from_numpy(self._session.run(None, {self._input: z.detach().cpu().numpy()})[0])

    @property
    def operations(self) -> list[str]:
        import onnx
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # more than this is bound to a processor and has names of its own
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        with tempfile.TemporaryDirectory() as folder:
            options.optimized_model_filepath = str(Path(folder) / "joined.onnx")
            onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
            return [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]


def to_int8(path: str | Path, target: str | Path, z: Tensor | None = None, *, way: str = "dynamic") -> Path:
    """Write a copy of an ONNX file whose weights are whole numbers of 8 bits, and return its path.

    Both ways round the weights of each output channel by a step of its own. They differ in the layer's input, which is
    rounded to 8 bits too, so that whole numbers are multiplied with whole numbers:

    - "dynamic" measures its range in every call. Dense layers only: transposed convolutions stay as they were.
    - "static" measures it once, on ``z``. All weights are stored as whole numbers. But ONNX Runtime has no transposed
      convolution of whole numbers: it turns those back to floats when it runs them, as ``Session.operations`` shows.

    Args:
        path: from :func:`to_onnx`.
        target: of the new file, which is overwritten.
        z: for "static" at least 64 latent vectors, shape (N, latent_dim).
        way: one of :data:`WAYS`.
    Raises:
        ModuleNotFoundError: ONNX is not installed.
        ValueError: ``way`` is unknown, ``z`` does not fit it, or "static" is asked of a file for one batch size.
    First met in: notebook 21.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, got {way!r}")
    if (z is None) != (way == "dynamic"):
        raise ValueError('z must be given for "static", which measures ranges on it, and for nothing else')
    needs_onnx()
    from onnxruntime import quantization

    with _quiet():
        if way == "dynamic":
            quantization.quantize_dynamic(path, target, weight_type=quantization.QuantType.QInt8, per_channel=True)
        else:
            if z.ndim != 2 or len(z) < _PIECE:
                raise ValueError(f"z must be at least {_PIECE} latent vectors, got shape {tuple(z.shape)}")
            if isinstance(fixed := _batch_size(path), int):
                raise ValueError(
                    f"path must take any batch size, as ranges are measured {_PIECE} at a time, not {fixed}"
                )
            quantization.quantize_static(path, target, _reader(z), per_channel=True)
    return Path(target)


def stored(path: str | Path) -> list[Stored]:
    """Return the numbers that an ONNX file holds, set by set.

    Args:
        path: of the file.
    Raises:
        ModuleNotFoundError: ONNX is not installed.
    First met in: notebook 21.
    """
    needs_onnx()
    import onnx

    name_of = onnx.TensorProto.DataType.Name
    sets = onnx.load(path).graph.initializer
    return [Stored(one.name, name_of(one.data_type), math.prod(one.dims)) for one in sets]


@torch.no_grad()
def largest_difference(one: Callable[[Tensor], Tensor], other: Callable[[Tensor], Tensor], z: Tensor) -> float:
    """Return the largest absolute difference between two networks' pixels for the same z.

    Args:
        one, other: functions from z to images of the same shape.
        z: shape (N, latent_dim).
    Raises:
        ValueError: the shapes differ, which could be compared by broadcasting and must not be.
    First met in: notebook 21.
    """
    a, b = one(z).cpu(), other(z).cpu()
    if a.shape != b.shape:
        raise ValueError(f"both must give images of one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    return float((a - b).abs().max())


def _batch_size(path: str | Path) -> int | str:
    """Return how many z a file takes: a number, or the name of a number that is free."""
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_inputs()[0].shape[0]


def _reader(z: Tensor) -> CalibrationDataReader:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.pieces = iter(z.split(_PIECE))

        def get_next(self) -> dict[str, Any] | None:
            piece = next(self.pieces, None)
            return None if piece is None else {_INPUT: piece.detach().cpu().numpy()}

    return Reader()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what exporters say of operators that no network here has."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
