/* Inference of Resize. In closed form there is one scale an axis, and `sizes` is there only if the model gave sizes. */
#include "infer.h"

#include <math.h>
#include <string.h>

static const char *const modes[] = {"nearest", "linear", "cubic"};
static const char *const coordinates[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                          "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};

typedef struct Resizing {
    int rank, count;                             /* of the input; of the axes that the operands speak of */
    int axes[MAX_RANK];
    double scales[MAX_RANK], roi[2 * MAX_RANK];  /* complete */
    Shape y;
} Resizing;

static int reals_count(const Node *node, AttributeName name)
{
    int count;
    node_reals(node, name, &count);
    return count;
}

static int ints_count(const Node *node, AttributeName name)
{
    int count;
    node_ints(node, name, &count);
    return count;
}

static bool resize_axes(Inference *inference, const Node *node, Resizing *resizing)
{
    int count;
    bool chosen[MAX_RANK];
    const int64_t *axes = node_ints(node, ATTR_axes, &count);
    resizing->count = axes ? count : resizing->rank;
    if (axes && !infer_axes(inference, node, ATTR_axes, axes, count, resizing->rank, chosen))
        return false;
    for (int i = 0; i < resizing->count; i++)
        resizing->axes[i] = axes ? (int)(axes[i] < 0 ? axes[i] + resizing->rank : axes[i]) : i;
    return true;
}

static bool resize_roi(Inference *inference, Node *node, Resizing *resizing)
{
    for (int i = 0; i < resizing->rank; i++)
        resizing->roi[resizing->rank + i] = 1;
    if (strcmp(node_word(node, ATTR_coordinate_transformation_mode, ""), "tf_crop_and_resize") != 0)
        return true;
    int count;
    const double *roi = node_reals(node, ATTR_roi, &count);
    if (count != 2 * resizing->count)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "roi has %d numbers, expected %d", count, 2 * resizing->count);
    for (int i = 0; i < resizing->count; i++) {
        resizing->roi[resizing->axes[i]] = roi[i];
        resizing->roi[resizing->rank + resizing->axes[i]] = roi[resizing->count + i];
    }
    return true;
}

/* In float, as every other implementation: 10 * 0.7f is 7 there. */
static bool resize_by_scales(Inference *inference, const Node *node, Resizing *resizing)
{
    int count;
    const double *scales = node_reals(node, ATTR_scales, &count);
    if (count != resizing->count)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "scales has %d numbers, expected %d", count, resizing->count);
    for (int i = 0; i < count; i++) {
        int axis = resizing->axes[i];
        float part = (float)(resizing->roi[resizing->rank + axis] - resizing->roi[axis]);
        float size = floorf((float)resizing->y.dims[axis] * part * (float)scales[i]);
        if (!(scales[i] > 0) || !(size >= 0 && size < 9e18f))
            return infer_fault(inference, node, STATUS_MODEL, NULL, "scales has %g for axis %d, %lld", scales[i], axis,
                               (long long)resizing->y.dims[axis]);
        resizing->scales[axis] = scales[i];
        resizing->y.dims[axis] = (int64_t)size;
    }
    return true;
}

/* The one scale that keeps the proportions: no size larger, or none smaller, than asked for. */
static double common_scale(const Node *node, const Resizing *resizing, const int64_t *sizes)
{
    bool larger = strcmp(node_word(node, ATTR_keep_aspect_ratio_policy, ""), "not_smaller") == 0;
    double scale = larger ? 0 : INFINITY;
    for (int i = 0; i < resizing->count; i++) {
        double own = (double)sizes[i] / (double)resizing->y.dims[resizing->axes[i]];
        scale = larger ? fmax(scale, own) : fmin(scale, own);
    }
    return scale;
}

static bool resize_by_sizes(Inference *inference, Node *node, Resizing *resizing)
{
    const int64_t *sizes;
    if (!infer_list(inference, node, ATTR_sizes, resizing->count, 0, 0, &sizes) ||
        !infer_word(inference, node, ATTR_keep_aspect_ratio_policy, policies, COUNT(policies)))
        return false;
    bool stretch = strcmp(node_word(node, ATTR_keep_aspect_ratio_policy, ""), "stretch") == 0;
    double common = stretch ? 0 : common_scale(node, resizing, sizes);
    for (int i = 0; i < resizing->count; i++) {
        int axis = resizing->axes[i];
        int64_t *size = &resizing->y.dims[axis];
        double wanted = stretch ? (double)sizes[i] : floor(common * (double)*size + 0.5);
        if ((*size == 0 && wanted > 0) || !(wanted < 9e18))
            return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of the input, %lld, cannot become %.0f", axis, (long long)*size, wanted);
        resizing->scales[axis] = *size == 0 ? 1 : stretch ? wanted / (double)*size : common;
        *size = stretch ? sizes[i] : (int64_t)wanted;
    }
    node_set_ints(inference->graph, node, ATTR_sizes, resizing->y.dims, resizing->rank);
    return true;
}

static bool resize_words(Inference *inference, Node *node)
{
    bool flag;
    infer_real(inference, node, ATTR_cubic_coeff_a, -0.75);
    infer_real(inference, node, ATTR_extrapolation_value, 0);
    return infer_word(inference, node, ATTR_mode, modes, COUNT(modes)) &&
           infer_word(inference, node, ATTR_coordinate_transformation_mode, coordinates, COUNT(coordinates)) &&
           infer_word(inference, node, ATTR_nearest_mode, roundings, COUNT(roundings)) &&
           infer_flag(inference, node, ATTR_exclude_outside, 0, &flag) && infer_flag(inference, node, ATTR_antialias, 0, &flag);
}

static bool resize_closed(const Node *node, int rank)
{
    return reals_count(node, ATTR_scales) == rank && ints_count(node, ATTR_sizes) == rank && node->outputs[0]->known;
}

bool infer_resize(Inference *inference, Node *node)
{
    Resizing resizing = {.rank = node->inputs[0]->shape.rank, .y = node->inputs[0]->shape};
    bool sized = ints_count(node, ATTR_sizes) > 0, scaled = reals_count(node, ATTR_scales) > 0;
    if (!resize_words(inference, node) || resize_closed(node, resizing.rank))
        return resize_closed(node, resizing.rank);
    if (sized == scaled && resizing.rank > 0)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "expected either scales or sizes, found %s", sized ? "both" : "neither");
    for (int i = 0; i < resizing.rank; i++)
        resizing.scales[i] = 1;
    if (!resize_axes(inference, node, &resizing) || !resize_roi(inference, node, &resizing) ||
        !(sized ? resize_by_sizes(inference, node, &resizing) : resize_by_scales(inference, node, &resizing)))
        return false;
    node_set_reals(inference->graph, node, ATTR_scales, resizing.scales, resizing.rank);
    node_set_reals(inference->graph, node, ATTR_roi, resizing.roi, 2 * resizing.rank);
    if (!sized)
        node_unset(node, ATTR_sizes);
    node_unset(node, ATTR_axes);
    node_unset(node, ATTR_keep_aspect_ratio_policy);
    return infer_output(inference, node, 0, node->inputs[0]->type, &resizing.y);
}
