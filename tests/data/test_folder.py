"""A folder of forty nasty files: every one used or left out with the right reason, without a hang or a crash."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse.data import digits, folder

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def flat(colour=RED, size=(40, 40), mode="RGB"):
    return Image.new(mode, size, colour)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(side):
    """A valid PNG of side x side black pixels in a few kilobytes."""
    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def noisy(size=(64, 64)):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))


def palette(transparent=False):
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    return encoded(image, transparency=1) if transparent else encoded(image)


def turned():
    """Left half red, right half blue, and a note that the camera was turned by 90 degrees: red belongs on top."""
    image = flat(RED, (80, 80))
    image.paste(BLUE, (40, 0, 80, 80))
    notes = Image.Exif()
    notes[0x0112] = 6
    return encoded(image, "JPEG", quality=95, exif=notes)


def broken_notes():
    return encoded(flat(GREEN), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")


def animated(kind):
    return encoded(flat(RED), kind, save_all=True, append_images=[flat(BLUE)], duration=50)


def sixteen(kind="PNG"):
    """16-bit grey at 32,896 of 65,535, that is 128 of 255."""
    return encoded(Image.fromarray(np.full((40, 40), 32_896, dtype=np.uint16)), kind)


MIDDLE = 128 / 127.5 - 1
# name -> (content, what must come out): a colour in [0, 255], None for "used, whatever it shows", or why it is left out
# (with "|": versions of Pillow differ)
NASTY = {
    "zero bytes.png": (b"", "empty"),
    "truncated.png": (encoded(noisy())[:3000], "broken"),
    "truncated.jpg": (encoded(noisy(), "JPEG")[:1500], "broken"),
    "header only.png": (encoded(noisy())[:24], "broken|no image"),
    "bomb 169 Mpx.png": (lambda: bomb(13_000), "too many pixels (13,000x13,000)"),
    "bomb 400 Mpx.png": (lambda: bomb(20_000), "too many pixels"),
    "broken checksum.png": (encoded(noisy())[:4000] + b"\0\0\0\0" + encoded(noisy())[4004:], "broken"),
    "jpeg named.png": (encoded(flat(), "JPEG", quality=95), RED),
    "png named.jpg": (encoded(flat()), RED),
    "png named.txt": (encoded(flat()), RED),
    "no ending": (encoded(flat()), RED),
    "text.png": (b"this is no image at all\n" * 40, "no image"),
    "web page.jpg": (b"<!doctype html><html><body>404 not found</body></html>" * 9, "no image"),
    "program.png": (b"MZ\x90\0" + bytes(900), "no image"),
    "postscript.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n", "no image"),
    "vectors.svg": (b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'/>", "no image"),
    "notes.json": (b'{"a": 1}', "no image"),
    "grey.png": (encoded(flat(100, mode="L")), (100, 100, 100)),
    "grey clear.png": (encoded(flat((0, 0), mode="LA")), WHITE),
    "half clear.png": (encoded(flat((255, 0, 0, 128), mode="RGBA")), (255, 127, 127)),
    "clear.png": (encoded(flat((0, 0, 0, 0), mode="RGBA")), WHITE),
    "clear.webp": (encoded(flat((0, 0, 0, 0), mode="RGBA"), "WEBP", lossless=True), WHITE),
    "clear grey by note.png": (encoded(flat(0, mode="L"), transparency=0), WHITE),
    "clear colour by note.png": (encoded(flat(RED), transparency=RED), WHITE),
    "cmyk.jpg": (encoded(flat((0, 255, 255, 0), mode="CMYK"), "JPEG", quality=95), RED),
    "cmyk.tif": (encoded(flat((0, 255, 255, 0), mode="CMYK"), "TIFF"), RED),
    "16 bit.png": (sixteen(), (128, 128, 128)),
    "16 bit.tif": (sixteen("TIFF"), (128, 128, 128)),
    "32 bit.tif": (encoded(Image.fromarray(np.full((40, 40), 10**8, dtype=np.int32)), "TIFF"), "pixels of 32 bits"),
    "fractions.tif": (encoded(flat(0.5, mode="F"), "TIFF"), "pixels with fractions"),
    "palette.png": (palette(), RED),
    "palette clear.png": (palette(transparent=True), WHITE),
    "one bit.png": (encoded(flat(1, mode="1")), WHITE),
    "animated.gif": (animated("GIF"), RED),
    "animated.png": (animated("PNG"), RED),
    "animated.webp": (encoded(flat(RED), "WEBP", save_all=True, append_images=[flat(BLUE)], lossless=True), RED),
    "turned.jpg": (turned(), None),
    "broken notes.jpg": (broken_notes(), GREEN),
    "tiny.png": (encoded(flat(size=(15, 200))), "too small (15x200)"),
    "one pixel.png": (encoded(flat(size=(1, 1))), "too small (1x1)"),
    "wide.png": (encoded(flat(BLUE, size=(2000, 16))), BLUE),
    "just enough.bmp": (encoded(flat(BLUE, size=(16, 16)), "BMP"), BLUE),
    "😀.png": (encoded(flat(BLUE)), BLUE),
    "new\nline.png" if os.name != "nt" else "new line.png": (encoded(flat(BLUE)), BLUE),
    ".hidden.png": (encoded(flat()), "hidden"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0" + bytes(600), "no image"),
}


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    root = tmp_path_factory.mktemp("nasty")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.png").write_bytes(encoded(flat((1, 2, 3))))
    for name, (content, _) in NASTY.items():
        (root / name).write_bytes(content() if callable(content) else content)
    for i in range(folder.FEWEST):
        (root / f"good {i:02}.png").write_bytes(encoded(flat((i, i, i))))
    (root / "a folder.png").mkdir()
    (root / "a folder.png" / "inside.png").write_bytes(encoded(flat(GREEN)))
    (root / ".hidden folder").mkdir()
    (root / ".hidden folder" / "never seen.png").write_bytes(encoded(flat(GREEN)))
    if os.name != "nt":
        os.mkfifo(root / "pipe.png")
        os.symlink(outside / "secret.png", root / "link out.png")
        os.symlink(outside, root / "folder out")
        os.symlink(root, root / "loop")
        os.symlink(root / "nowhere", root / "link to nothing.png")
        (root / os.fsdecode(b"odd \xff bytes.png")).write_bytes(encoded(flat(BLUE)))
    return root


@pytest.fixture(scope="module")
def found(nasty):
    return folder.load(nasty, 32)


def printed(name):
    return name.replace("\n", "\\n")


@pytest.mark.timeout(120)
def test_every_file_is_used_or_named_with_a_reason(nasty, found):
    present = {printed(str(path.relative_to(nasty))) for path in nasty.rglob("*") if not path.is_dir()}
    accounted = set(found.names) | set(found.skipped)
    assert len(found.names) == len(set(found.names)) == len(found.images)
    assert not set(found.names) & set(found.skipped) and all(found.skipped.values())
    assert {name for name in present if "odd" not in name and "never seen" not in name} <= accounted
    assert found.skipped[".hidden folder"] == "hidden" and not any("never seen" in name for name in accounted)
    assert len(NASTY) + 6 >= 40


@pytest.mark.parametrize("name", NASTY)
def test_each_nasty_file(found, name):
    wanted, name = NASTY[name][1], printed(name)
    if isinstance(wanted, str):
        assert found.skipped[name].startswith(tuple(wanted.split("|")))
        return
    image = found.images[found.names.index(name)]
    if wanted is not None:
        got = (image + 1) * 127.5
        assert float((got - torch.tensor(wanted).float()[:, None, None]).abs().max()) <= 3


@posix
def test_links_and_pipes_are_not_followed(found):
    assert found.skipped["pipe.png"] == "no regular file"
    for name in ("link out.png", "folder out", "loop", "link to nothing.png"):
        assert found.skipped[name] == "a link; links are not followed"
    assert not any("secret" in name for name in found.names)
    assert "odd \\xff bytes.png" in found.names


def test_a_folder_that_is_called_like_an_image_is_named_and_looked_into(found):
    assert found.skipped["a folder.png"].startswith("a folder, though its name looks like an image")
    assert os.path.join("a folder.png", "inside.png") in found.names


def test_cameras_are_turned_upright(found):
    image = found.images[found.names.index("turned.jpg")]
    assert float(image[0, 4:12].mean()) > 0.9 and float(image[2, 20:28].mean()) > 0.9  # red above, blue below
    assert float(image[2, 4:12].mean()) < -0.9


@posix
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_may_not_be_read_is_named(tmp_path, monkeypatch, kind):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(encoded(flat()))
    locked = tmp_path / "locked"
    if kind == "folder":
        locked.mkdir()
        opened = os.scandir

        def scandir(path):
            if Path(path) == locked:
                raise PermissionError(13, "Permission denied", str(path))
            return opened(path)

        monkeypatch.setattr(os, "scandir", scandir)  # os.walk lists folders with it
        wanted = "a folder that cannot be opened (Permission denied)"
    else:
        locked.write_bytes(encoded(flat()))
        opened = os.open

        def open_(path, flags, *rest, **more):
            if Path(path) == locked:
                raise PermissionError(13, "Permission denied", str(path))
            return opened(path, flags, *rest, **more)

        monkeypatch.setattr(os, "open", open_)  # the tests may run as root, who may read everything
        wanted = "no permission to read it"
    found = folder.load(tmp_path, 32)
    assert found.skipped == {"locked": wanted} and len(found.images) == 20


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_LARGEST_FILE", 400)
    monkeypatch.setattr(folder, "_MOST_IMAGES", 17)
    for i in range(20):
        (tmp_path / f"{i:02}.png").write_bytes(encoded(flat()))
    (tmp_path / "000 large.png").write_bytes(encoded(noisy()))
    found = folder.load(tmp_path, 32)
    assert found.skipped["000 large.png"] == "too large a file (0 MB)"
    assert [found.skipped[f"{i}.png"] for i in (17, 18, 19)] == ["beyond the first 17 images"] * 3
    assert len(found.images) == 17


# ---------------------------------------------------------------- what comes out


def good(root, count=16, **options):
    for i in range(count):
        (root / f"{i:02}.png").write_bytes(encoded(flat(**options)))
    return root


def test_the_middle_square_is_taken_and_resized(tmp_path):
    good(tmp_path, 15)
    wide = flat(RED, (300, 100))
    wide.paste(BLUE, (100, 0, 200, 100))  # the middle square
    wide.paste(GREEN, (100, 0, 150, 50))  # its upper left quarter
    (tmp_path / "a.png").write_bytes(encoded(wide))
    image = folder.load(tmp_path, 20).images[-1]
    quarters = torch.tensor([GREEN, BLUE, BLUE, BLUE]).float() / 127.5 - 1
    places = (image[:, 1:8, 1:8], image[:, 1:8, 12:19], image[:, 12:19, 1:8], image[:, 12:19, 12:19])
    for place, colour in zip(places, quarters, strict=True):
        assert float((place - colour[:, None, None]).abs().max()) < 0.02


def test_images_are_float_in_range_and_sorted(tmp_path):
    for i in reversed(range(20)):
        (tmp_path / f"{i:02}.png").write_bytes(encoded(flat((12 * i, 0, 255))))
    found = folder.load(str(tmp_path), 24)
    assert found.images.shape == (20, 3, 24, 24) and found.images.dtype == torch.float32 and found.image_size == 24
    assert found.images.is_contiguous() and found.skipped == {}
    assert found.names == tuple(f"{i:02}.png" for i in range(20))
    torch.testing.assert_close(found.images[:, 0, 3, 5], torch.arange(20) * 12 / 127.5 - 1)
    assert float(found.images.min()) == -1 and float(found.images.max()) == 1
    digits.check_images(found.images, channels=3)


def test_grey_is_one_channel_with_the_eyes_weights(tmp_path):
    found = folder.load(good(tmp_path, colour=GREEN), 32, channels=1)
    assert found.images.shape == (16, 1, 32, 32)
    assert float(found.images[0].mean()) == pytest.approx(0.587 * 128 / 127.5 - 1, abs=0.01)


def test_what_was_left_out_is_printed_by_reason(tmp_path, capsys):
    good(tmp_path)
    for i in range(5):
        (tmp_path / f"note {i}.txt").write_text("nothing to see")
    (tmp_path / "small.png").write_bytes(encoded(flat(size=(3, 4))))
    found = folder.load(tmp_path, 32)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"Data: your folder {tmp_path.name}, 16 colour images, 32x32; 6 left out"
    assert said[1].strip() == ("left out 5, no image of a kind that can be read: note 0.txt, note 1.txt, note 2.txt, …")
    assert said[2].strip() == "left out 1, too small: small.png"
    assert len(found.skipped) == 6 and "16 colour images" in repr(found)


def test_fewer_than_sixteen_is_an_error_that_says_so_and_why(tmp_path):
    good(tmp_path, 15)
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ValueError) as caught:
        folder.load(tmp_path, 32)
    assert "at least 16 usable images, but" in str(caught.value) and "has 15" in str(caught.value)
    assert "left out 1, empty: empty.png" in str(caught.value)


def test_the_folder_is_left_as_it_is(tmp_path):
    good(tmp_path)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    folder.load(tmp_path, 32)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("wrong", "fragment"),
    [
        ({"folder": "no such"}, "no such is not there"),
        ({"folder": __file__}, "is a file, not a folder"),
        ({"image_size": 4}, "image_size must be a whole number from 8 to 256, got 4"),
        ({"image_size": 64.0}, "got 64.0"),
        ({"channels": 4}, "channels must be 1 (grey) or 3 (colour), got 4"),
        ({"channels": True}, "channels must be 1 (grey) or 3 (colour), got True"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, wrong, fragment):
    with pytest.raises(ValueError) as caught:
        folder.load(**{"folder": tmp_path} | wrong)
    assert fragment in str(caught.value)


def deep(root, values, kind="png", dtype=np.uint16):
    """Sixteen images of whole numbers, each with all of the values."""
    for i in range(16):
        pixels = np.resize(np.asarray(values, dtype=dtype), (32, 32))
        Image.fromarray(pixels).save(root / f"{i:02}.{kind}")
    return folder.load(root, 32, channels=1)


@pytest.mark.parametrize(
    "values, kind, dtype",
    [([0, 255], "png", np.uint16), ([0, 4095], "png", np.uint16), ([0, 2000], "tiff", np.int32)],
)
def test_whole_numbers_that_do_not_reach_white_are_told(tmp_path, capsys, values, kind, dtype):
    found = deep(tmp_path, values, kind, dtype)
    said = capsys.readouterr().out
    assert f"16 images have 16 bits and values from 0 to {values[1]:,}; white is 65,535: they look black" in said
    assert float(found.images.max()) < 0


def test_whole_numbers_that_reach_white_are_told_without_alarm(tmp_path, capsys):
    deep(tmp_path, [0, 65_535])
    said = capsys.readouterr().out
    assert "values from 0 to 65,535; white is 65,535\n" in said and "one colour" not in said


def test_a_folder_of_nearly_one_colour_is_told(tmp_path, capsys):
    deep(tmp_path, [0, 1, 2, 3], dtype=np.uint8)
    assert "all pixels of all images lie from -1.000 to -0.976 of [-1, 1]: nearly one colour" in capsys.readouterr().out
    (tmp_path / "00.png").write_bytes(encoded(flat((255, 255, 255))))
    folder.load(tmp_path, 32)
    assert "one colour" not in capsys.readouterr().out


def test_further_pages_are_counted(tmp_path, capsys):
    good(tmp_path)
    pages = [flat((i, 0, 255)) for i in range(20)]
    pages[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "film.gif", save_all=True, append_images=[noisy((40, 40)).convert("P"), flat(GREEN)])
    folder.load(tmp_path, 32)
    assert "of 2 files only the first picture was taken: 21 are left" in capsys.readouterr().out
