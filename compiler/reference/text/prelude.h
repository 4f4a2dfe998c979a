/* What the reference functions share: walking over boxes, half precision, conversions that are defined for every value. */
enum { REF_RANK = 16 };

/* index[] becomes the coordinates of an item of a box, the last axis fastest. */
__attribute__((unused)) static void ref_seek(int64_t item, int64_t rank, const int64_t *dims, int64_t *index)
{
    for (int64_t axis = rank - 1; axis >= 0; axis--) {
        index[axis] = dims[axis] > 0 ? item % dims[axis] : 0;
        item = dims[axis] > 0 ? item / dims[axis] : 0;
    }
}

__attribute__((unused)) static int64_t ref_place(int64_t rank, const int64_t *index, const int64_t *strides)
{
    int64_t place = 0;
    for (int64_t axis = 0; axis < rank; axis++)
        place += index[axis] * strides[axis];
    return place;
}

/* How many of `left` items lie on the same line of the last axis. */
__attribute__((unused)) static int64_t ref_run(int64_t left, int64_t rank, const int64_t *dims, const int64_t *index)
{
    const int64_t line = dims[rank - 1] - index[rank - 1];
    return left < line ? left : line;
}

__attribute__((unused)) static void ref_advance(int64_t run, int64_t rank, const int64_t *dims, int64_t *index)
{
    int64_t axis = rank - 1;
    index[axis] += run;
    for (; axis > 0 && index[axis] >= dims[axis]; axis--) {
        index[axis] = 0;
        index[axis - 1]++;
    }
}

/* Real to whole: toward zero, the nearest end of the range for what lies outside, 0 for NaN. */
__attribute__((unused)) static double ref_limit(double v, double low, double high)
{
    return v != v ? 0 : v < low ? low : v > high ? high : v;
}

__attribute__((unused)) static int64_t ref_to_i64(double v)
{
    return v != v ? 0 : v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

__attribute__((unused)) static uint64_t ref_to_u64(double v)
{
    return v != v || v <= 0 ? 0 : v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

/* Modulo 2^64: right for signed bases too. */
__attribute__((unused)) static uint64_t ref_power(uint64_t base, uint64_t exponent)
{
    uint64_t result = 1;
    for (; exponent != 0; exponent >>= 1, base *= base)
        if (exponent & 1)
            result *= base;
    return result;
}

__attribute__((unused)) static double ref_from_f16(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? (fraction == 0 ? __builtin_inf() : __builtin_nan(""))
                        : exponent == 0 ? fraction * 0x1p-24
                                        : __builtin_ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -size : size;
}

__attribute__((unused)) static double ref_from_bf16(uint16_t bits)
{
    const union { uint32_t bits; float value; } wide = {(uint32_t)bits << 16};
    return (double)wide.value;
}

/* The nearest float of 16 bits with this many bits of fraction, ties to even. */
__attribute__((unused)) static uint16_t ref_to_half(double v, int fraction_bits)
{
    const int bias = (1 << (14 - fraction_bits)) - 1, infinity = 0x7fff >> fraction_bits << fraction_bits;
    const double size = __builtin_fabs(v);
    const int sign = __builtin_signbit(v) ? 0x8000 : 0;
    int exponent;
    if (v != v)
        return (uint16_t)(sign | infinity | 1 << (fraction_bits - 1));
    if (size >= 0x1p200)
        return (uint16_t)(sign | infinity);
    (void)__builtin_frexp(size, &exponent);
    exponent = size == 0 || exponent - 1 < 1 - bias ? 1 - bias : exponent - 1;
    const int units = (int)__builtin_nearbyint(__builtin_ldexp(size, fraction_bits - exponent));
    const int bits = ((exponent + bias - 1) << fraction_bits) + units;
    return (uint16_t)(sign | (bits < infinity ? bits : infinity));
}

/* Where a coordinate outside an axis takes its value from; -1: from nowhere. mode: 0 constant, 1 reflect, 2 edge, 3 wrap. */
__attribute__((unused)) static int64_t ref_border(int64_t mode, int64_t at, int64_t size)
{
    const int64_t period = mode == 3 ? size : 2 * (size - 1);
    if (at >= 0 && at < size)
        return at;
    if (mode == 0 || size <= 0)
        return -1;
    if (mode == 2 || size == 1)
        return at < 0 ? 0 : size - 1;
    at %= period;
    at = at < 0 ? at + period : at;
    return at < size ? at : period - at;
}

/* The input's coordinate for position `at` of a resized axis. frame: scale, width (scale * size), roi's begin and end. */
__attribute__((unused)) static double ref_resized(int64_t mode, double at, double size, double length, const double *frame)
{
    const double scale = frame[0], width = frame[1], begin = frame[2], end = frame[3];
    if (scale == 1 && size == length && begin == 0 && end == 1)
        return at;
    switch (mode) {
    case 0: return (at + 0.5) / scale - 0.5;                                                           /* half_pixel */
    case 1: return size / 2 * (1 - length / width) + (at + 0.5) / scale - 0.5;                         /* half_pixel_symmetric */
    case 2: return width > 1 ? (at + 0.5) / scale - 0.5 : 0;                                           /* pytorch_half_pixel */
    case 3: return width == 1 ? 0 : at * (size - 1) / (width - 1);                                     /* align_corners */
    case 4: return at / scale;                                                                         /* asymmetric */
    case 5: return (at + 0.5) / scale;                                                                 /* tf_half_pixel_for_nn */
    default: break;                                                                                    /* tf_crop_and_resize */
    }
    return begin * (size - 1) + (width > 1 ? at * (end - begin) * (size - 1) / (width - 1) : (end - begin) * (size - 1) / 2);
}
