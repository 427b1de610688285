"""Images in and out: every sample exactly, every kind of file, and no file half written."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from convention.errors import (
    ConventionError,
    ConventionFileError,
    ConventionTypeError,
    ConventionValueError,
    MissingLibraryError,
)
from convention.files import (
    IMAGE_SUFFIXES,
    Image,
    image_files,
    image_targets,
    in_depth,
    read_image,
    read_signal,
    write_image,
)

PIL = pytest.importorskip("PIL.Image", reason="images need Pillow")
tifffile = pytest.importorskip("tifffile", reason="images need tifffile")

GREY8 = np.array([[0, 1, 127], [128, 254, 255]], dtype=np.uint8)
GREY16 = np.array([[0, 1, 255], [256, 257, 65535]], dtype=np.uint16)
GENERATOR = np.random.default_rng(20)
RGB8, RGB16 = (GENERATOR.integers(0, high, (11, 13, 3)).astype(kind) for high, kind in ((256, "u1"), (65536, "u2")))
ALPHA8, ALPHA16 = (GENERATOR.integers(0, high, (11, 13)).astype(kind) for high, kind in ((256, "u1"), (65536, "u2")))
FLOATS = np.array([[-1.5, np.nan, 1e30], [0.1, np.inf, 3]], dtype=np.float32)


def assert_same(found, expected):
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def refusal_of(path, **keywords) -> ConventionError:
    with pytest.raises(ConventionError) as caught:
        read_image(path, **keywords)
    refusal = caught.value
    assert all((refusal.asked, refusal.found, refusal.allowed, refusal.fix))
    assert repr(str(path)) in refusal.asked
    assert refusal.__suppress_context__ or refusal.__context__ is None  # one message, not two
    return refusal


def stacked(samples, alpha):
    return np.concatenate([samples.reshape(*alpha.shape, -1), alpha[:, :, None]], axis=2)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, *, columns, depth, colour, extra=b"", interlace=0):
    """Return a PNG file around rows of packed bytes, none of them filtered: independent of Pillow and of our own."""
    header = struct.pack(">IIBBBBB", columns, len(rows), depth, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    content = chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def png_of(samples, colour, **options):
    big = samples.astype(samples.dtype.newbyteorder(">"))
    rows = [row.tobytes() for row in big]
    return png(rows, columns=samples.shape[1], depth=8 * samples.itemsize, colour=colour, **options)


def interlaced_png(samples, colour):
    """Return a PNG in the seven passes of Adam7 (PNG specification, section 8.1)."""
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    big = samples.astype(samples.dtype.newbyteorder(">"))
    lines = [row for r, dr, c, dc in passes for row in big[r::dr, c::dc] if row.size]
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in lines))
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 8 * samples.itemsize, colour, 0, 0, 1)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


@pytest.fixture
def put(tmp_path):
    def write(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.mark.parametrize("wrong", [GREY8.astype("u2"), GREY8[:, :2], GREY8 ^ 1])
def test_the_comparison_of_these_tests_refuses_other_types_shapes_and_values(wrong):
    with pytest.raises(AssertionError):
        assert_same(GREY8, wrong)


@pytest.mark.parametrize("pack", [png_of, interlaced_png])
@pytest.mark.parametrize(
    ("samples", "alpha", "colour", "mode"),
    [
        (GREY8, None, 0, "grey, 8 bit"),
        (GREY16, None, 0, "grey, 16 bit"),
        (RGB8, None, 2, "RGB, 8 bit"),
        (RGB16, None, 2, "RGB, 16 bit"),
        (RGB8[:, :, 0], ALPHA8, 4, "grey with alpha, 8 bit"),
        (RGB16[:, :, 0], ALPHA16, 4, "grey with alpha, 16 bit"),
        (RGB8, ALPHA8, 6, "RGB with alpha, 8 bit"),
        (RGB16, ALPHA16, 6, "RGB with alpha, 16 bit"),
    ],
)
def test_png_of_every_kind_is_read_exactly(put, pack, samples, alpha, colour, mode):
    image = read_image(put("a.png", pack(samples if alpha is None else stacked(samples, alpha), colour)))
    assert_same(image.samples, samples)
    assert image.mode == mode
    if alpha is None:
        assert image.alpha is None
    else:
        assert_same(image.alpha, alpha)
    assert image.samples.flags.c_contiguous


@pytest.mark.parametrize(
    ("depth", "row", "expected"),
    [
        (1, 0b1010_0000, [255, 0, 255]),
        (2, 0b00_01_10_11, [0, 85, 170, 255]),
        (4, 0x0F, [0, 255]),
    ],
)
def test_few_bits_of_grey_are_read_as_0_to_255(put, depth, row, expected):
    image = read_image(put("a.png", png([[row]], columns=len(expected), depth=depth, colour=0)))
    assert_same(image.samples, np.array([expected], dtype=np.uint8))
    assert image.mode == f"grey, {depth} bit (read as 0 to 255)"


def test_palettes_become_colours(put):
    palette = chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60, 70, 80, 90]))
    image = read_image(put("a.png", png([[2, 0], [1, 2]], columns=2, depth=8, colour=3, extra=palette)))
    assert_same(image.samples, np.array([[[70, 80, 90], [10, 20, 30]], [[40, 50, 60], [70, 80, 90]]], dtype=np.uint8))
    assert (image.alpha, image.mode) == (None, "palette, 8 bit")
    opacity = chunk(b"tRNS", bytes([0, 128]))
    image = read_image(put("b.png", png([[2, 0], [1, 2]], columns=2, depth=8, colour=3, extra=palette + opacity)))
    assert_same(image.alpha, np.array([[255, 0], [128, 255]], dtype=np.uint8))
    two_bits = read_image(put("c.png", png([[0b10_00_01_00]], columns=3, depth=2, colour=3, extra=palette)))
    assert two_bits.samples[0, :, 0].tolist() == [70, 10, 40]


@pytest.mark.parametrize(
    ("samples", "colour", "key", "where"),
    [
        (GREY8, 0, (127,), (0, 2)),
        (GREY16, 0, (257,), (1, 1)),
        (RGB8, 2, tuple(RGB8[3, 4]), (3, 4)),
        (RGB16, 2, tuple(RGB16[3, 4]), (3, 4)),
    ],
)
def test_one_transparent_colour_becomes_alpha(put, samples, colour, key, where):
    extra = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    image = read_image(put("a.png", png_of(samples, colour, extra=extra)))
    assert_same(image.samples, samples)
    alpha = np.full(samples.shape[:2], np.iinfo(samples.dtype).max, samples.dtype)
    alpha[where] = 0
    assert_same(image.alpha, alpha)


def test_a_transparent_step_of_few_bits_is_found(put):
    extra = chunk(b"tRNS", struct.pack(">H", 2))
    image = read_image(put("a.png", png([[0b00_01_10_11]], columns=4, depth=2, colour=0, extra=extra)))
    assert image.alpha.tolist() == [[255, 255, 0, 255]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("samples", [GREY8, GREY16, RGB8, RGB16, stacked(RGB16, ALPHA16), stacked(RGB8, ALPHA8)])
def test_what_opencv_writes_is_read_exactly(tmp_path, suffix, samples):
    cv2 = pytest.importorskip("cv2", reason="another writer: adaptive PNG filters, LZW in TIFF")
    path = tmp_path / f"a{suffix}"
    order = [2, 1, 0, 3][: samples.shape[2]] if samples.ndim == 3 else ...
    cv2.imwrite(str(path), samples[..., order] if samples.ndim == 3 else samples)
    image = read_image(path)
    assert_same(image.samples, samples[..., :3] if samples.ndim == 3 else samples)
    if samples.shape[2:] == (4,):
        assert_same(image.alpha, samples[..., 3])


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiff_of_every_kind_is_read_exactly(tmp_path, byteorder, compression, planes, kind, channels):
    samples = GENERATOR.integers(0, 256, (5, 7, channels)).astype(kind)
    if kind != "u1":
        samples = samples * samples.dtype.type(255) + samples.dtype.type(3)
    stored = samples[:, :, 0] if channels == 1 else np.moveaxis(samples, 2, 0) if planes == "separate" else samples
    options = {"planarconfig": planes} if channels > 1 else {}
    if channels == 4:
        options["extrasamples"] = ["unassalpha"]
    colours = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric=colours, byteorder=byteorder, compression=compression, **options
    )
    image = read_image(tmp_path / "a.tif")
    assert_same(image.samples, samples[:, :, 0] if channels == 1 else samples[:, :, :3])
    assert (image.alpha is not None) == (channels == 4)
    if channels == 4:
        assert_same(image.alpha, samples[:, :, 3])
    name = {"u1": "8 bit", "u2": "16 bit", "f4": "float32", "f8": "float64"}[kind]
    assert image.mode == ["grey", "RGB", "RGB with alpha"][[1, 3, 4].index(channels)] + ", " + name


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16", "F"])
def test_what_pillow_writes_as_tiff_is_read_exactly(tmp_path, compression, mode):
    base = PIL.fromarray(RGB8)
    if mode == "I;16":
        written = PIL.fromarray(RGB16[:, :, 0].copy())
    else:
        written = base.quantize(7) if mode == "P" else base.convert(mode)
    written.save(tmp_path / "a.tif", compression=compression)
    image = read_image(tmp_path / "a.tif")
    seen = written.convert({"P": "RGB", "1": "L"}.get(mode, mode))
    expected = np.asarray(seen)
    assert_same(image.samples, expected[:, :, :3] if mode == "RGBA" else expected)
    assert (image.alpha is not None) == (mode == "RGBA")
    if mode == "1":
        assert set(np.unique(image.samples)) <= {0, 255}
        assert image.mode == "grey, 1 bit (read as 0 and 255)"


def test_float_tiff_keeps_nan_and_infinity(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FLOATS)
    assert_same(read_image(tmp_path / "a.tif").samples, FLOATS)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_read_as_its_decoder_gives_it(tmp_path, mode):
    even = np.full((9, 17), 77, dtype=np.uint8)  # an even grey survives the compression
    PIL.fromarray(even).convert(mode).save(tmp_path / "a.jpeg")
    image = read_image(tmp_path / "a.jpeg")
    assert_same(image.samples, even if mode == "L" else np.repeat(even[:, :, None], 3, axis=2))
    PIL.fromarray(RGB8).save(tmp_path / "b.jpg")
    assert_same(read_image(tmp_path / "b.jpg").samples, np.asarray(PIL.open(tmp_path / "b.jpg")))


def test_of_several_pictures_in_a_jpeg_file_the_first_is_read(tmp_path):
    first, second = (PIL.fromarray(np.full((8, 8), grey, dtype=np.uint8)) for grey in (50, 200))
    first.save(tmp_path / "a.mpo", save_all=True, append_images=[second])
    path = (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    assert_same(read_image(path).samples, np.full((8, 8), 50, dtype=np.uint8))


# By hand: the picture 1 2 3; 4 5 6, as a file with each orientation has to store it.
STORED = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[3, 6], [2, 5], [1, 4]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[4, 1], [5, 2], [6, 3]],
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["png", "png16", "jpg", "tif", "lzw", "lzw16"])
def test_a_picture_is_turned_as_exif_says(tmp_path, orientation, kind):
    small = np.array(STORED[orientation], dtype=np.uint8)
    stored = np.kron(small * 40, np.ones((8, 8), dtype=np.uint8)) if kind == "jpg" else small
    path = tmp_path / f"a.{ {'png16': 'png', 'lzw': 'tif', 'lzw16': 'tif'}.get(kind, kind) }"
    exif = PIL.Exif()
    exif[0x0112] = orientation
    if kind == "png16":
        rgb = np.repeat(stored[:, :, None].astype(np.uint16) * 257, 3, axis=2)
        path.write_bytes(png_of(rgb, 2, extra=chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))))
    elif kind == "lzw16":
        cv2 = pytest.importorskip("cv2", reason="writes LZW of 16-bit colour")
        cv2.imwrite(str(path), np.repeat(stored[:, :, None].astype(np.uint16) * 257, 3, axis=2))
        data = bytearray(path.read_bytes())
        path.write_bytes(with_orientation(data, orientation))
    elif kind == "tif":
        tifffile.imwrite(path, stored, extratags=[(274, 3, 1, orientation, True)])
    else:
        compression = {"compression": "tiff_lzw"} if kind == "lzw" else {}
        PIL.fromarray(stored).save(path, exif=exif, **compression)
    samples = read_image(path).samples
    if kind == "jpg":
        found = np.rint(samples[4::8, 4::8] / 40)
    else:
        found = samples // 257 if kind.endswith("16") else samples
        found = found[:, :, 0] if found.ndim == 3 else found
    assert found.tolist() == [[1, 2, 3], [4, 5, 6]]


def with_orientation(data, orientation):
    """Return a little-endian TIFF whose directory, copied to the end, has the tag too."""
    assert data[:4] == b"II*\0"
    place = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, place)[0]
    entries = [bytes(data[place + 2 + 12 * n : place + 14 + 12 * n]) for n in range(count)]
    entries = [entry for entry in entries if struct.unpack_from("<H", entry)[0] != 274]
    entries = sorted(
        [*entries, struct.pack("<HHII", 274, 3, 1, orientation)], key=lambda e: struct.unpack_from("<H", e)
    )
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    end = len(data) + len(data) % 2
    moved = bytes(data).ljust(end, b"\0") + directory
    return moved[:4] + struct.pack("<I", end) + moved[8:]


def test_the_written_picture_is_upright_and_says_nothing_else(tmp_path):
    exif = PIL.Exif()
    exif[0x0112] = 6
    PIL.fromarray(np.array(STORED[6], dtype=np.uint8)).save(tmp_path / "a.png", exif=exif, dpi=(100, 200))
    image = read_image(tmp_path / "a.png")
    assert [round(number) for number in image.dpi] == [200, 100]
    for name in ("b.png", "b.jpg", "b.tif"):
        write_image(image.samples, tmp_path / name, like=image)
        with PIL.open(tmp_path / name) as again:
            assert again.getexif().get(0x0112, 1) == 1
            assert again.size == (3, 2)


KINDS = {
    ".png": ("u1", "u2"),
    ".jpg": ("u1",),
    ".jpeg": ("u1",),
    ".tif": ("u1", "u2", "f4", "f8"),
    ".tiff": ("u1", "u2", "f4", "f8"),
}


@pytest.mark.parametrize(("suffix", "kind"), [(suffix, kind) for suffix, kinds in KINDS.items() for kind in kinds])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_written_is_read_again(tmp_path, suffix, kind, channels, alpha):
    if suffix in (".jpg", ".jpeg") and alpha:
        return
    samples = np.full((300, 5, *channels), 77, kind)
    if suffix not in (".jpg", ".jpeg"):
        high = 65535 if kind != "u1" else 255
        samples = GENERATOR.integers(0, high, samples.shape, endpoint=True).astype(kind)
    opacity = np.arange(1500).reshape(300, 5).astype(kind) if alpha else None
    like = Image(samples, opacity, "", Path("a"), b"a profile", (300.0, 150.0))
    assert write_image(samples, tmp_path / f"a{suffix}", like=like) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = read_image(tmp_path / f"a{suffix}")
    assert_same(again.samples, samples)
    assert (again.alpha is None) == (not alpha)
    if alpha:
        assert_same(again.alpha, opacity)
    assert again.icc_profile == b"a profile"
    assert np.allclose(again.dpi, (300, 150), rtol=1e-3)
    assert set(IMAGE_SUFFIXES) == set(KINDS)


@pytest.mark.parametrize("samples", [GREY16, RGB16, stacked(RGB16, ALPHA16), stacked(GREY16, GREY16)])
def test_other_readers_see_the_same_16_bit_png(tmp_path, samples):
    cv2 = pytest.importorskip("cv2", reason="another reader")
    like = None
    shown = samples
    if samples.ndim == 3 and samples.shape[2] in (2, 4):
        like = Image(samples[:, :, 0], samples[:, :, -1], "", Path("a"))
        shown = samples[:, :, :-1] if samples.shape[2] == 4 else samples[:, :, 0]
    write_image(shown, tmp_path / "a.png", like=like)
    seen = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    if samples.ndim == 3 and samples.shape[2] == 2:
        assert_same(seen[:, :, 0], samples[:, :, 0])
        assert_same(seen[:, :, -1], samples[:, :, 1])
    else:
        assert_same(seen if seen.ndim == 2 else seen[:, :, [2, 1, 0, 3][: seen.shape[2]]], samples)


def test_results_return_to_the_depth_of_their_image(tmp_path):
    like = Image(GREY8, None, "", Path("a"))
    result = np.array([[-7, 0.5, 1.5], [2.5, 254.5, 255.5]])  # half to even: 0, 2, 2, 254, 256
    assert write_image(result, tmp_path / "a.png", like=like) == 2
    assert_same(read_image(tmp_path / "a.png").samples, np.array([[0, 0, 2], [2, 254, 255]], dtype=np.uint8))
    with pytest.raises(ConventionTypeError, match="images do not have such samples"):
        write_image(result.astype(np.int64), tmp_path / "b.png")
    assert write_image(GREY16, tmp_path / "b.png") == 0
    assert_same(read_image(tmp_path / "b.png").samples, GREY16)


@pytest.mark.parametrize(
    ("result", "depth", "view", "expected", "clipped"),
    [
        ([-1, 0, 255, 256], "uint8", "saturate", [0, 0, 255, 255], 2),
        ([-129, -128, 0, 127, 128], "uint8", "offset", [0, 0, 128, 255, 255], 2),
        ([-300, -255, -1, 1], "uint8", "absolute", [255, 255, 1, 1], 1),
        ([-32768, 0, 32767, 32768], "uint16", "offset", [0, 32768, 65535, 65535], 1),
        ([-0.5, 0.5, 1.5, 2.5], "uint8", "saturate", [0, 0, 2, 2], 0),
        ([-0.5, 0.5, 1.5, -1.5], "uint8", "offset", [128, 128, 130, 126], 0),
        ([255.5, 255.49, -0.51], "uint8", "saturate", [255, 255, 0], 2),
        ([np.inf, -np.inf], "uint8", "saturate", [255, 0], 2),
        ([-np.inf], "uint16", "absolute", [65535], 1),
        (np.array([-128], "i1"), "uint8", "absolute", [128], 0),
        (np.array([250, 3], "u1"), "uint8", "offset", [255, 131], 1),
        (np.array([2**64 - 1, 7], "u8"), "uint8", "saturate", [255, 7], 1),
        (np.array([True, False]), "uint8", "saturate", [1, 0], 0),
        (np.array([2049.5], "f4"), "uint16", "offset", [34818], 0),
        ([-1.5, np.nan, 1e300], "float32", "saturate", [-1.5, np.nan, np.finfo("f4").max], 1),
        ([-1.5, np.inf], "float64", "absolute", [1.5, np.inf], 0),
    ],
)
def test_views_round_half_to_even_saturate_and_count(result, depth, view, expected, clipped):
    before = np.array(result)
    samples, count = in_depth(before, depth, view=view)
    assert_same(samples, np.array(expected, dtype=depth))
    assert count == clipped
    assert_same(before, np.array(result))


@pytest.mark.parametrize(
    ("arguments", "view", "refusal", "found"),
    [
        (([np.nan], "uint8"), "saturate", ConventionValueError, "it has NaN"),
        (([1j], "uint8"), "saturate", ConventionTypeError, "no real numbers"),
        (([1], "int16"), "saturate", ConventionTypeError, "images do not have such samples"),
        (([1], "uint8"), "offsett", ConventionValueError, "there is no such view"),
        (([1.0], "float32"), "offset", ConventionValueError, "no middle"),
    ],
)
def test_samples_that_no_image_has_are_refused(arguments, view, refusal, found):
    with pytest.raises(refusal, match=found):
        in_depth(*arguments, view=view)


def encoded(picture, form, **options):
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


WHOLE = {
    "a.png": encoded(PIL.fromarray(RGB8.repeat(9, 0).repeat(9, 1)), "PNG"),
    "b.png": png_of(RGB16.repeat(9, 0).repeat(9, 1), 2),
    "a.jpg": encoded(PIL.fromarray(RGB8.repeat(9, 0).repeat(9, 1)), "JPEG"),
    "a.tif": encoded(PIL.fromarray(RGB8.repeat(9, 0).repeat(9, 1)), "TIFF"),
    "b.tif": encoded(PIL.fromarray(RGB8.repeat(9, 0).repeat(9, 1)), "TIFF", compression="tiff_lzw"),
    "c.tif": encoded(PIL.fromarray(RGB8.repeat(9, 0).repeat(9, 1)), "TIFF", compression="tiff_adobe_deflate"),
    "d.tif": encoded(PIL.fromarray(RGB8[:, :, 0].repeat(9, 0).repeat(9, 1)), "TIFF", compression="packbits"),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_truncated_files_are_refused(put, name, part):
    assert read_image(put(name, WHOLE[name])).samples.shape[:2] == (99, 117)
    data = WHOLE[name]
    assert refusal_of(put(name, data[: int(part * len(data))])).found.startswith(("damaged", "its content is no"))


@pytest.mark.parametrize("name", ["a.png", "b.png", "c.tif"])
def test_damaged_files_are_refused(put, name):
    data = bytearray(WHOLE[name])
    for place in range(len(data) // 2, len(data) // 2 + 40):
        data[place] ^= 0x55
    assert refusal_of(put(name, bytes(data))).found.startswith("damaged")


@pytest.mark.parametrize(
    ("name", "data", "found", "fix"),
    [
        ("a.png", WHOLE["a.jpg"], "its name says PNG, its content is that of a JPEG", "rename it to a.jpg"),
        ("a.jpg", WHOLE["a.tif"], "its name says JPEG, its content is that of a TIFF", "rename it to a.tif"),
        ("a.tiff", WHOLE["a.png"], "its name says TIFF, its content is that of a PNG", "rename it to a.png"),
        ("a", WHOLE["a.png"], "its name has no suffix, its content is that of a PNG", "rename it to a.png"),
        ("a.bmp", WHOLE["a.png"], "its name says .bmp, its content is that of a PNG", "rename it to a.png"),
        ("a.png", b"", "it is empty", "copy the file anew"),
        ("a.png", b"hello, this is no image", "its content is no image that is read here", "name an image"),
        ("a.png", b"GIF89a\1\0\1\0", "its content is that of a GIF", "convert it to PNG or TIFF"),
        ("a.jpg", b"\0\0\0\x1cftypheic", "its content is that of a HEIC or AVIF", "convert it"),
        ("a.png", b"\x93NUMPY", "its content is that of a .npy array", "convert it"),
        ("a.png", png([], columns=5, depth=8, colour=0), "it has 0 rows and 5 columns", "at least one"),
        ("a.png", png([b""], columns=0, depth=8, colour=0), "it has 1 rows and 0 columns", "at least one"),
        ("a.jpg", encoded(PIL.new("CMYK", (4, 4)), "JPEG"), "its colours are CMYK", "convert it to RGB"),
        ("a.tif", encoded(PIL.new("CMYK", (4, 4)), "TIFF"), "its colours are CMYK", "convert it to RGB"),
        ("a.tif", encoded(PIL.new("LAB", (4, 4)), "TIFF"), "its colours are CIELAB", "convert it to RGB"),
        (
            "a.png",
            encoded(PIL.new("L", (4, 4)), "PNG", save_all=True, append_images=[PIL.new("L", (4, 4), 9)]),
            "it is animated: 2 pictures",
            "as a file of its own",
        ),
        (
            "a.tif",
            encoded(PIL.new("L", (4, 4)), "TIFF", save_all=True, append_images=[PIL.new("L", (4, 4), 9)]),
            "it has 2 pages",
            "as a file of its own",
        ),
        ("a.tif", encoded(PIL.new("I", (4, 4)), "TIFF"), "its samples are int32", "convert them to one of uint8"),
    ],
)
def test_what_is_no_plain_picture_is_refused_with_what_it_is(put, name, data, found, fix):
    refusal = refusal_of(put(name, data))
    assert found in refusal.found
    assert fix in refusal.fix


def tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, metadata=None, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (tiff(RGB8[:, :, :2], photometric="minisblack", planarconfig="contig", extrasamples=["assocalpha"]), "alpha"),
        (tiff(np.zeros((4, 5, 6), "u1"), photometric="rgb", planarconfig="contig"), "6 samples per pixel"),
        (tiff(np.zeros((4, 5), "i2")), "its samples are int16"),
        (tiff(np.zeros((4, 5), "f2")), "its samples are float16"),
        (
            tiff(np.zeros((3, 16, 16), "u1"), photometric="minisblack", volumetric=True, tile=(16, 16, 16)),
            "volume of 3",
        ),
        (tiff(GREY16, photometric="miniswhite"), "save it"),
    ],
)
def test_tiff_with_other_samples_is_refused(put, data, found):
    refusal = refusal_of(put("a.tif", data))
    assert found in refusal.found + refusal.fix


def test_a_preview_in_a_tiff_is_no_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(RGB8, photometric="rgb")
        file.write(RGB8[::2, ::2], photometric="rgb", subfiletype=1)
    assert_same(read_image(tmp_path / "a.tif").samples, RGB8)


def test_white_is_zero_is_read_as_it_looks(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY8, photometric="miniswhite")
    assert_same(read_image(tmp_path / "a.tif").samples, 255 - GREY8)


def bomb_png(rows, columns):
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")
    )


def test_enormous_pictures_are_refused_before_they_are_decoded(put, monkeypatch):
    def must_not_run(*_):
        raise AssertionError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", must_not_run)
    refusal = refusal_of(put("a.png", bomb_png(100_000, 100_000)))
    assert "100000 x 100000 = 10000000000 pixels" in refusal.found
    assert refusal.allowed == "at most 178956970 pixels"
    assert "--most-pixels 10000000000" in refusal.fix
    large = bytearray(WHOLE["a.tif"])
    for tag in (256, 257):
        place = bytes(large).index(struct.pack("<HHI", tag, 4, 1)) + 8
        large[place : place + 4] = struct.pack("<I", 65000)
    assert "65000 x 65000" in refusal_of(put("a.tif", bytes(large))).found
    jpeg = bytearray(WHOLE["a.jpg"])
    place = bytes(jpeg).index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = struct.pack(">HH", 65000, 65000)
    assert "65000 x 65000" in refusal_of(put("a.jpg", bytes(jpeg))).found


def test_the_limit_can_be_lowered_and_lifted(put, monkeypatch):
    path = put("a.png", WHOLE["a.png"])
    assert "99 x 117 = 11583 pixels" in refusal_of(path, most_pixels=11582).found
    monkeypatch.setattr(PIL, "MAX_IMAGE_PIXELS", 100)  # Pillow's own limit does not stand in the way
    for name in ("a.png", "b.png", "a.jpg", "a.tif"):
        assert read_image(put(name, WHOLE[name]), most_pixels=11583).samples.shape[:2] == (99, 117)


def test_one_pixel_is_an_image(tmp_path):
    for name in ("a.png", "a.jpg", "a.tif"):
        write_image(np.array([[77]], dtype=np.uint8), tmp_path / name)
        assert_same(read_image(tmp_path / name).samples, np.array([[77]], dtype=np.uint8))


def test_files_that_are_not_there_or_closed_are_refused(tmp_path, monkeypatch):
    assert refusal_of(tmp_path / "none.png").found == "there is no such file"
    (tmp_path / "folder.png").mkdir()
    assert refusal_of(tmp_path / "folder.png").found == "it is a folder"
    assert "null" in refusal_of("a\0.png").found
    assert "too long" in refusal_of("a" * 5000 + ".png").found

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in refusal_of(tmp_path / "a.png").found


@pytest.mark.parametrize(("name", "library"), [("a.png", "PIL"), ("a.jpg", "PIL"), ("a.tif", "tifffile")])
def test_a_missing_library_is_named_with_the_install_line(put, monkeypatch, name, library):
    path = put(name, WHOLE[name])
    for module in [one for one in sys.modules if one == library or one.startswith(f"{library}.")]:
        monkeypatch.setitem(sys.modules, module, None)
    for act in (lambda: read_image(path), lambda: write_image(GREY8, path, force=True)):
        with pytest.raises(MissingLibraryError, match=r"pip install '\.\[pictures\]'") as caught:
            act()
        assert library in caught.value.found
    assert path.read_bytes() == WHOLE[name]
    assert [one.name for one in path.parent.iterdir()] == [name]


def image_with(samples, alpha=None):
    return Image(samples, alpha, "", Path("a"))


@pytest.mark.parametrize(
    ("result", "name", "like", "found", "fix"),
    [
        (GREY16, "a.jpg", None, "the samples are uint16", ".png"),
        (FLOATS, "a.png", None, "the samples are float32", ".tif"),
        (GREY8, "a.jpg", image_with(GREY8, GREY8), "the image has alpha", ".png or .tif"),
        (GREY8[:, :2], "a.png", image_with(GREY8, GREY8), "alpha is 2x3, the result 2x2", "size same"),
        (RGB8[:, :, :2], "a.png", None, "shape 11x13x2", ".npy"),
        (GREY8[0], "a.png", None, "shape 3", ".npy"),
        (np.zeros((65501, 1), "u1"), "a.jpg", None, "65501x1 samples, more than 65500", ".tif"),
        (GREY8[:0], "a.png", None, "shape 0x3", ".npy"),
        (GREY8, "a.gif", None, "the suffix '.gif' is not written", "a.png"),
        (GREY8, "there/a.png", None, "there is no folder", "make the folder first"),
        (GREY8, ".", None, "it is a folder", "name a file in it"),
    ],
)
def test_images_that_a_format_cannot_hold_are_refused(tmp_path, result, name, like, found, fix):
    with pytest.raises(ConventionFileError) as caught:
        write_image(result, tmp_path / name, like=like)
    assert found in caught.value.found
    assert fix in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_nan_is_not_written_as_an_integer(tmp_path):
    with pytest.raises(ConventionValueError, match="it has NaN"):
        write_image(FLOATS, tmp_path / "a.png", like=image_with(GREY8))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept(put):
    path = put("a.png", WHOLE["a.png"])
    with pytest.raises(ConventionFileError, match="it is kept"):
        write_image(GREY8, path)
    assert path.read_bytes() == WHOLE["a.png"]
    write_image(GREY8, path, force=True)
    assert_same(read_image(path).samples, GREY8)


def test_a_closed_folder_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ConventionFileError, match="nothing may be written into the folder"):
        write_image(GREY8, tmp_path / "a.png")


@contextmanager
def a_disk_with(size):
    """Let no file of this process grow beyond a size: writing fails half-way, as on a full disk."""
    resource = pytest.importorskip("resource", reason="file size limits are of Unix")
    signal = pytest.importorskip("signal")
    former, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["a.png", "b.png", "a.jpg", "a.tif"])
@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, name, there):
    noise = GENERATOR.integers(0, 256, (200, 200, 3)).astype(np.uint16 if name == "b.png" else np.uint8)
    if there:
        (tmp_path / name).write_bytes(b"precious")
    with a_disk_with(20_000), pytest.raises(ConventionFileError, match="it cannot be written"):
        write_image(noise, tmp_path / name, force=True)
    assert [one.name for one in tmp_path.iterdir()] == ([name] if there else [])
    assert not there or (tmp_path / name).read_bytes() == b"precious"
    write_image(noise, tmp_path / name, force=True)  # the same picture, with space


def test_one_door_reads_arrays_and_images(put):
    samples, image = read_signal(put("a.PNG", WHOLE["a.png"]))
    assert samples is image.samples
    assert samples.shape == (99, 117, 3)
    array, nothing = read_signal("1 2; 3 4")
    assert array.tolist() == [[1, 2], [3, 4]]
    assert nothing is None
    assert read_signal("-", stdin=io.BytesIO(b"1 2 3"))[0].tolist() == [1, 2, 3]
    with pytest.raises(ConventionFileError, match="at most 7 pixels"):
        read_signal(put("a.PNG", WHOLE["a.png"]), most_pixels=7)


def test_a_folder_stands_for_its_images(tmp_path):
    (tmp_path / "deeper.png").mkdir()
    for name in ("b.png", "a.JPG", "c.txt", "d.tiff"):
        (tmp_path / name).touch()
    assert [file.name for file in image_files(tmp_path)] == ["a.JPG", "b.png", "d.tiff"]
    assert image_files("none.png") == [Path("none.png")]
    for source in (tmp_path / "deeper.png", "1 2 3", "a.npy", "x" * 5000, "a\0"):
        with pytest.raises(ConventionFileError):
            image_files(source)


def test_targets_are_checked_before_a_folder_is_filled(tmp_path):
    folder = tmp_path / "out"
    assert image_targets([Path("x/a.png"), Path("y/b.tif")], folder) == [folder / "a.png", folder / "b.tif"]
    (folder / "b.tif").touch()
    with pytest.raises(ConventionFileError, match="it is kept"):
        image_targets([Path("a.png"), Path("b.tif")], folder)
    assert image_targets([Path("b.tif")], folder, force=True) == [folder / "b.tif"]
    for files, name, found in [
        (["x/a.png", "y/a.png"], "new", "would have one name"),
        (["a.png"], "out/b.tif", "it is a file"),
        (["a.png"], "new.png", "looks like a file's name"),
        (["a.png"], "new/deeper", "cannot be made"),
    ]:
        with pytest.raises(ConventionFileError, match=found):
            image_targets([Path(file) for file in files], tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
