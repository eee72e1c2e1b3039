"""exporting: the same images from another program for any batch, int8 where it says so, a clear word without ONNX."""

import importlib.util
import logging

import pytest
import torch

from gancourse import exporting, runtime
from gancourse.compressing import folding
from gancourse.models import averaging, dense_conv

needs_onnx = pytest.mark.skipif(bool(exporting.missing()), reason=f"not installed: {exporting.missing()}")
Z = torch.randn(70, 64, generator=runtime.generator(1))


@pytest.fixture(scope="module")
def generator():
    with runtime.seeded(0):
        made = dense_conv.Generator(16, width=4, hidden=20)
    averaging.recompute_batch_norm(made, Z.split(35))
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def file(generator, tmp_path_factory):
    return exporting.to_onnx(generator, tmp_path_factory.mktemp("onnx") / "generator.onnx")


# ---------------------------------------------------------------- PyTorch's own


def test_an_exported_generator_takes_any_batch_and_gives_the_same_images(generator):
    again = exporting.exported(generator)
    for count in (1, 2, 3, 70):
        assert exporting.largest_difference(generator, again, Z[:count]) <= 1e-6


def test_one_batch_size_takes_no_other(generator):
    again = exporting.exported(generator, batch_size=2)
    assert exporting.largest_difference(generator, again, Z[:2]) <= 1e-6
    with pytest.raises((AssertionError, RuntimeError)):
        again(Z[:3])


def test_operations_are_those_of_one_call(generator):
    names = exporting.operations(generator)
    assert names.count("linear") == 2 and names.count("conv_transpose2d") == 2 and names.count("batch_norm") == 3
    assert names[0] == "linear" and names[-1] == "tanh"
    assert [name for name in names if name != "batch_norm"] == exporting.operations(folding.folded(generator))


def test_a_generator_in_training_mode_is_refused(generator):
    for call in (exporting.exported, exporting.operations, lambda net: exporting.to_onnx(net, "never.onnx")):
        with pytest.raises(ValueError, match="eval mode"):
            call(dense_conv.Generator(16))
        with pytest.raises(TypeError, match="latent_dim"):
            call(torch.nn.Linear(3, 3).eval())
    with pytest.raises(ValueError, match="batch_size"):
        exporting.exported(generator, batch_size=0)


def test_the_largest_difference_is_found_and_shapes_must_agree():
    assert exporting.largest_difference(lambda z: z, lambda z: z + torch.eye(3), torch.zeros(3, 3)) == 1
    with pytest.raises(ValueError, match="one shape"):
        exporting.largest_difference(lambda z: z, lambda z: z[:1], torch.zeros(3, 3))


# ---------------------------------------------------------------- ONNX


@needs_onnx
def test_onnx_runtime_draws_the_same_images_for_any_batch(generator, file):
    session = exporting.Session(file)
    for count in (1, 2, 70):
        assert exporting.largest_difference(generator, session, Z[:count]) < exporting.TOLERANCE / 10
    wrong = dense_conv.Generator(16, width=4, hidden=20).eval()
    assert exporting.largest_difference(wrong, session, Z) > 100 * exporting.TOLERANCE


@needs_onnx
def test_batch_norm_is_folded_and_operations_are_joined(file):
    names = exporting.Session(file).operations
    assert names.count("FusedGemm") == 2 and names.count("ConvTranspose") == 2 and "BatchNormalization" not in names
    assert len(names) < 10


@needs_onnx
def test_files_say_what_they_store(generator, file):
    held = exporting.stored(file)
    assert {one.number_type for one in held} == {"FLOAT", "INT64"}
    floats = sum(one.count for one in held if one.number_type == "FLOAT")
    assert floats == sum(weight.numel() for weight in folding.folded(generator).parameters())


@needs_onnx
@pytest.mark.parametrize("way", exporting.WAYS)
def test_what_became_whole_numbers(generator, file, way):
    z = Z if way == "static" else None
    target = exporting.to_int8(file, file.parent / f"{way}.onnx", z, way=way)
    held = {one.name: one for one in exporting.stored(target)}
    dense = 64 * 20 + 20 * 16 * 8
    convolutions = 8 * 4 * 16 + 4 * 16
    small = sum(one.count for one in held.values() if one.number_type == "INT8" and "zero_point" not in one.name)
    assert small == dense + (convolutions if way == "static" else 0)
    session = exporting.Session(target)
    for count in (1, 70):
        assert 1e-4 < exporting.largest_difference(generator, session, Z[:count]) < 0.2
    names = session.operations
    before = names[names.index("ConvTranspose") - 1]
    assert (before == "DequantizeLinear") is (way == "static")  # floats again, just for the convolution
    assert target.stat().st_size < file.stat().st_size


@needs_onnx
def test_export_is_quiet_and_leaves_logging_as_it_was(generator, tmp_path, capfd):
    before = logging.root.manager.disable
    exporting.to_onnx(generator, tmp_path / "g.onnx", batch_size=2)
    exporting.to_int8(tmp_path / "g.onnx", tmp_path / "g8.onnx")
    out, err = capfd.readouterr()
    assert out == "" and err == "" and logging.root.manager.disable == before


@needs_onnx
def test_what_int8_and_sessions_refuse(generator, file, tmp_path):
    for given, match in (
        ({"way": "half"}, "way must be one of dynamic, static"),
        ({"way": "static"}, "z must be given"),
        ({"way": "dynamic", "z": Z}, "z must be given"),
        ({"way": "static", "z": Z[:63]}, "at least 64"),
    ):
        with pytest.raises(ValueError, match=match):
            exporting.to_int8(file, tmp_path / "x.onnx", **given)
    fixed = exporting.to_onnx(generator, tmp_path / "two.onnx", batch_size=2)
    with pytest.raises(ValueError, match="must take any batch size, as ranges are measured 64 at a time, not 2"):
        exporting.to_int8(fixed, tmp_path / "x.onnx", Z, way="static")
    with pytest.raises(FileNotFoundError, match="no file"):
        exporting.Session(tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="threads"):
        exporting.Session(file, threads=0)


def test_without_onnx_every_door_says_what_is_missing(generator, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name in ("onnx", "onnxscript") else find(name, *more)
    )
    assert set(exporting.missing()) >= {"onnx", "onnxscript"}
    for call in (
        exporting.needs_onnx,
        lambda: exporting.to_onnx(generator, tmp_path / "g.onnx"),
        lambda: exporting.Session(tmp_path / "g.onnx"),
        lambda: exporting.to_int8(tmp_path / "g.onnx", tmp_path / "h.onnx"),
        lambda: exporting.stored(tmp_path / "g.onnx"),
    ):
        with pytest.raises(ModuleNotFoundError, match=r"onnx, onnxscript.*pip install \"gancourse\[export\]\""):
            call()
    assert exporting.largest_difference(generator, exporting.exported(generator), Z) <= 1e-6
