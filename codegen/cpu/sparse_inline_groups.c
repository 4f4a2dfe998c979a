/* Output channels in groups, groups in sets, such that threads which take neighbouring sets have equally much to do, and neighbouring channels: those
   that the next layer's thread reads with the same share of its channels were then written by the same core, and lie in its own cache. */
#include <assert.h>

#include "codegen/cpu/sparse_inline.h"

/* Neighbouring channels of a part of the convolution, about as many nonzeros in each section as it has sets. */
typedef struct Section {
    int first_channel, channels;     /* of all */
    int first_set, sets;             /* of the part's */
    int first_group, groups;
} Section;

/* Shares of `count` among `parts`, as equal as can be: where share `i` begins. */
static int share_begin(int64_t count, int parts, int i)
{
    return (int)(count * i / parts);
}

static int64_t nonzeros_of(const Problem *problem, int first, int past)
{
    int64_t nonzeros = 0;
    for (int row = first; row < past; row++)
        nonzeros += problem->pattern->row_nonzeros[row];
    return nonzeros;
}

/* The channel behind those that hold `wanted` nonzeros, from `least` to `most`. */
static int cut_at(const Problem *problem, int first, int least, int most, int64_t wanted)
{
    int cut = least;
    int64_t before = nonzeros_of(problem, first, least);
    while (cut < most && before + problem->pattern->row_nonzeros[cut] / 2 < wanted)
        before += problem->pattern->row_nonzeros[cut++];
    return cut;
}

/* A section's groups have `rows` channels at most, and one at least. */
static void cut_sections(const Problem *problem, int first, int past, int rows, Section *sections, int count)
{
    const Section *end = &sections[count - 1];
    const int sets = end->first_set + end->sets, groups = end->first_group + end->groups;
    for (int s = 0; s < count; s++) {
        Section *section = &sections[s];
        const int later = groups - section->first_group - section->groups, sets_left = sets - section->first_set;
        const int room = first + rows * section->groups, rest = past - later;
        const int needed = past - rows * later, fewest = first + section->groups;
        const int64_t wanted = nonzeros_of(problem, first, past) * section->sets / sets_left;
        section->first_channel = first;
        first = cut_at(problem, first, needed > fewest ? needed : fewest, room < rest ? room : rest, wanted);
        section->channels = first - section->first_channel;
    }
}

/* The channels of each section, those with most nonzeros first. */
static void order_channels(const Problem *problem, const Section *section, int32_t *order)
{
    const int32_t *sorted = pattern_order(problem->pattern);
    const int first = section->first_channel, past = first + section->channels;
    for (int64_t row = 0, found = first; row < problem->pattern->rows; row++)
        if (sorted[row] >= first && sorted[row] < past)
            order[found++] = sorted[row];
}

static void add_groups(const Problem *problem, Inline *inl, const Section *section, int base)
{
    for (int g = 0; g < section->groups; g++) {
        const int first = share_begin(section->channels, section->groups, g), past = share_begin(section->channels, section->groups, g + 1);
        InlineGroup *group = &inl->groups[base + section->first_group + g];
        *group = (InlineGroup){section->first_channel + first, past - first, 0};
        for (int i = 0; i < group->rows; i++)
            group->nonzeros += problem->pattern->row_nonzeros[inl->order[group->first + i]];
    }
}

static void add_set(const Problem *problem, Inline *inl, InlineSet set, int64_t chunk)
{
    set.first_body = inl->body_count;
    for (int g = set.first_group; g < set.first_group + set.groups; g++) {
        set.rows += inl->groups[g].rows;
        set.nonzeros += inl->groups[g].nonzeros;
    }
    const int64_t chunks = (set.nonzeros + chunk / 2) / chunk, most = problem->pattern->columns;
    set.chunks = (int)(chunks < 1 ? 1 : chunks > most ? most : chunks);
    inl->body_count += set.chunks;
    inl->most_rows = set.rows > inl->most_rows ? set.rows : inl->most_rows;
    inl->sets[inl->set_count++] = set;
}

static int sections_wanted(const Problem *problem, const Inline *inl)
{
    return (int)divide_up(problem->threads, inl->window.group);
}

/* Threads among which the sets of a part are shared; 1 where there are strips for all of them. */
static int sharing_threads(const Problem *problem, const Inline *inl, const Tiling *tiling)
{
    const int blocks = tiling->size[INLINE_BLOCKS];
    const int64_t strips = blocks < 0 ? divide_up(inl->window.batch, -blocks) : blocks * inl->window.batch;
    return strips < problem->threads ? sections_wanted(problem, inl) : 1;
}

/* As many for each thread, if there are enough of what they are made of. */
static int equal_shares(int count, int threads, int most)
{
    const int equal = (int)divide_up(count, threads) * threads;
    return equal <= most ? equal : count;
}

/* What a part of the convolution is cut into, but for its channels. */
static Section *make_sections(int groups, int sets, int count, Arena *arena)
{
    Section *sections = arena_array(arena, Section, count);
    for (int s = 0; s < count; s++) {
        Section *section = &sections[s];
        section->first_set = share_begin(sets, count, s);
        section->sets = share_begin(sets, count, s + 1) - section->first_set;
        section->first_group = share_begin(groups, sets, section->first_set);
        section->groups = share_begin(groups, sets, section->first_set + section->sets) - section->first_group;
    }
    return sections;
}

