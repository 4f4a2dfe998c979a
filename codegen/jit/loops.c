/* Loops: their parts, and how often they run where the text says it in plain numbers. */
#include "codegen/jit/reader.h"

#include <string.h>

/* ---- parts ---- */

typedef struct Parts { CXCursor initial, condition, step, body; } Parts;     /* null cursors where there is none */

/* Where the two semicolons of `for (;;)` stand. libclang gives the parts that there are, and does not say which are missing. */
static void find_semicolons(const Reader *reader, CXCursor loop, unsigned semicolons[2])
{
    CXToken *tokens;
    unsigned count;
    int depth = 0, found = 0;
    clang_tokenize(reader->unit, clang_getCursorExtent(loop), &tokens, &count);
    semicolons[0] = semicolons[1] = 0;
    for (unsigned i = 0; i < count && found < 2; i++) {
        const CXString string = clang_getTokenSpelling(reader->unit, tokens[i]);
        const char *text = clang_getCString(string);
        depth += strchr("([{", text[0]) != NULL && clang_getTokenKind(tokens[i]) == CXToken_Punctuation;
        depth -= strchr(")]}", text[0]) != NULL && clang_getTokenKind(tokens[i]) == CXToken_Punctuation;
        if (depth == 1 && strcmp(text, ";") == 0)
            semicolons[found++] = reader_offset(clang_getTokenLocation(reader->unit, tokens[i]));
        clang_disposeString(string);
    }
    clang_disposeTokens(reader->unit, tokens, count);
}

static Parts parts_of(const Reader *reader, CXCursor loop, const CXCursor *children, int count)
{
    const CXCursor none = clang_getNullCursor();
    const enum CXCursorKind kind = clang_getCursorKind(loop);
    if (kind == CXCursor_WhileStmt && count == 2)
        return (Parts){none, children[0], none, children[1]};
    if (kind == CXCursor_DoStmt && count == 2)
        return (Parts){none, children[1], none, children[0]};
    Parts parts = {none, none, none, none};
    unsigned semicolons[2];
    if (kind != CXCursor_ForStmt || count == 0)
        return parts;
    find_semicolons(reader, loop, semicolons);
    for (int i = 0; i < count - 1; i++) {
        const unsigned start = reader_start(children[i]);
        *(start < semicolons[0] ? &parts.initial : start < semicolons[1] ? &parts.condition : &parts.step) = children[i];
    }
    parts.body = children[count - 1];
    return parts;
}

/* ---- how often ---- */

typedef struct Range { CXCursor variable; long long start, limit, step; enum CXBinaryOperatorKind compare; } Range;

static void operands_of(Reader *reader, CXCursor expression, CXCursor operands[2])
{
    int count;
    const int first = reader_children(reader, expression, &count);
    for (int i = 0; i < 2; i++)
        operands[i] = i < count ? reader->children[first + i] : clang_getNullCursor();
    reader_drop(reader, first);
}

static bool names(Reader *reader, CXCursor expression, CXCursor variable)
{
    const CXCursor bare = expression_bare(reader, expression);
    return clang_getCursorKind(bare) == CXCursor_DeclRefExpr && clang_equalCursors(clang_getCursorReferenced(bare), variable);
}

/* "i < limit", or "i + ahead <= limit". */
static bool find_limit(Reader *reader, CXCursor condition, Range *range)
{
    CXCursor sides[2], terms[2];
    long long ahead = 0;
    condition = expression_bare(reader, condition);
    range->compare = clang_getCursorBinaryOperatorKind(condition);
    operands_of(reader, condition, sides);
    CXCursor left = expression_bare(reader, sides[0]);
    if (clang_getCursorBinaryOperatorKind(left) == CXBinaryOperator_Add) {
        operands_of(reader, left, terms);
        left = expression_bare(reader, terms[0]);
        if (!expression_number(terms[1], &ahead))
            return false;
    }
    if (clang_getCursorKind(left) != CXCursor_DeclRefExpr || !expression_number(sides[1], &range->limit))
        return false;
    range->variable = clang_getCursorReferenced(left);
    range->limit -= ahead;
    return true;
}

static bool find_start(Reader *reader, CXCursor initial, Range *range)
{
    CXCursor sides[2];
    int count;
    bool found = false;
    if (clang_getCursorBinaryOperatorKind(initial) == CXBinaryOperator_Assign) {
        operands_of(reader, initial, sides);
        return names(reader, sides[0], range->variable) && expression_number(sides[1], &range->start);
    }
    const int first = reader_children(reader, initial, &count);
    for (int i = 0; i < count; i++)
        if (clang_equalCursors(reader->children[first + i], range->variable))
            found = expression_number(clang_Cursor_getVarDeclInitializer(range->variable), &range->start);
    reader_drop(reader, first);
    return found;
}

