/* Loops: their parts, and how often they run where the text says it in plain numbers. */
#include "codegen/jit/reader.h"

#include <limits.h>
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

/* A counter that goes by steps of one sign to a limit that stays. */
typedef struct Range {
    CXCursor variable, field;        /* the counter, or the structure that it is a field of; else no field */
    CXType type, compared, limited;  /* the counter's; as which both are compared; the limit's */
    enum CXBinaryOperatorKind compare;
    bool scaled, known;              /* it is compared times a number, or as what is left; the limit is a number */
    long long start, limit, ahead, step;      /* step 0: worked out as the loop runs */
} Range;

/* Before it goes down in what may be nested as deep as a text likes; goes_back() afterwards. */
static bool goes_deeper(Reader *reader)
{
    reader->too_deep |= reader->depth >= JIT_MOST_DEPTH;
    return !reader->too_deep && reader->depth++ >= 0;
}

static bool goes_back(Reader *reader, bool found)
{
    reader->depth--;
    return found;
}

static const long long most_number = 1LL << 60;      /* of a limit, a start or a step: sums of some stay within their type */

static bool number_of(CXCursor expression, long long *number)
{
    long long found;
    const bool small = expression_number(expression, &found) && found < most_number && found > -most_number;
    if (small)
        *number = found;
    return small;
}

static void operands_of(Reader *reader, CXCursor expression, CXCursor operands[2])
{
    int count;
    const int first = reader_children(reader, expression, &count);
    for (int i = 0; i < 2; i++)
        operands[i] = i < count ? reader->children[first + i] : clang_getNullCursor();
    reader_drop(reader, first);
}

/* Without parentheses and the conversions that nobody wrote. */
static CXCursor plain(Reader *reader, CXCursor expression)
{
    for (;;) {
        const enum CXCursorKind kind = clang_getCursorKind(expression);
        CXCursor inner[2];
        if (kind != CXCursor_UnexposedExpr && kind != CXCursor_ParenExpr)
            return expression;
        operands_of(reader, expression, inner);
        if (clang_Cursor_isNull(inner[0]))
            return expression;
        expression = inner[0];
    }
}

/* A bare name, or a field of one; no field: a null cursor. */
static bool name_of(Reader *reader, CXCursor expression, CXCursor *variable, CXCursor *field)
{
    CXCursor inner[2];
    expression = plain(reader, expression);
    *field = clang_getNullCursor();
    if (clang_getCursorKind(expression) == CXCursor_MemberRefExpr) {
        *field = clang_getCursorReferenced(expression);
        operands_of(reader, expression, inner);
        expression = plain(reader, inner[0]);
        if (clang_Cursor_isBitField(*field) || clang_getCanonicalType(clang_getCursorType(expression)).kind != CXType_Record)
            return false;
    }
    *variable = clang_getCursorReferenced(expression);
    const enum CXCursorKind kind = clang_getCursorKind(*variable);
    return clang_getCursorKind(expression) == CXCursor_DeclRefExpr && (kind == CXCursor_VarDecl || kind == CXCursor_ParmDecl);
}

static bool names(Reader *reader, CXCursor expression, const Range *range)
{
    CXCursor variable, field;
    return name_of(reader, expression, &variable, &field) && clang_equalCursors(variable, range->variable) && clang_equalCursors(field, range->field);
}

/* "i < limit", "i + ahead <= limit", "i * scale < limit" or "limit - i >= ahead". */
static bool find_limit(Reader *reader, CXCursor condition, Range *range)
{
    CXCursor sides[2], terms[2];
    long long scale = 0;
    condition = expression_bare(reader, condition);
    range->compare = clang_getCursorBinaryOperatorKind(condition);
    operands_of(reader, condition, sides);
    CXCursor left = plain(reader, sides[0]), right = sides[1];
    const enum CXBinaryOperatorKind kind = clang_getCursorBinaryOperatorKind(left);
    range->compared = clang_getCanonicalType(clang_getCursorType(sides[0]));
    operands_of(reader, left, terms);
    range->scaled = kind == CXBinaryOperator_Mul || kind == CXBinaryOperator_Sub;
    if (kind == CXBinaryOperator_Sub) {
        if (!number_of(right, &range->ahead) || range->ahead < 0 ||
            (range->compare != CXBinaryOperator_GE && range->compare != CXBinaryOperator_GT))
            return false;
        range->compare = range->compare == CXBinaryOperator_GE ? CXBinaryOperator_LE : CXBinaryOperator_LT;
        left = terms[1];
        right = terms[0];
    } else if (kind == CXBinaryOperator_Add || kind == CXBinaryOperator_Mul) {
        if (!number_of(terms[1], kind == CXBinaryOperator_Add ? &range->ahead : &scale) || range->ahead < 0 || scale < 0)
            return false;
        left = terms[0];
    }
    if ((kind == CXBinaryOperator_Mul && scale == 0) || !name_of(reader, left, &range->variable, &range->field) ||
        clang_Cursor_hasVarDeclGlobalStorage(range->variable) == 1)
        return false;
    range->type = clang_getCanonicalType(clang_getCursorType(clang_Cursor_isNull(range->field) ? range->variable : range->field));
    range->limited = clang_getCanonicalType(clang_getCursorType(expression_bare(reader, right)));
    range->known = !range->scaled && number_of(right, &range->limit);
    range->limit -= range->ahead;
    return true;
}

