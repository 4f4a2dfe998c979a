# Draws the images that the net learns: one glyph of a random font in the middle, turned, scaled and shifted, with pieces of its
# neighbours, stray strokes, uneven light, blur and noise. Debian's python3, python3-pil and python3-numpy:
#     /usr/bin/python3 samples/glyphs/draw.py SEED COUNT out.npz [--unseen]
import sys

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import fonts

# Digits, capitals but I and O (which are 1 and 0 in many fonts), and the small letters that are not small capitals.
CLASSES = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghnqrt"
SIZE = 28      # pixels of the image
CANVAS = 84    # pixels of the canvas it is drawn on, three times as fine
CLUTTER = "IOilmsy|/-._"

cache = {}


def font_of(path, points):
    if (path, points) not in cache:
        cache[path, points] = ImageFont.truetype(path, points)
    return cache[path, points]


def place(canvas, font, text, x, y, shade):
    """Draws text with the middle of its box at x, y."""
    left, top, right, bottom = font.getbbox(text)
    ImageDraw.Draw(canvas).text((x - (left + right) / 2, y - (top + bottom) / 2), text, fill=shade, font=font)


def neighbours(canvas, font, random):
    """Pieces of the glyphs before and after, as in a line of text cut into letters."""
    for side in (-1, 1):
        if random.random() < 0.45:
            text = (CLASSES + CLUTTER)[random.integers(len(CLASSES + CLUTTER))]
            left, _, right, _ = font.getbbox(text)
            distance = CANVAS * random.uniform(0.36, 0.50) + (right - left) / 2
            place(canvas, font, text, CANVAS / 2 + side * distance, CANVAS / 2 + random.normal(0, 3), 255)


def strokes(canvas, random):
    """Lines and arcs, some as dark as the glyph, some rubbed out of it."""
    draw = ImageDraw.Draw(canvas)
    for _ in range(random.poisson(0.9)):
        shade = int(random.choice([0, 120, 200, 255]))
        width = int(random.integers(2, 6))
        ends = [int(value) for value in random.integers(0, CANVAS, 4)]
        if random.random() < 0.5:
            draw.line(ends, fill=shade, width=width)
        else:
            box = [min(ends[0], ends[2]), min(ends[1], ends[3]), max(ends[0], ends[2]) + 8, max(ends[1], ends[3]) + 8]
            start = int(random.integers(0, 360))
            draw.arc(box, start, start + int(random.integers(60, 240)), fill=shade, width=width)


def warp(canvas, random):
    """Turns, scales, slants and shifts the canvas, and brings it down to SIZE pixels."""
    angle = random.normal(0, 0.16)
    slant = random.normal(0, 0.12)
    scale_x, scale_y = numpy.exp(random.normal(0, 0.10, 2))
    turn = numpy.array([[numpy.cos(angle), -numpy.sin(angle)], [numpy.sin(angle), numpy.cos(angle)]])
    matrix = turn @ numpy.array([[1 / scale_x, slant], [0, 1 / scale_y]])
    middle = CANVAS / 2
    shift = matrix @ (-middle - random.normal(0, 3.6, 2)) + middle
    coefficients = (matrix[0, 0], matrix[0, 1], shift[0], matrix[1, 0], matrix[1, 1], shift[1])
    canvas = canvas.transform((CANVAS, CANVAS), Image.AFFINE, coefficients, Image.BILINEAR)
    return canvas.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2.4))).resize((SIZE, SIZE), Image.BOX)


def light(image, random):
    """Paper and ink of random shades (either may be the darker), uneven light, noise, specks."""
    ink, paper = random.uniform(0, 255, 2)
    while abs(ink - paper) < 70:
        ink, paper = random.uniform(0, 255, 2)
    coverage = numpy.asarray(image, numpy.float64) / 255
    ramp = numpy.linspace(-1, 1, SIZE)
    slope = random.normal(0, 14, 2)
    shades = paper + (ink - paper) * coverage + slope[0] * ramp[None, :] + slope[1] * ramp[:, None]
    shades += random.normal(0, random.uniform(2, 22), shades.shape)
    specks = random.random(shades.shape) < random.choice([0, 0, 0.01, 0.03])
    shades[specks] = random.uniform(0, 255, int(specks.sum()))
    return numpy.clip(numpy.rint(shades), 0, 255).astype(numpy.uint8)


def image_of(families, seed, index):
    """Image and label number `index` of the set `seed`: always the same for the same fonts and PIL."""
    random = numpy.random.Generator(numpy.random.PCG64([seed, index]))
    paths = families[random.integers(len(families))]
    label = int(random.integers(len(CLASSES)))
    font = font_of(paths[random.integers(len(paths))], int(random.choice([50, 58, 66])))
    canvas = Image.new("L", (CANVAS, CANVAS), 0)
    neighbours(canvas, font, random)
    place(canvas, font, CLASSES[label], CANVAS / 2, CANVAS / 2, 255)
    strokes(canvas, random)
    return light(warp(canvas, random), random), label


def images_of(families, seed, count):
    images = numpy.empty((count, SIZE, SIZE), numpy.uint8)
    labels = numpy.empty(count, numpy.uint8)
    for index in range(count):
        images[index], labels[index] = image_of(families, seed, index)
    return images, labels


if __name__ == "__main__":
    chosen = fonts.UNSEEN if "--unseen" in sys.argv else fonts.SEEN
    drawn, classes = images_of(fonts.files(chosen), int(sys.argv[1]), int(sys.argv[2]))
    numpy.savez(sys.argv[3], images=drawn, labels=classes)