static bool find_step(Reader *reader, CXCursor step, Range *range)
{
    CXCursor sides[2];
    step = expression_bare(reader, step);
    operands_of(reader, step, sides);
    const enum CXUnaryOperatorKind unary = clang_getCursorUnaryOperatorKind(step);
    const enum CXBinaryOperatorKind binary = clang_getCursorBinaryOperatorKind(step);
    if (binary == CXBinaryOperator_Comma)
        return find_step(reader, sides[0], range) || find_step(reader, sides[1], range);
    if (!names(reader, sides[0], range->variable))
        return false;
    const bool up = unary == CXUnaryOperator_PostInc || unary == CXUnaryOperator_PreInc;
    const bool down = unary == CXUnaryOperator_PostDec || unary == CXUnaryOperator_PreDec;
    range->step = up - down;
    if (range->step != 0)
        return true;
    const bool known = (binary == CXBinaryOperator_AddAssign || binary == CXBinaryOperator_SubAssign) && expression_number(sides[1], &range->step);
    range->step = binary == CXBinaryOperator_SubAssign ? -range->step : range->step;
    return known && range->step != 0;
}

static long long trips_of(const Range *range)
{
    const bool up = range->compare == CXBinaryOperator_LT || range->compare == CXBinaryOperator_LE;
    const bool down = range->compare == CXBinaryOperator_GT || range->compare == CXBinaryOperator_GE;
    const bool last = range->compare == CXBinaryOperator_LE || range->compare == CXBinaryOperator_GE;
    static const long long most = 1LL << 60;
    const bool small = range->start < most && range->start > -most && range->limit < most && range->limit > -most;
    if (!small || !(up ? range->step > 0 : down && range->step < 0))
        return -1;
    const long long way = up ? range->limit - range->start : range->start - range->limit, step = up ? range->step : -range->step;
    const long long whole = way + last;
    return whole <= 0 ? 0 : (whole - 1) / step + 1;
}

/* A number that is halved until nothing is left of it: as many turns as it has bits, whatever it is. */
static bool halves(Reader *reader, const Parts *parts)
{
    CXCursor step = expression_bare(reader, parts->step), sides[2];
    long long amount;
    if (clang_getCursorBinaryOperatorKind(step) == CXBinaryOperator_Comma) {
        operands_of(reader, step, sides);
        step = expression_bare(reader, sides[0]);
    }
    const enum CXBinaryOperatorKind kind = clang_getCursorBinaryOperatorKind(step);
    const CXCursor condition = expression_bare(reader, parts->condition);
    const enum CXBinaryOperatorKind compare = clang_getCursorBinaryOperatorKind(condition);
    operands_of(reader, step, sides);
    const Declared *variable = expression_variable(reader, sides[0]);
    if (variable == NULL || (kind != CXBinaryOperator_ShrAssign && kind != CXBinaryOperator_DivAssign) || !expression_number(sides[1], &amount) ||
        amount < (kind == CXBinaryOperator_DivAssign ? 2 : 1))
        return false;
    const CXCursor cursor = variable->cursor;
    operands_of(reader, condition, sides);
    return names(reader, sides[0], cursor) && expression_number(sides[1], &amount) && amount == 0 &&
           (compare == CXBinaryOperator_NE || compare == CXBinaryOperator_GT);
}

static void read_loop_parts(Reader *reader, CXCursor loop, int number, const Parts *parts)
{
    Range range = {.variable = clang_getNullCursor()};
    const CXCursor *const before[] = {&parts->initial, &parts->step};
    for (int i = 0; i < 2; i++)
        if (!clang_Cursor_isNull(*before[i]))
            read_statement(reader, *before[i]);
    if (!clang_Cursor_isNull(parts->condition))
        reader->cells[number] = halves(reader, parts) ? CELL_CONSTANT : value_of(reader, parts->condition);
    else
        reader->cells[number] = reader->elsewhere;
    const bool known = find_limit(reader, parts->condition, &range) &&
                       find_start(reader, parts->initial, &range) && find_step(reader, parts->step, &range);
    const int writes = known ? reader_declared(reader, range.variable)->writes : 0;
    if (!clang_Cursor_isNull(parts->body))
        read_statement(reader, parts->body);
    JitFact *fact = &reader->reading->facts[number];
    if (known && reader_declared(reader, range.variable)->writes == writes)
        fact->trips = trips_of(&range);
    const unsigned start = reader_start(loop);
    fact->text = reader_between(reader, start, clang_getCursorKind(loop) == CXCursor_DoStmt ? start + 2 : reader_start(parts->body));
}

void read_loop(Reader *reader, CXCursor loop)
{
    int count;
    const int first = reader_children(reader, loop, &count), number = reader->reading->count;
    const Parts parts = parts_of(reader, loop, reader->children + first, count);
    reader_drop(reader, first);
    reader_fact(reader, FACT_LOOP, loop, clang_getCursorSpelling(loop));
    reader->loops++;
    read_loop_parts(reader, loop, number, &parts);
    reader->loops--;
}
