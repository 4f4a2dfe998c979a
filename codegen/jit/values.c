/* Expressions, by what their numbers come from. Real numbers and vectors bound no loops: they count as from elsewhere without a look. */
#include "codegen/jit/reader.h"

#include <string.h>

/* ---- types ---- */

static CXType type_of(CXCursor cursor)
{
    return clang_getCanonicalType(clang_getCursorType(cursor));
}

static bool is_array(CXType type)
{
    return type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray || type.kind == CXType_VariableArray;
}

static bool is_real(CXType type)
{
    return type.kind == CXType_Float || type.kind == CXType_Double || type.kind == CXType_LongDouble || type.kind == CXType_Float16 ||
           type.kind == CXType_Half || type.kind == CXType_Vector || type.kind == CXType_ExtVector;
}

/* What points to real numbers alone needs no memory of its own here: no bound is read through it. */
static bool points_to_real(CXType type)
{
    type = type.kind == CXType_Pointer ? clang_getCanonicalType(clang_getPointeeType(type)) : type;
    while (is_array(type))
        type = clang_getCanonicalType(clang_getArrayElementType(type));
    return is_real(type);
}

bool type_constant(CXType type)
{
    bool constant = clang_isConstQualifiedType(type) != 0;
    for (type = clang_getCanonicalType(type); is_array(type); type = clang_getArrayElementType(type))
        constant |= clang_isConstQualifiedType(type) != 0;
    return constant || clang_isConstQualifiedType(type);
}

static bool points_to_constant(CXType type)
{
    return type.kind == CXType_Pointer && clang_isConstQualifiedType(clang_getPointeeType(type));
}

/* ---- reading and writing ---- */

static int either(Reader *reader, int a, int b)
{
    if (a == b || b == CELL_CONSTANT)
        return a;
    if (a == CELL_CONSTANT)
        return b;
    const int both = source_cell(reader->sources, 0);
    source_flow(reader->sources, a, both);
    source_flow(reader->sources, b, both);
    return both;
}

/* A value of this type goes into a variable, or, `memory`, to where it is one among others. An address itself is no number that a loop would be
   bounded by: of a pointer in memory only where it points to counts. */
static void assign(Reader *reader, CXType type, int place, int value, bool memory)
{
    Sources *sources = reader->sources;
    if (value == CELL_CONSTANT || is_real(type))
        return;
    if (type.kind == CXType_Record) {
        source_unite(sources, place, value);
        return;
    }
    const bool pointer = type.kind == CXType_Pointer || is_array(type);
    if (!memory || !pointer)
        source_flow(sources, value, place);
    if (pointer && !points_to_real(type))
        source_point(sources, place, source_pointee(sources, value));
}

/* What stands in a place, found by `index`. */
static int load(Reader *reader, CXType type, int place, int index)
{
    Sources *sources = reader->sources;
    if (is_real(type))
        return reader->elsewhere;
    if (type.kind == CXType_Record)
        return place;
    const int value = source_cell(sources, 0);
    if (is_array(type))
        source_point(sources, value, place);
    else if (type.kind == CXType_Pointer)
        source_point(sources, value, source_pointee(sources, place));
    else
        source_flow(sources, place, value);
    source_flow(sources, index, value);
    return value;
}

static int place_of(Reader *reader, CXCursor expression, int *index);

static int subscript_place(Reader *reader, int first, int count, int *index)
{
    const int base = count > 0 ? value_of(reader, reader->children[first]) : reader->elsewhere;
    const int at = count > 1 ? value_of(reader, reader->children[first + 1]) : CELL_CONSTANT;
    *index = either(reader, base, at);
    return source_pointee(reader->sources, base);
}

/* A structure is one place, whichever of its members is meant. */
static int member_place(Reader *reader, int first, int count, int *index)
{
    if (count == 0)
        return reader->elsewhere;
    if (type_of(reader->children[first]).kind == CXType_Pointer)
        return source_pointee(reader->sources, value_of(reader, reader->children[first]));
    return place_of(reader, reader->children[first], index);
}