static bool find_start(Reader *reader, CXCursor initial, Range *range)
{
    CXCursor sides[2];
    int count;
    bool found = false;
    if (clang_getCursorBinaryOperatorKind(initial) == CXBinaryOperator_Assign) {
        operands_of(reader, initial, sides);
        return names(reader, sides[0], range) && number_of(sides[1], &range->start);
    }
    const int first = reader_children(reader, initial, &count);
    for (int i = 0; i < count; i++)
        if (clang_equalCursors(reader->children[first + i], range->variable))
            found = number_of(clang_Cursor_getVarDeclInitializer(range->variable), &range->start);
    reader_drop(reader, first);
    return found;
}

/* `amount`: of a step that is worked out; else a null cursor. */
static bool find_step(Reader *reader, CXCursor step, Range *range, CXCursor *amount)
{
    CXCursor sides[2];
    step = expression_bare(reader, step);
    operands_of(reader, step, sides);
    const enum CXUnaryOperatorKind unary = clang_getCursorUnaryOperatorKind(step);
    const enum CXBinaryOperatorKind binary = clang_getCursorBinaryOperatorKind(step);
    *amount = clang_getNullCursor();
    if (binary == CXBinaryOperator_Comma)
        return goes_deeper(reader) &&
               goes_back(reader, find_step(reader, sides[0], range, amount) || find_step(reader, sides[1], range, amount));
    if (!names(reader, sides[0], range))
        return false;
    const bool up = unary == CXUnaryOperator_PostInc || unary == CXUnaryOperator_PreInc;
    const bool down = unary == CXUnaryOperator_PostDec || unary == CXUnaryOperator_PreDec;
    range->step = up - down;
    if (range->step != 0)
        return true;
    if ((binary == CXBinaryOperator_AddAssign || binary == CXBinaryOperator_SubAssign) && number_of(sides[1], &range->step)) {
        range->step = binary == CXBinaryOperator_SubAssign ? -range->step : range->step;
        return range->step != 0;
    }
    *amount = sides[1];
    return binary == CXBinaryOperator_AddAssign;
}

static bool has_continue(Reader *reader, CXCursor cursor)
{
    int count;
    bool found = clang_getCursorKind(cursor) == CXCursor_ContinueStmt;
    const int first = reader_children(reader, cursor, &count);
    for (int i = 0; i < count && !found; i++)
        found = !goes_deeper(reader) || goes_back(reader, has_continue(reader, reader->children[first + i]));
    reader_drop(reader, first);
    return found;
}

/* A loop within goes on with the same counter, up to a limit of its own: a step that is worked out. */
static bool find_loop_step(Reader *reader, CXCursor loop, Range *range, CXCursor *amount)
{
    int count;
    const int first = reader_children(reader, loop, &count);
    const Parts parts = parts_of(reader, loop, reader->children + first, count);
    reader_drop(reader, first);
    if (clang_Cursor_isNull(parts.step) || clang_Cursor_isNull(parts.condition) || !clang_Cursor_isNull(parts.initial) ||
        !find_step(reader, parts.step, range, amount) || range->step <= 0)
        return false;
    range->step = 0;
    *amount = parts.condition;
    return true;
}

/* A step that is a statement of the body itself, and that no turn leaves out. */
static bool find_body_step(Reader *reader, CXCursor body, Range *range, CXCursor *amount)
{
    int count;
    bool found = false;
    if (clang_Cursor_isNull(body) || has_continue(reader, body))
        return false;
    const int first = reader_children(reader, body, &count);
    const bool block = clang_getCursorKind(body) == CXCursor_CompoundStmt;
    for (int i = 0; i < count && block && !found; i++) {
        const CXCursor child = reader->children[first + i];
        found = clang_getCursorKind(child) == CXCursor_ForStmt ? find_loop_step(reader, child, range, amount)
                                                               : find_step(reader, child, range, amount);
    }
    reader_drop(reader, first);
    return found || (!block && find_step(reader, body, range, amount));
}

/* ---- what a type holds ---- */

