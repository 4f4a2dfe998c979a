/* Resize: nearest moves elements of any type, linear and cubic interpolate numbers, whole ones rounded toward zero. Neighbouring
   axes that stay as they are become one. */
#include "internal.h"

#include <math.h>
#include <string.h>

extern const char reference_text_resize[], reference_text_resize_nearest[];
#include "text/prelude.h"

#define LINEAR_WEIGHT (d < 1 ? 1 - d : 0)
#define CUBIC_WEIGHT (d <= 1 ? ((r[1] + 2) * d - (r[1] + 3)) * d * d + 1 : d < 2 ? r[1] * (((d - 5) * d + 8) * d - 4) : 0)

#define EACH EACH_UNSIGNED
#define NAME JOIN(ref_resize_nearest_, SUFFIX)
#define TEXT "text/resize_nearest.h"
#include "each.h"
#define SUPPORT 1
#define WEIGHT LINEAR_WEIGHT
#define EACH (EACH_REAL | EACH_UNSIGNED | EACH_SIGNED)
#define NAME JOIN(ref_resize_linear_, SUFFIX)
#define TEXT "text/resize.h"
#include "each.h"
#undef SUPPORT
#undef WEIGHT
#define SUPPORT 2
#define WEIGHT CUBIC_WEIGHT
#define EACH (EACH_REAL | EACH_UNSIGNED | EACH_SIGNED)
#define NAME JOIN(ref_resize_cubic_, SUFFIX)
#define TEXT "text/resize.h"
#include "each.h"

static const Template nearest = {"ref_resize_nearest", reference_text_resize_nearest, {RUNS_UNSIGNED(ref_resize_nearest)}};
static const Template linear = {"ref_resize_linear", reference_text_resize, {RUNS_NUMBER(ref_resize_linear)}};
static const Template cubic = {"ref_resize_cubic", reference_text_resize, {RUNS_NUMBER(ref_resize_cubic)}};

typedef struct Frame { double scale, width, begin, end; } Frame;

typedef struct Resizing {
    int rank;
    int64_t sizes[MAX_RANK], x_sizes[MAX_RANK], strides[MAX_RANK];
    Frame frames[MAX_RANK];
} Resizing;