static int place_of(Reader *reader, CXCursor expression, int *index)
{
    expression = expression_bare(reader, expression);
    const enum CXCursorKind kind = clang_getCursorKind(expression);
    int count, place;
    *index = CELL_CONSTANT;
    if (kind != CXCursor_ArraySubscriptExpr && kind != CXCursor_MemberRefExpr && kind != CXCursor_UnaryOperator)
        return value_of(reader, expression);
    const int first = reader_children(reader, expression, &count);
    if (kind == CXCursor_ArraySubscriptExpr)
        place = subscript_place(reader, first, count, index);
    else if (kind == CXCursor_MemberRefExpr)
        place = member_place(reader, first, count, index);
    else
        place = source_pointee(reader->sources, count > 0 ? value_of(reader, reader->children[first]) : reader->elsewhere);
    reader_drop(reader, first);
    return place;
}

static int loaded(Reader *reader, CXCursor expression)
{
    int index;
    const int place = place_of(reader, expression, &index);
    return load(reader, type_of(expression), place, index);
}

static int changed_place(Reader *reader, CXCursor expression, int *index)
{
    Declared *variable = expression_base(reader, expression);
    if (variable != NULL)
        variable->writes++;
    return place_of(reader, expression, index);
}

void value_assign(Reader *reader, CXCursor expression, int place)
{
    assign(reader, type_of(expression), place, value_of(reader, expression), false);
}

/* ---- operators ---- */

static int unary(Reader *reader, CXCursor expression)
{
    const enum CXUnaryOperatorKind kind = clang_getCursorUnaryOperatorKind(expression);
    int count, index;
    const int first = reader_children(reader, expression, &count);
    const CXCursor inner = count > 0 ? reader->children[first] : expression;
    reader_drop(reader, first);
    if (count == 0)
        return CELL_CONSTANT;
    if (kind == CXUnaryOperator_Deref)
        return loaded(reader, expression);
    if (kind == CXUnaryOperator_PostInc || kind == CXUnaryOperator_PostDec || kind == CXUnaryOperator_PreInc || kind == CXUnaryOperator_PreDec)
        return changed_place(reader, inner, &index);
    if (kind != CXUnaryOperator_AddrOf)
        return value_of(reader, inner);
    const bool shown = reader->shown && type_of(inner).kind == CXType_Record;
    reader->shown = false;
    const Declared *variable = shown ? NULL : expression_base(reader, inner);
    if (variable != NULL && (type_of(variable->cursor).kind != CXType_Pointer || expression_variable(reader, inner) != NULL))
        source_add(reader->sources, variable->address, FROM_ELSEWHERE);
    const int place = shown ? place_of(reader, inner, &index) : changed_place(reader, inner, &index);
    const int pointer = source_cell(reader->sources, 0);
    if (is_array(type_of(inner)))
        return place;
    source_flow(reader->sources, index, pointer);
    source_point(reader->sources, pointer, place);
    return pointer;
}

static int joined(Reader *reader, CXType type, int a, int b, CXType type_a)
{
    if (is_real(type))
        return reader->elsewhere;
    if (type.kind != CXType_Pointer)
        return either(reader, a, b);
    const int pointer = source_cell(reader->sources, 0), base = type_a.kind == CXType_Pointer || is_array(type_a) ? a : b;
    source_flow(reader->sources, a, pointer);
    source_flow(reader->sources, b, pointer);
    if (base != CELL_CONSTANT)
        source_point(reader->sources, pointer, source_pointee(reader->sources, base));
    return pointer;
}

