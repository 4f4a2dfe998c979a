/* The sliding window of convolutions and poolings: its attributes, its padding, the dimensions that come out. */
#include "infer.h"

#include <string.h>

typedef struct Window {
    int count;                                   /* spatial dimensions */
    const int64_t *kernel, *strides, *dilations, *pads;
    const char *auto_pad;
} Window;

static const char *const auto_pads[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};

static Wide extent(const Window *window, int i)
{
    return (Wide)(window->kernel[i] - 1) * window->dilations[i] + 1;
}

/* A window that would start in the padding behind the input is left out: ceil_mode only completes windows that see some input. */
static Wide positions(const Window *window, int i, Wide size, const int64_t *pads, bool ceiling)
{
    Wide stride = window->strides[i], room = size + pads[i] + pads[window->count + i] - extent(window, i);
    if (room < 0)
        return 0;
    Wide count = (room + (ceiling ? stride - 1 : 0)) / stride + 1;
    return ceiling && (count - 1) * stride >= size + pads[i] ? count - 1 : count;
}

/* SAME: as many positions as there are strides in the input, the padding split evenly, an odd one where the name says. */
static bool pad_same(Inference *inference, Node *node, const Window *window, const Shape *input, int64_t *pads)
{
    bool upper = strcmp(window->auto_pad, "SAME_UPPER") == 0;
    for (int i = 0; i < window->count; i++) {
        Wide size = input->dims[2 + i], stride = window->strides[i];
        Wide total = ((size + stride - 1) / stride - 1) * stride + extent(window, i) - size;
        if (total < 0 || size == 0)
            total = 0;
        if (total > INT64_MAX)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "auto_pad %s would pad axis %d by more than 2^63", window->auto_pad, 2 + i);
        int64_t less = (int64_t)(total / 2), more = (int64_t)(total - total / 2);
        pads[i] = upper ? less : more;
        pads[window->count + i] = upper ? more : less;
    }
    return true;
}

/* Closed form knows only pads. VALID and SAME say the number of positions whatever ceil_mode says, so it goes too. */
static bool close_padding(Inference *inference, Node *node, Window *window, const Shape *input, bool *ceiling)
{
    window->auto_pad = node_word(node, ATTR_auto_pad, "NOTSET");
    if (strcmp(window->auto_pad, "NOTSET") != 0) {
        int64_t pads[2 * MAX_RANK] = {0};
        *ceiling = false;
        if (node_has(node, ATTR_ceil_mode))
            node_set_int(inference->graph, node, ATTR_ceil_mode, 0);
        if (strcmp(window->auto_pad, "VALID") != 0 && !pad_same(inference, node, window, input, pads))
            return false;
        node_set_ints(inference->graph, node, ATTR_pads, pads, 2 * window->count);
    }
    node_unset(node, ATTR_auto_pad);
    return infer_list(inference, node, ATTR_pads, 2 * window->count, 0, 0, &window->pads);
}

bool infer_window(Inference *inference, Node *node, const Shape *input, const int64_t *kernel, bool ceiling, Shape *result)
{
    Window window = {.count = input->rank - 2, .kernel = kernel};
    if (!infer_list(inference, node, ATTR_strides, window.count, 1, 1, &window.strides) ||
        !infer_list(inference, node, ATTR_dilations, window.count, 1, 1, &window.dilations) ||
        !infer_word(inference, node, ATTR_auto_pad, auto_pads, COUNT(auto_pads)) ||
        !close_padding(inference, node, &window, input, &ceiling))
        return false;
    for (int i = 0; i < window.count; i++) {
        Wide count = positions(&window, i, input->dims[2 + i], window.pads, ceiling);
        if (count == 0)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "axis %d of the input, %lld with padding, is smaller than the window, %lld",
                               2 + i, (long long)((Wide)input->dims[2 + i] + window.pads[i] + window.pads[window.count + i]),
                               (long long)extent(&window, i));
        if (!infer_dimension(inference, node, result, count))
            return false;
    }
    return true;
}