static bool is_unsigned(CXType type)
{
    return type.kind == CXType_Bool || (type.kind >= CXType_Char_U && type.kind <= CXType_UInt128);
}

/* Of integers and of pointers, which are counted like integers; what is above is left out. */
static bool type_range(CXType type, long long *low, long long *high)
{
    const long long bytes = clang_Type_getSizeOf(type);
    const bool integer = type.kind >= CXType_Bool && type.kind <= CXType_Int128;
    if (bytes < 1 || bytes > 8 || (!integer && type.kind != CXType_Pointer))
        return false;
    const long long whole = bytes == 8 ? LLONG_MAX : (1LL << (8 * bytes - 1)) - 1;
    *high = type.kind == CXType_Bool ? 1 : !is_unsigned(type) || bytes == 8 ? whole : 2 * whole + 1;
    *low = is_unsigned(type) ? 0 : -whole - 1;
    return true;
}

static bool goes_up(const Range *range)
{
    return range->compare == CXBinaryOperator_LT || range->compare == CXBinaryOperator_LE;
}

static bool goes_down(const Range *range)
{
    return range->compare == CXBinaryOperator_GT || range->compare == CXBinaryOperator_GE;
}

/* Whether the counter gets past its limit before it has no more numbers. Signed ones of full width never run over in a correct program. */
static bool reaches(const Range *range)
{
    long long low, high, least, largest;
    const bool last = range->compare == CXBinaryOperator_LE || range->compare == CXBinaryOperator_GE, up = goes_up(range);
    const long long step = up ? range->step : -range->step;
    if (!type_range(range->type, &low, &high) || !type_range(range->compared, &least, &largest))
        return false;
    const bool full = !is_unsigned(range->type) && clang_Type_getSizeOf(range->type) >= (long long)sizeof(int);
    if (range->compare == CXBinaryOperator_NE)
        return range->type.kind == CXType_Pointer && range->step == 1 && range->ahead == 0 && !range->scaled;
    if (range->step == 0)
        return up && full && clang_Type_getSizeOf(range->limited) <= clang_Type_getSizeOf(range->type);
    if (step < 0 || !(up || goes_down(range)))
        return false;
    low = low < least ? least : low;
    high = high > largest ? largest : high;
    if (range->known)
        return up ? range->limit - 1 + last + step + range->ahead <= high : range->limit + 1 - last - step >= low;
    if (full && (up || !is_unsigned(range->compared)))
        return clang_Type_getSizeOf(range->limited) <= clang_Type_getSizeOf(range->type);
    return step == 1 && !last && range->ahead == 0 && !range->scaled && type_range(range->limited, &least, &largest) &&
           (up ? largest <= high : least >= low);
}

static long long trips_of(const Range *range)
{
    const bool up = range->step > 0, last = range->compare == CXBinaryOperator_LE || range->compare == CXBinaryOperator_GE;
    long long low, high;
    const bool typed = type_range(range->type, &low, &high) && (!is_unsigned(range->compared) || range->start >= 0);
    if (!typed || range->step == 0 || range->start < low || range->start > high)
        return -1;
    const long long way = up ? range->limit - range->start : range->start - range->limit, step = up ? range->step : -range->step;
    if (range->compare == CXBinaryOperator_NE)
        return range->ahead == 0 && way >= 0 && way % step == 0 && range->limit >= low && range->limit <= high ? way / step : -1;
    const long long whole = way + last;
    return !reaches(range) ? -1 : whole <= 0 ? 0 : (whole - 1) / step + 1;
}

/* ---- what stays ---- */

/* How often the names in an expression are written so far. Its addresses, and memory that others may change, flow to `fault`. */
static long writes_in(Reader *reader, CXCursor expression, int fault)
{
    int count;
    long writes = 0;
    const enum CXCursorKind kind = clang_getCursorKind(expression);
    const Declared *variable = kind == CXCursor_DeclRefExpr ? expression_variable(reader, expression) : NULL;
    if (variable != NULL) {
        source_flow(reader->sources, variable->address, fault);
        writes = variable->writes;
    }
    const int first = reader_children(reader, expression, &count);
    if (count > 0 && (kind == CXCursor_ArraySubscriptExpr || kind == CXCursor_MemberRefExpr ||
                      clang_getCursorUnaryOperatorKind(expression) == CXUnaryOperator_Deref)) {
        const CXType held = clang_getCanonicalType(clang_getCursorType(expression_bare(reader, reader->children[first])));
        if (held.kind == CXType_Pointer && !type_constant(clang_getCursorType(expression)))
            source_add(reader->sources, fault, FROM_ELSEWHERE);
    }
    for (int i = 0; i < count && goes_deeper(reader); i++) {
        writes += writes_in(reader, reader->children[first + i], fault);
        reader->depth--;
    }
    reader_drop(reader, first);
    return writes;
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
    variable = expression_variable(reader, sides[0]);
    const bool ends = kind == CXBinaryOperator_DivAssign || compare == CXBinaryOperator_GT ||
                      is_unsigned(clang_getCanonicalType(clang_getCursorType(cursor)));
    return ends && variable != NULL && clang_equalCursors(variable->cursor, cursor) && expression_number(sides[1], &amount) &&
           (compare == CXBinaryOperator_GT ? amount >= 0 : compare == CXBinaryOperator_NE && amount == 0);
}