static int binary(Reader *reader, CXCursor expression, const CXCursor *operands)
{
    const enum CXBinaryOperatorKind kind = clang_getCursorBinaryOperatorKind(expression);
    const CXCursor left = operands[0], right = operands[1];
    if (kind >= CXBinaryOperator_Assign && kind < CXBinaryOperator_Comma) {
        int index;
        const int value = value_of(reader, right), place = changed_place(reader, left, &index);
        if (kind == CXBinaryOperator_Assign)
            assign(reader, type_of(left), place, value, expression_variable(reader, left) == NULL);
        else if (!is_real(type_of(left)))
            source_flow(reader->sources, value, place);
        return is_real(type_of(left)) ? reader->elsewhere : value;
    }
    const int a = value_of(reader, left), b = value_of(reader, right);
    return kind == CXBinaryOperator_Comma ? b : joined(reader, type_of(expression), a, b, type_of(left));
}

/* Which of both it is does not count: either is a bound. */
static int conditional(Reader *reader, CXCursor expression, const CXCursor *operands)
{
    const CXCursor yes = operands[1], no = operands[2];
    const CXType type = type_of(expression);
    value_of(reader, operands[0]);
    const int a = value_of(reader, yes), b = value_of(reader, no), result = joined(reader, type, a, b, type);
    if (type.kind == CXType_Pointer && a != CELL_CONSTANT && b != CELL_CONSTANT)
        source_unite(reader->sources, source_pointee(reader->sources, a), source_pointee(reader->sources, b));
    return result;
}

/* ---- calls ---- */

static JitCallee callee_kind(const Reader *reader, CXCursor callee, const char *name)
{
    if (clang_getCursorKind(callee) != CXCursor_FunctionDecl)
        return CALLEE_POINTER;
    if (strncmp(name, "__builtin_", strlen("__builtin_")) == 0 || reader_place(reader, callee) == PLACE_HEADER)
        return CALLEE_COMPILER;
    return clang_Cursor_isNull(clang_getCursorDefinition(callee)) ? CALLEE_FOREIGN : CALLEE_OWN;
}

/* What others do with memory that they may write is not known. */
static int pass_argument(Reader *reader, CXCursor callee, JitCallee kind, unsigned number, CXCursor argument)
{
    const CXType type = type_of(argument);
    const int value = value_of(reader, argument);
    if (kind == CALLEE_OWN) {
        const CXCursor parameter = clang_Cursor_getArgument(clang_getCursorDefinition(callee), number);
        if (!clang_Cursor_isNull(parameter))
            assign(reader, type, reader_declared(reader, parameter)->cell, value, false);
    } else if (kind != CALLEE_POINTER && type.kind == CXType_Pointer && !clang_isConstQualifiedType(clang_getPointeeType(type)) &&
               value != CELL_CONSTANT)
        source_add(reader->sources, source_pointee(reader->sources, value), FROM_ELSEWHERE);
    return is_real(type) ? CELL_CONSTANT : value;
}

static bool names_function(Reader *reader, CXCursor expression)
{
    return clang_getCursorKind(clang_getCursorReferenced(expression_bare(reader, expression))) == CXCursor_FunctionDecl;
}

/* An element of a table that cannot be changed, or one function or another: such a pointer leads to functions that the text names. */
static bool is_choice(Reader *reader, CXCursor callee)
{
    int count;
    const enum CXCursorKind kind = clang_getCursorKind(callee);
    const int first = reader_children(reader, callee, &count);
    const CXCursor *parts = reader->children + first, table = clang_getCursorReferenced(count > 0 ? expression_bare(reader, parts[0]) : callee);
    bool choice = false;
    parts = reader->children + first;
    if (kind == CXCursor_ConditionalOperator && count == 3) {
        const CXCursor yes = parts[1], no = parts[2];
        choice = names_function(reader, yes) && names_function(reader, no);
    } else if (kind == CXCursor_ArraySubscriptExpr)
        choice = clang_getCursorKind(table) == CXCursor_VarDecl && clang_Cursor_hasVarDeclGlobalStorage(table) == 1 &&
                 type_constant(clang_getCursorType(table));
    reader_drop(reader, first);
    return choice;
}