static int64_t word_number(const Node *node, AttributeName name, const char *const *words, int count)
{
    const char *word = node_word(node, name, words[0]);
    for (int i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return 0;
}

static int64_t coordinates_of(const Node *node)
{
    static const char *const modes[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    return word_number(node, ATTR_coordinate_transformation_mode, modes, COUNT(modes));
}

static int64_t rounding_of(const Node *node)
{
    static const char *const modes[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    return word_number(node, ATTR_nearest_mode, modes, COUNT(modes));
}

/* The width in the formulas is scale * size; a scale made of two sizes must give back the size. */
static Frame frame_of(const Node *node, int axis)
{
    int scale_count, roi_count;
    const double *scales = node_reals(node, ATTR_scales, &scale_count), *roi = node_reals(node, ATTR_roi, &roi_count);
    int rank = node->inputs[0]->shape.rank;
    double size = (double)node->inputs[0]->shape.dims[axis];
    Frame frame = {scales[axis], scales[axis] * size, 0, 1};
    if (fabs(frame.scale - 1) < 1e-9)
        frame.scale = 1;
    if (fabs(frame.width - nearbyint(frame.width)) < 1e-9 * frame.width)
        frame.width = nearbyint(frame.width);
    if (roi_count == 2 * rank && coordinates_of(node) == 6) {
        frame.begin = roi[axis];
        frame.end = roi[rank + axis];
    }
    return frame;
}

static bool stays(const Resizing *resizing, int axis)
{
    const Frame *frame = &resizing->frames[axis];
    return resizing->sizes[axis] == resizing->x_sizes[axis] && frame->scale == 1 && frame->begin == 0 && frame->end == 1;
}

/* Joins an axis to the one before it. */
static void join_last(Resizing *resizing)
{
    int last = --resizing->rank, into = last - 1;
    resizing->sizes[into] *= resizing->sizes[last];
    resizing->x_sizes[into] *= resizing->x_sizes[last];
    resizing->strides[into] = resizing->strides[last];
    resizing->frames[into].width = (double)resizing->sizes[into];
}

static Resizing resizing_of(const Node *node)
{
    const Shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    int64_t strides[MAX_RANK];
    Resizing resizing = {0};
    shape_strides(x, strides);
    for (int i = 0; i < x->rank; i++) {
        int axis = resizing.rank++;
        resizing.sizes[axis] = y->dims[i];
        resizing.x_sizes[axis] = x->dims[i];
        resizing.strides[axis] = strides[i];
        resizing.frames[axis] = frame_of(node, i);
        if (axis > 0 && stays(&resizing, axis) && stays(&resizing, axis - 1))
            join_last(&resizing);
    }
    if (x->rank == 0)
        resizing = (Resizing){1, {1}, {1}, {1}, {{1, 1, 0, 1}}};
    return resizing;
}

static void build_axes(Builder *builder, const Resizing *resizing)
{
    build_ints(builder, "sizes", resizing->sizes, resizing->rank);
    build_ints(builder, "sizes of x", resizing->x_sizes, resizing->rank);
    build_ints(builder, "strides in x", resizing->strides, resizing->rank);
    for (int i = 0; i < resizing->rank; i++) {
        const Frame *frame = &resizing->frames[i];
        build_real(builder, "scale", frame->scale);
        build_real(builder, "width", frame->width);
        build_real(builder, "begin of roi", frame->begin);
        build_real(builder, "end of roi", frame->end);
    }
}

static void nearest_build(Builder *builder, const Resizing *resizing)
{
    const Node *node = builder->node;
    Type type = node->inputs[0]->type;
    instance_of(builder, &nearest, template_size(type));
    build_int(builder, "axes", resizing->rank);
    build_int(builder, "coordinates", coordinates_of(node));
    build_int(builder, "rounding", rounding_of(node));
    build_int(builder, "bits outside", (int64_t)cast_bits(node_real(node, ATTR_extrapolation_value, 0), type));
    build_axes(builder, resizing);
}

/* Antialiasing widens the weights where the axis shrinks, but never past the axis itself. */
static double shrink_of(const Node *node, const Resizing *resizing, int axis)
{
    double least = 1 / (double)(resizing->x_sizes[axis] > 0 ? resizing->x_sizes[axis] : 1);
    return node_int(node, ATTR_antialias, 0) ? fmax(fmin(resizing->frames[axis].scale, 1), least) : 1;
}

static const Template *interpolation_of(const Node *node)
{
    return strcmp(node_word(node, ATTR_mode, "nearest"), "cubic") == 0 ? &cubic : &linear;
}

static void interpolation_build(Builder *builder, const Resizing *resizing)
{
    const Node *node = builder->node;
    const Template *template = interpolation_of(node);
    instance_define(builder, "SUPPORT", template == &cubic ? "2" : "1");
    instance_define(builder, "WEIGHT", template == &cubic ? STRING(CUBIC_WEIGHT) : STRING(LINEAR_WEIGHT));
    instance_of(builder, template, node->inputs[0]->type);
    build_int(builder, "axes", resizing->rank);
    build_int(builder, "coordinates", coordinates_of(node));
    build_int(builder, "outside left out", node_int(node, ATTR_exclude_outside, 0));
    build_real(builder, "value outside", node_real(node, ATTR_extrapolation_value, 0));
    build_real(builder, "cubic parameter", node_real(node, ATTR_cubic_coeff_a, -0.75));
    build_axes(builder, resizing);
    for (int i = 0; i < resizing->rank; i++)
        build_real(builder, i == 0 ? "distances shrink by" : NULL, shrink_of(node, resizing, i));
}

static bool is_nearest(const Node *node)
{
    return strcmp(node_word(node, ATTR_mode, "nearest"), "nearest") == 0;
}

static const char *resize_refuses(const Node *node)
{
    return is_nearest(node) ? NULL : template_refuses(interpolation_of(node), node->inputs[0]->type);
}

static void resize_build(Builder *builder)
{
    Resizing resizing = resizing_of(builder->node);
    if (is_nearest(builder->node))
        nearest_build(builder, &resizing);
    else
        interpolation_build(builder, &resizing);
    build_elements(builder, false);
}

const Family family_resize = {resize_refuses, resize_build};