/* ---- the loop ---- */

/* The parts of a condition that all have to hold: that one of them ends it is enough. */
enum { MOST_TERMS = 8 };

static int terms_of(Reader *reader, CXCursor condition, CXCursor *terms, int count)
{
    CXCursor sides[2];
    const CXCursor bare = expression_bare(reader, condition);
    if (clang_getCursorBinaryOperatorKind(bare) == CXBinaryOperator_LAnd && count < MOST_TERMS - 1 && goes_deeper(reader)) {
        operands_of(reader, bare, sides);
        count = terms_of(reader, sides[1], terms, terms_of(reader, sides[0], terms, count));
        reader->depth--;
        return count;
    }
    if (count < MOST_TERMS)
        terms[count++] = bare;
    return count;
}

typedef struct Term { CXCursor condition, amount; Range range; int fault; long writes; bool good; } Term;

static Term read_term(Reader *reader, const Parts *parts, CXCursor condition)
{
    const CXCursor none = clang_getNullCursor();
    Term term = {condition, none, {.variable = none, .field = none}, source_cell(reader->sources, 0), 0, false};
    const Parts alone = {none, condition, parts->step, none};
    term.writes = writes_in(reader, condition, term.fault);
    if (halves(reader, &alone)) {
        term.good = true;
        return term;
    }
    if (find_limit(reader, condition, &term.range))
        term.good = clang_Cursor_isNull(parts->step) ? find_body_step(reader, parts->body, &term.range, &term.amount)
                                                     : find_step(reader, parts->step, &term.range, &term.amount);
    return term;
}

/* After all of the loop has been read: the only one that writes any of the names is the step. */
static bool holds(Reader *reader, const Parts *parts, Term *term, long long *trips)
{
    Range *range = &term->range;
    *trips = -1;
    if (!term->good || writes_in(reader, term->condition, term->fault) - term->writes != 1)
        return false;
    if (clang_Cursor_isNull(range->variable))
        return true;
    if (range->known && !clang_Cursor_isNull(parts->step) && find_start(reader, parts->initial, range))
        *trips = trips_of(range);
    return *trips >= 0 || reaches(range);
}

static void read_bound(Reader *reader, int number, const Parts *parts, Term *terms, int count)
{
    LoopCells *cells = &reader->cells[number];
    for (int i = 0; i < count; i++) {
        long long trips;
        if (!holds(reader, parts, &terms[i], &trips))
            continue;
        const bool halved = clang_Cursor_isNull(terms[i].range.variable);
        *cells = (LoopCells){halved && count == 1 ? CELL_CONSTANT : cells->bound, terms[i].fault, CELL_CONSTANT,
                             !clang_Cursor_isNull(terms[i].amount)};
        if (cells->worked_out)
            cells->step = value_of(reader, terms[i].amount);
        reader->reading->facts[number].trips = count == 1 ? trips : -1;
        return;
    }
    cells->fault = reader->elsewhere;
}

static void read_loop_parts(Reader *reader, CXCursor loop, int number, const Parts *parts)
{
    CXCursor conditions[MOST_TERMS];
    Term terms[MOST_TERMS];
    int count = 0;
    if (!clang_Cursor_isNull(parts->initial))
        read_statement(reader, parts->initial);
    if (!clang_Cursor_isNull(parts->condition))
        count = terms_of(reader, parts->condition, conditions, 0);
    for (int i = 0; i < count; i++)
        terms[i] = read_term(reader, parts, conditions[i]);
    if (!clang_Cursor_isNull(parts->step))
        read_statement(reader, parts->step);
    const int bound = clang_Cursor_isNull(parts->condition) ? reader->elsewhere : value_of(reader, parts->condition);
    reader->cells[number].bound = bound;
    if (!clang_Cursor_isNull(parts->body))
        read_statement(reader, parts->body);
    read_bound(reader, number, parts, terms, count);
    const unsigned start = reader_start(loop);
    reader->reading->facts[number].text =
        reader_between(reader, start, clang_getCursorKind(loop) == CXCursor_DoStmt ? start + 2 : reader_start(parts->body));
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