/* A call through a pointer, as a fact: its text and the type of what is called. What its arguments meet is known once all of the text is. */
static void pointer_call(Reader *reader, CXCursor expression, int number)
{
    int count;
    const int first = reader_children(reader, expression, &count);
    const CXCursor callee = count > 0 ? reader->children[first] : expression;
    const CXSourceRange range = clang_getCursorExtent(callee);
    reader_drop(reader, first);
    const bool choice = is_choice(reader, expression_bare(reader, callee));
    const char *text = reader_between(reader, reader_offset(clang_getRangeStart(range)), reader_offset(clang_getRangeEnd(range)));
    const char *type = reader_type(reader, clang_getPointeeType(type_of(callee)));
    JitFact *fact = &reader->reading->facts[number];
    fact->callee = choice ? CALLEE_CHOICE : CALLEE_POINTER;
    fact->text = text;
    fact->type = type;
}

static void note_argument(Reader *reader, int number, unsigned argument, int value)
{
    reader->arguments = reader_grow(reader->arguments, reader->argument_count, &reader->argument_capacity, sizeof *reader->arguments);
    reader->arguments[reader->argument_count++] = (Argument){number, argument, value};
}

/* The result of a function that the compiler brings along depends on nothing but its arguments. */
static int call(Reader *reader, CXCursor expression)
{
    const CXCursor callee = clang_getCursorReferenced(expression);
    const int number = reader->reading->count;
    JitFact *fact = reader_fact(reader, FACT_CALL, expression, clang_getCursorSpelling(expression));
    const JitCallee kind = fact->callee = callee_kind(reader, callee, fact->name);
    if (kind == CALLEE_POINTER)
        pointer_call(reader, expression, number);
    int result = kind == CALLEE_FOREIGN || kind == CALLEE_POINTER ? reader->elsewhere : CELL_CONSTANT;
    if (kind != CALLEE_POINTER) {
        Declared *function = reader_declared(reader, clang_getCanonicalCursor(callee));
        function->called = true;
        result = kind == CALLEE_OWN ? function->cell : result;
    }
    const int count = clang_Cursor_getNumArguments(expression);
    for (int i = 0; i < count; i++) {
        const int value = pass_argument(reader, callee, kind, (unsigned)i, clang_Cursor_getArgument(expression, (unsigned)i));
        if (kind == CALLEE_COMPILER)
            result = either(reader, result, value);
        if (kind == CALLEE_POINTER)
            note_argument(reader, number, (unsigned)i, value);
    }
    return is_real(type_of(expression)) ? reader->elsewhere : result;
}

/* ---- initial values ---- */

/* Tables of numbers are long, and say nothing that their declaration does not. */
static bool is_table(CXCursor variable)
{
    CXType type = type_of(variable);
    while (is_array(type))
        type = clang_getCanonicalType(clang_getArrayElementType(type));
    return clang_Cursor_hasVarDeclGlobalStorage(variable) && type.kind != CXType_Pointer && type.kind != CXType_Record;
}

static void initialize(Reader *reader, int place, CXCursor list)
{
    int count;
    const int first = reader_children(reader, list, &count);
    for (int i = 0; i < count; i++) {
        const CXCursor one = reader->children[first + i], bare = expression_bare(reader, one);
        if (clang_getCursorKind(bare) == CXCursor_InitListExpr)
            initialize(reader, place, bare);
        else if (clang_isExpression(clang_getCursorKind(bare)))
            assign(reader, type_of(bare), place, value_of(reader, bare), true);
    }
    reader_drop(reader, first);
}

void value_initial(Reader *reader, CXCursor variable, int cell)
{
    const CXCursor initial = clang_Cursor_getVarDeclInitializer(variable);
    if (clang_Cursor_isNull(initial) || is_table(variable))
        return;
    const CXCursor bare = expression_bare(reader, initial);
    const bool array = is_array(type_of(variable));
    if (clang_getCursorKind(bare) == CXCursor_InitListExpr)
        initialize(reader, array ? source_pointee(reader->sources, cell) : cell, bare);
    else
        assign(reader, type_of(variable), cell, value_of(reader, initial), false);
}

