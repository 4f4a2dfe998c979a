/* Two texts, line by line: the fewest lines removed and added, by following how far each number of changes reaches (E. Myers, An O(ND) difference
   algorithm and its variations, 1986). */
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/inspect.h"

enum { MOST_CHANGES = 1500, AROUND = 3 };

/* ---- lines ---- */

typedef struct Lines {
    const char **texts;
    int *ids;                        /* equal lines have equal ones */
    int count;
} Lines;

static int count_lines(const char *text)
{
    int count = 0;
    for (const char *at = text; *at; at++)
        count += *at == '\n' || !at[1];
    return count;
}

static int id_of(Arena *arena, NameMap *known, const char *line)
{
    void **slot = name_slot(known, line);
    if (!*slot) {
        int *id = arena_new_of(arena, int);
        *id = (int)known->count;
        *slot = id;
    }
    return *(const int *)*slot;
}

static Lines lines_of(Arena *arena, NameMap *known, const char *text)
{
    const int count = count_lines(text);
    Lines lines = {arena_array(arena, const char *, count + 1), arena_array(arena, int, count + 1), count};
    for (int i = 0; i < count; i++) {
        const size_t length = strcspn(text, "\n");
        lines.texts[i] = arena_string(arena, text, length);
        lines.ids[i] = id_of(arena, known, lines.texts[i]);
        text += length + (text[length] == '\n');
    }
    return lines;
}

/* ---- the shortest way from one to the other ---- */

typedef struct Step { char sign; const char *line; } Step;       /* ' ', '-', '+' */

typedef struct Way {
    const int *a, *b;                /* ids of what differs, between equal beginnings and ends */
    int a_count, b_count;
    int **reached;                   /* [changes][diagonal + changes]: how far in a */
} Way;

/* Steps may lead outside of the texts; none leads back, and none is shorter than the one inside along the edge. */

/* Where the diagonal x - y = k is entered with so many changes: from above or from the left, whichever is farther. */
static int enter(const int *before, int changes, int k)
{
    const int *middle = before + changes - 1;
    const bool down = k == -changes || (k != changes && middle[k - 1] < middle[k + 1]);
    return down ? middle[k + 1] : middle[k - 1] + 1;
}

static int follow(const Way *way, int x, int k)
{
    while (x < way->a_count && x - k < way->b_count && way->a[x] == way->b[x - k])
        x++;
    return x;
}

/* The number of changes; -1: more than are looked for. */
static int find_way(Arena *arena, Way *way)
{
    const int whole = way->a_count + way->b_count, most = whole < MOST_CHANGES ? whole : MOST_CHANGES, goal = way->a_count - way->b_count;
    way->reached = arena_array(arena, int *, most + 1);
    for (int changes = 0; changes <= most; changes++) {
        int *row = way->reached[changes] = arena_array(arena, int, 2 * changes + 3);
        for (int k = -changes; k <= changes; k += 2) {
            const int x = changes ? enter(way->reached[changes - 1], changes, k) : 0;
            row[k + changes] = follow(way, x, k);
            if (k == goal && row[k + changes] >= way->a_count)
                return changes;
        }
    }
    return -1;
}

/* ---- the steps of it ---- */

typedef struct Steps { Step *items; int count; } Steps;

static void add_lines(Steps *steps, char sign, const Lines *lines, int from, int to)
{
    for (int i = from; i < to; i++)
        steps->items[steps->count++] = (Step){sign, lines->texts[i]};
}

/* From the end back to the beginning, then turned around. */
static void add_way(Steps *steps, const Way *way, int changes, const Lines *a, const Lines *b, int start)
{
    Step *first = steps->items + steps->count;
    int x = way->a_count, y = way->b_count, count = 0;
    for (int d = changes; d > 0; d--) {
        const int k = x - y, *middle = way->reached[d - 1] + d - 1;
        const bool down = k == -d || (k != d && middle[k - 1] < middle[k + 1]);
        const int from = down ? middle[k + 1] : middle[k - 1], entered = down ? from : from + 1;
        for (; x > entered; x--, y--)
            first[count++] = (Step){' ', a->texts[start + x - 1]};
        first[count++] = down ? (Step){'+', b->texts[start + y - 1]} : (Step){'-', a->texts[start + x - 1]};
        x -= !down;
        y -= down;
    }
    for (; x > 0; x--)
        first[count++] = (Step){' ', a->texts[start + x - 1]};
    for (int i = 0; i < count / 2; i++) {
        const Step other = first[i];
        first[i] = first[count - 1 - i];
        first[count - 1 - i] = other;
    }
    steps->count += count;
}

static Steps steps_of(Arena *arena, const Lines *a, const Lines *b, bool *rough)
{
    Steps steps = {arena_array(arena, Step, a->count + b->count + 1), 0};
    int start = 0, a_end = a->count, b_end = b->count;
    while (start < a_end && start < b_end && a->ids[start] == b->ids[start])
        start++;
    while (a_end > start && b_end > start && a->ids[a_end - 1] == b->ids[b_end - 1])
        a_end--, b_end--;
    Way way = {.a = a->ids + start, .b = b->ids + start, .a_count = a_end - start, .b_count = b_end - start};
    const int changes = find_way(arena, &way);
    *rough = changes < 0;
    add_lines(&steps, ' ', a, 0, start);
    if (changes >= 0)
        add_way(&steps, &way, changes, a, b, start);
    else {
        add_lines(&steps, '-', a, start, a_end);
        add_lines(&steps, '+', b, start, b_end);
    }
    add_lines(&steps, ' ', a, a_end, a->count);
    return steps;
}

/* ---- as text ---- */

/* Near enough to a change to be shown beside it. */
static bool *shown_steps(Arena *arena, const Steps *steps)
{
    bool *shown = arena_array(arena, bool, steps->count + 1);
    for (int i = 0; i < steps->count; i++)
        for (int j = i - AROUND; j <= i + AROUND && steps->items[i].sign != ' '; j++)
            if (j >= 0 && j < steps->count)
                shown[j] = true;
    return shown;
}

TextDiff text_diff(Arena *arena, const char *before, const char *after)
{
    NameMap known = name_map(arena);
    const Lines a = lines_of(arena, &known, before), b = lines_of(arena, &known, after);
    TextDiff diff = {0};
    const Steps steps = steps_of(arena, &a, &b, &diff.rough);
    const bool *shown = shown_steps(arena, &steps);
    Text text = text_new(arena);
    int line_a = 1, line_b = 1;
    for (int i = 0; i < steps.count; i++) {
        const Step *step = &steps.items[i];
        if (shown[i] && (i == 0 || !shown[i - 1]))
            text_format(&text, "@@ line %d, line %d @@\n", line_a, line_b);
        if (shown[i])
            text_format(&text, "%c%s\n", step->sign, step->line);
        diff.removed += step->sign == '-';
        diff.added += step->sign == '+';
        line_a += step->sign != '+';
        line_b += step->sign != '-';
    }
    diff.text = text.data;
    return diff;
}