static void add_sets(const Problem *problem, Inline *inl, const Section *section, int part, int groups, int sets, int64_t chunk)
{
    const int *spread = spread_order(section->sets, problem->graph->ctx->scratch);
    for (int i = 0; i < section->sets; i++) {
        const int set = section->first_set + spread[i], first = share_begin(groups, sets, set), past = share_begin(groups, sets, set + 1);
        add_set(problem, inl, (InlineSet){.first_group = part * groups + first, .groups = past - first, .part = part}, chunk);
    }
}

uint64_t inline_mix(uint64_t number, int64_t next)
{
    return (number ^ (uint64_t)next) * 1099511628211u;       /* FNV-1a's */
}

static uint64_t number_of(const Inline *inl)
{
    uint64_t number = 14695981039346656037u;
    for (int g = 0; g < inl->group_count; g++)
        number = inline_mix(number, inl->groups[g].rows);
    for (int64_t row = 0; row < inl->window.outputs; row++)
        number = inline_mix(number, inl->order[row]);
    return number;
}

/* Many tilings of a layer have the same groups: they are made once. */
typedef struct Grouping {
    int parts, each;                 /* of the convolution; output channels of each */
    int rows, groups, sets, sections, chunk;     /* groups and so on of a part */
} Grouping;

typedef struct Grouped {
    InlineGroup *groups;
    InlineSet *sets;
    int32_t *order;
    int body_count, most_rows;
    uint64_t number;
} Grouped;

static Grouping grouping_of(const Problem *problem, const Inline *inl, const Tiling *tiling)
{
    const int threads = sharing_threads(problem, inl, tiling), wanted = sections_wanted(problem, inl);
    Grouping grouping = {.parts = (int)inl->window.group, .rows = tiling->size[INLINE_ROWS], .chunk = tiling->size[INLINE_CHUNK]};
    grouping.each = (int)(inl->window.outputs / grouping.parts);
    grouping.groups = equal_shares((int)divide_up(grouping.each, grouping.rows), threads, grouping.each);
    grouping.sets = equal_shares((int)divide_up(grouping.groups, tiling->size[INLINE_GROUPS]), threads, grouping.groups);
    grouping.sections = wanted < grouping.sets ? wanted : grouping.sets;
    return grouping;
}

static void make_groups(const Problem *problem, Inline *inl, const Grouping *grouping)
{
    const int each = grouping->each, groups = grouping->groups, sets = grouping->sets, count = grouping->sections;
    Section *sections = make_sections(groups, sets, count, problem->graph->ctx->scratch);
    int32_t *order = (int32_t *)(uintptr_t)inl->order;
    inl->set_count = 0;
    for (int part = 0; part < grouping->parts; part++) {
        cut_sections(problem, part * each, (part + 1) * each, grouping->rows, sections, count);
        for (int s = 0; s < count; s++) {
            order_channels(problem, &sections[s], order);
            add_groups(problem, inl, &sections[s], part * groups);
            add_sets(problem, inl, &sections[s], part, groups, sets, grouping->chunk);
        }
    }
}

/* Room for them beside the pattern. `number` says what they are made of, and nothing else has it. */
static Grouped *grouped(const Problem *problem, const Inline *inl, int64_t number, bool *fresh)
{
    const size_t groups = (size_t)inl->group_count, sets = (size_t)inl->set_count, outputs = (size_t)inl->window.outputs;
    Grouped *all = pattern_note(problem->pattern, "inline sets", number,
                                sizeof *all + groups * sizeof *all->groups + sets * sizeof *all->sets + outputs * sizeof *all->order, fresh);
    all->groups = (InlineGroup *)(void *)(all + 1);
    all->sets = (InlineSet *)(void *)(all->groups + groups);
    all->order = (int32_t *)(void *)(all->sets + sets);
    return all;
}

/* All that groups and sets are made of beside the pattern, each in a field of its own. Who shares does so with all that are wanted. */
static int64_t grouping_number(const Problem *problem, const Inline *inl, const Tiling *tiling)
{
    const int64_t shared = sharing_threads(problem, inl, tiling) > 1, wanted = sections_wanted(problem, inl);
    const int64_t chunk = tiling->size[INLINE_CHUNK], groups = tiling->size[INLINE_GROUPS], rows = tiling->size[INLINE_ROWS];
    assert(chunk >= 0 && chunk < 1 << 15 && groups >= 0 && groups < 1 << 8 && rows >= 0 && rows < 1 << 8 && wanted >= 0);
    return chunk << 48 | groups << 40 | rows << 32 | shared << 31 | wanted;
}

void inline_groups(const Problem *problem, Inline *inl, const Tiling *tiling)
{
    const Grouping grouping = grouping_of(problem, inl, tiling);
    bool fresh;
    inl->group_count = grouping.groups * grouping.parts;
    inl->set_count = grouping.sets * grouping.parts;
    Grouped *all = grouped(problem, inl, grouping_number(problem, inl, tiling), &fresh);
    inl->order = all->order;
    inl->groups = all->groups;
    inl->sets = all->sets;
    if (fresh) {
        make_groups(problem, inl, &grouping);
        *all = (Grouped){all->groups, all->sets, all->order, inl->body_count, inl->most_rows, number_of(inl)};
    }
    inl->body_count = all->body_count;
    inl->most_rows = all->most_rows;
    inl->groups_number = all->number;
}