/* ---- all expressions ---- */

static int table_value(Reader *reader)
{
    const int table = source_cell(reader->sources, 0);
    source_add(reader->sources, source_pointee(reader->sources, table), FROM_TABLE);
    return table;
}

/* A table that nothing changes is another one wherever it is named: memory that one use of it shares with other pointers is not that of all uses. */
static int named_value(Reader *reader, CXCursor expression)
{
    const CXCursor named = clang_getCursorReferenced(expression);
    const enum CXCursorKind kind = clang_getCursorKind(named);
    if (kind == CXCursor_VarDecl && is_array(type_of(named)) && is_table(named) && type_constant(clang_getCursorType(named)))
        return table_value(reader);
    if (kind == CXCursor_VarDecl || kind == CXCursor_ParmDecl)
        return reader_declared(reader, named)->cell;
    if (kind == CXCursor_FunctionDecl)
        reader_declared(reader, clang_getCanonicalCursor(named))->taken = true;
    return CELL_CONSTANT;
}

static int last_of(Reader *reader, int first, int count)
{
    int value = CELL_CONSTANT;
    for (int i = 0; i < count; i++)
        value = value_of(reader, reader->children[first + i]);
    return value;
}

static int by_kind(Reader *reader, CXCursor expression, enum CXCursorKind kind, int first, int count)
{
    CXCursor operands[3];
    for (int i = 0; i < 3 && i < count; i++)
        operands[i] = reader->children[first + i];
    if ((kind == CXCursor_BinaryOperator || kind == CXCursor_CompoundAssignOperator) && count == 2)
        return binary(reader, expression, operands);
    if (kind == CXCursor_ConditionalOperator && count == 3)
        return conditional(reader, expression, operands);
    if (kind == CXCursor_CStyleCastExpr || kind == CXCursor_UnexposedExpr || kind == CXCursor_ParenExpr) {
        const CXType type = type_of(expression);
        const bool reused = count > 0 && points_to_real(type_of(reader->children[first + count - 1])) && !points_to_real(type);
        reader->shown = count > 0 && points_to_constant(type) &&
                        clang_getCursorUnaryOperatorKind(reader->children[first + count - 1]) == CXUnaryOperator_AddrOf;
        const int value = last_of(reader, first, count);
        return is_real(type) || (reused && type.kind == CXType_Pointer) ? reader->elsewhere : value;
    }
    if (kind == CXCursor_CompoundLiteralExpr || kind == CXCursor_InitListExpr) {
        const int place = source_cell(reader->sources, 0);
        initialize(reader, place, expression);
        return place;
    }
    for (int i = 0; i < count; i++)
        read_statement(reader, reader->children[first + i]);
    return reader->elsewhere;
}

static int value_within(Reader *reader, CXCursor expression)
{
    int count;
    const enum CXCursorKind kind = clang_getCursorKind(expression);
    switch ((int)kind) {
    case CXCursor_IntegerLiteral: case CXCursor_CharacterLiteral: case CXCursor_FloatingLiteral: case CXCursor_UnaryExpr: case CXCursor_TypeRef:
        return CELL_CONSTANT;
    case CXCursor_StringLiteral: return table_value(reader);
    case CXCursor_DeclRefExpr: return named_value(reader, expression);
    case CXCursor_ArraySubscriptExpr: case CXCursor_MemberRefExpr: return loaded(reader, expression);
    case CXCursor_UnaryOperator: return unary(reader, expression);
    case CXCursor_CallExpr: return call(reader, expression);
    default: break;
    }
    const int first = reader_children(reader, expression, &count);
    const int value = by_kind(reader, expression, kind, first, count);
    reader_drop(reader, first);
    return value;
}

int value_of(Reader *reader, CXCursor expression)
{
    if (reader->depth >= JIT_MOST_DEPTH) {
        reader->too_deep = true;
        return reader->elsewhere;
    }
    reader->depth++;
    const int value = value_within(reader, expression);
    reader->depth--;
    return value;
}
