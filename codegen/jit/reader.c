/* Reads a C text by libclang: its functions, loops, arrays, calls, variables of static storage and assembler, as facts in the order of the text; and
   of each loop how often it runs, or what its bound comes from. The C interface does: it and clang.cpp's library both fit into one process, since Debian
   builds libclang with its own clang inside and shows nothing of it. */
#include "codegen/jit/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/jit/clang.h"

enum { LONGEST_HEADER = 160 };       /* of a loop, in characters */

void *reader_grow(void *items, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = 2 * *capacity + 64;
    void *larger = realloc(items, (size_t)*capacity * size);
    if (larger == NULL)
        abort();
    return larger;
}

/* ---- texts ---- */

struct JitTexts {
    struct JitTexts *next;
    char bytes[];
};

static const char *keep(Reader *reader, const char *text, size_t length)
{
    struct JitTexts *kept = malloc(sizeof *kept + length + 1);
    if (kept == NULL)
        abort();
    memcpy(kept->bytes, text, length);
    kept->bytes[length] = '\0';
    kept->next = reader->reading->texts;
    reader->reading->texts = kept;
    return kept->bytes;
}

static const char *keep_string(Reader *reader, CXString string)
{
    const char *text = clang_getCString(string);
    const char *kept = keep(reader, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    clang_disposeString(string);
    return kept;
}

unsigned reader_offset(CXSourceLocation location)
{
    unsigned offset;
    clang_getExpansionLocation(location, NULL, NULL, NULL, &offset);
    return offset;
}

unsigned reader_start(CXCursor cursor)
{
    return reader_offset(clang_getRangeStart(clang_getCursorExtent(cursor)));
}

/* A name may come from a macro: what counts is where that is used. */
ReaderPlace reader_place(const Reader *reader, CXCursor cursor)
{
    CXFile file;
    clang_getExpansionLocation(clang_getCursorLocation(cursor), &file, NULL, NULL, NULL);
    return file == NULL ? PLACE_NOWHERE : clang_File_isEqual(file, reader->file) ? PLACE_TEXT : PLACE_HEADER;
}

/* On one line, without the blanks at its end. */
const char *reader_between(Reader *reader, unsigned from, unsigned to)
{
    char line[LONGEST_HEADER + 1];
    size_t length = 0;
    for (size_t at = from; at < to && at < reader->length && length < LONGEST_HEADER; at++) {
        const bool blank = (unsigned char)reader->text[at] <= ' ';
        if (!blank || (length > 0 && line[length - 1] != ' '))
            line[length++] = blank ? ' ' : reader->text[at];
    }
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '{'))
        length--;
    return keep(reader, line, length);
}

const char *reader_type(Reader *reader, CXType type)
{
    return keep_string(reader, clang_getTypeSpelling(clang_getCanonicalType(type)));
}

/* ---- what is collected ---- */

JitFact *reader_fact(Reader *reader, JitFactKind kind, CXCursor cursor, CXString name)
{
    JitReading *reading = reader->reading;
    int capacity = reader->fact_capacity;
    reading->facts = reader_grow(reading->facts, reading->count, &reader->fact_capacity, sizeof *reading->facts);
    reader->cells = reader_grow(reader->cells, reading->count, &capacity, sizeof *reader->cells);
    JitFact *fact = &reading->facts[reading->count];
    reader->cells[reading->count++] = (LoopCells){0};
    *fact = (JitFact){.kind = kind, .function = reader->function, .depth = reader->loops, .trips = -1, .name = keep_string(reader, name), .text = ""};
    unsigned line, column, end;
    clang_getExpansionLocation(clang_getCursorLocation(cursor), NULL, &line, &column, NULL);
    clang_getExpansionLocation(clang_getRangeEnd(clang_getCursorExtent(cursor)), NULL, &end, NULL, NULL);
    fact->line = (int)line;
    fact->column = (int)column;
    fact->end_line = (int)end;
    fact->type = reader_type(reader, clang_getCursorType(cursor));
    return fact;
}

static enum CXChildVisitResult push_child(CXCursor cursor, CXCursor parent, CXClientData user)
{
    Reader *reader = user;
    (void)parent;
    reader->children = reader_grow(reader->children, reader->child_count, &reader->child_capacity, sizeof *reader->children);
    reader->children[reader->child_count++] = cursor;
    return CXChildVisit_Continue;
}

int reader_children(Reader *reader, CXCursor cursor, int *count)
{
    const int first = reader->child_count;
    clang_visitChildren(cursor, push_child, reader);
    *count = reader->child_count - first;
    return first;
}

void reader_drop(Reader *reader, int first)
{
    reader->child_count = first;
}

/* ---- declarations ---- */

static int slot_of(const Reader *reader, CXCursor declaration)
{
    unsigned at = clang_hashCursor(declaration) % (unsigned)reader->declared_capacity;
    while (!clang_Cursor_isNull(reader->declared[at].cursor) && !clang_equalCursors(reader->declared[at].cursor, declaration))
        at = (at + 1) % (unsigned)reader->declared_capacity;
    return (int)at;
}

static void enlarge_table(Reader *reader)
{
    Declared *old = reader->declared;
    const int capacity = reader->declared_capacity;
    reader->declared_capacity = 2 * capacity + 1021;
    reader->declared = calloc((size_t)reader->declared_capacity, sizeof *old);
    if (reader->declared == NULL)
        abort();
    for (int i = 0; i < reader->declared_capacity; i++)
        reader->declared[i].cursor = clang_getNullCursor();
    for (int i = 0; i < capacity; i++)
        if (!clang_Cursor_isNull(old[i].cursor))
            reader->declared[slot_of(reader, old[i].cursor)] = old[i];
    free(old);
}

/* What stays as it is from run to run is a table, if it cannot be written. */
static void set_storage(Reader *reader, CXCursor variable, int cell)
{
    Sources *sources = reader->sources;
    const CXType type = clang_getCanonicalType(clang_getCursorType(variable));
    const unsigned from = type_constant(type) ? FROM_TABLE : FROM_ELSEWHERE;
    if (!clang_Cursor_hasVarDeclGlobalStorage(variable))
        return;
    if (type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray)
        source_add(sources, source_pointee(sources, cell), from);
    else
        source_add(sources, cell, from);
}

Declared *reader_declared(Reader *reader, CXCursor declaration)
{
    if (3 * reader->declared_count >= 2 * reader->declared_capacity)
        enlarge_table(reader);
    const int slot = slot_of(reader, declaration);
    if (clang_Cursor_isNull(reader->declared[slot].cursor)) {
        const int cell = source_cell(reader->sources, 0);
        reader->declared[slot] = (Declared){.cursor = declaration, .cell = cell, .address = source_cell(reader->sources, 0), .fact = -1};
        reader->declared_count++;
        if (clang_getCursorKind(declaration) == CXCursor_VarDecl)
            set_storage(reader, declaration, cell);
    }
    return &reader->declared[slot];
}

static void read_extents(JitFact *fact, CXType type)
{
    for (type = clang_getCanonicalType(type); clang_getArrayElementType(type).kind != CXType_Invalid && type.kind != CXType_Vector;
         type = clang_getCanonicalType(clang_getArrayElementType(type)))
        if (fact->rank < JIT_MOST_EXTENTS)
            fact->extents[fact->rank++] = clang_getArraySize(type);
}

void read_variable(Reader *reader, CXCursor cursor)
{
    const CXType type = clang_getCanonicalType(clang_getCursorType(cursor));
    const bool is_static = clang_Cursor_hasVarDeclGlobalStorage(cursor) != 0;
    const bool array = type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray || type.kind == CXType_VariableArray;
    const int cell = reader_declared(reader, clang_getCanonicalCursor(cursor))->cell;
    if (array || is_static) {
        JitFact *fact = reader_fact(reader, is_static ? FACT_STATIC : FACT_ARRAY, cursor, clang_getCursorSpelling(cursor));
        fact->changes = !type_constant(type);
        read_extents(fact, type);
    }
    value_initial(reader, cursor, cell);
}

/* ---- statements ---- */

/* Backwards, it may make a loop that has no bound; forwards, generated code needs none. */
static void read_jump(Reader *reader, CXCursor cursor)
{
    const int number = reader->reading->count;
    reader_fact(reader, FACT_LOOP, cursor, clang_getCursorSpelling(cursor))->text = "goto";
    reader->cells[number].bound = reader->elsewhere;
}

/* libclang does not say which operands are written. */
static void read_assembler(Reader *reader, CXCursor cursor)
{
    int count;
    reader_fact(reader, FACT_ASSEMBLER, cursor, clang_getCursorSpelling(cursor));
    const int first = reader_children(reader, cursor, &count);
    for (int i = 0; i < count; i++) {
        const Declared *variable = expression_variable(reader, reader->children[first + i]);
        if (variable != NULL)
            source_add(reader->sources, variable->cell, FROM_ELSEWHERE);
    }
    reader_drop(reader, first);
}

static void read_children(Reader *reader, CXCursor cursor)
{
    int count;
    const int first = reader_children(reader, cursor, &count);
    for (int i = 0; i < count; i++)
        read_statement(reader, reader->children[first + i]);
    reader_drop(reader, first);
}

static void read_return(Reader *reader, CXCursor cursor)
{
    int count;
    const int first = reader_children(reader, cursor, &count);
    if (count > 0)
        value_assign(reader, reader->children[first], reader->result);
    reader_drop(reader, first);
}

void read_statement(Reader *reader, CXCursor cursor)
{
    const enum CXCursorKind kind = clang_getCursorKind(cursor);
    if (reader->depth++ >= JIT_MOST_DEPTH)
        reader->too_deep = true;
    else if (kind == CXCursor_VarDecl)
        read_variable(reader, cursor);
    else if (clang_isExpression(kind))
        value_of(reader, cursor);
    else if (kind == CXCursor_ForStmt || kind == CXCursor_WhileStmt || kind == CXCursor_DoStmt)
        read_loop(reader, cursor);
    else if (kind == CXCursor_GotoStmt || kind == CXCursor_IndirectGotoStmt)
        read_jump(reader, cursor);
    else if (kind == CXCursor_ReturnStmt)
        read_return(reader, cursor);
    else if (kind == CXCursor_GCCAsmStmt || kind == CXCursor_MSAsmStmt)
        read_assembler(reader, cursor);
    else if (clang_isStatement(kind))
        read_children(reader, cursor);
    reader->depth--;
}

/* ---- functions ---- */

static void read_function(Reader *reader, CXCursor cursor)
{
    int count;
    const int number = reader->reading->count, cell = reader_declared(reader, clang_getCanonicalCursor(cursor))->cell;
    reader_fact(reader, FACT_FUNCTION, cursor, clang_getCursorSpelling(cursor))->visible = clang_Cursor_getStorageClass(cursor) != CX_SC_Static;
    reader_declared(reader, clang_getCanonicalCursor(cursor))->fact = number;
    reader->function = number;
    reader->result = cell;
    const int first = reader_children(reader, cursor, &count);
    for (int i = 0; i < count; i++)
        if (clang_isStatement(clang_getCursorKind(reader->children[first + i])))
            read_statement(reader, reader->children[first + i]);
    reader_drop(reader, first);
    reader->function = -1;
}

static enum CXChildVisitResult read_top(CXCursor cursor, CXCursor parent, CXClientData user)
{
    Reader *reader = user;
    const enum CXCursorKind kind = clang_getCursorKind(cursor);
    (void)parent;
    if (reader_place(reader, cursor) != PLACE_TEXT)
        return CXChildVisit_Continue;
    if (kind == CXCursor_FunctionDecl && clang_isCursorDefinition(cursor))
        read_function(reader, cursor);
    else if (kind == CXCursor_VarDecl)
        read_variable(reader, cursor);
    else if (kind == CXCursor_UnexposedDecl)
        reader_fact(reader, FACT_ASSEMBLER, cursor, clang_getCursorSpelling(cursor));
    return CXChildVisit_Continue;
}

/* What a function gets from callers that are not in the text, if it can have such: a stage its share and where values lie, others nothing that is
   known. */
static void set_parameters(Reader *reader, const Declared *function, bool stage)
{
    const CXCursor definition = clang_getCursorDefinition(function->cursor);
    const int count = clang_Cursor_getNumArguments(definition);
    for (int i = 0; i < count; i++) {
        int cell = reader_declared(reader, clang_Cursor_getArgument(definition, (unsigned)i))->cell;
        if (!stage) {
            source_unite(reader->sources, cell, reader->elsewhere);
            continue;
        }
        source_add(reader->sources, cell, FROM_SHARE);
        source_add(reader->sources, cell = source_pointee(reader->sources, cell), FROM_SHARE);
        source_point(reader->sources, cell, reader->elsewhere);
    }
}

/* What calls through pointers of its type give it; false: there is none. */
static bool set_arguments(Reader *reader, const Declared *function, const char *type)
{
    const CXCursor definition = clang_getCursorDefinition(function->cursor);
    const JitFact *facts = reader->reading->facts;
    bool found = false;
    for (int i = 0; i < reader->argument_count; i++) {
        const Argument *argument = &reader->arguments[i];
        if (strcmp(facts[argument->call].type, type) != 0)
            continue;
        const CXCursor parameter = clang_Cursor_getArgument(definition, argument->number);
        source_unite(reader->sources, reader_declared(reader, parameter)->cell, argument->cell);
        found = true;
    }
    return found;
}

static void set_all_parameters(Reader *reader)
{
    JitFact *facts = reader->reading->facts;
    for (int i = 0; i < reader->declared_capacity; i++) {
        const Declared function = reader->declared[i];
        if (clang_Cursor_isNull(function.cursor) || clang_getCursorKind(function.cursor) != CXCursor_FunctionDecl || function.fact < 0)
            continue;
        const char *type = facts[function.fact].type;
        const bool stage = strcmp(type, JIT_STAGE_TYPE) == 0, given = function.taken && !stage && set_arguments(reader, &function, type);
        facts[function.fact].taken = function.taken;
        if (stage || (!given && (function.taken || facts[function.fact].visible)))
            set_parameters(reader, &function, stage);
    }
}

/* ---- the whole ---- */

enum { MOST_ERRORS = 5, MOST_MESSAGE = 4000 };

/* The first of them, a line each. */
static bool has_errors(CXTranslationUnit unit, JitBytes *messages)
{
    char text[MOST_MESSAGE] = "";
    size_t length = 0;
    int errors = 0;
    for (unsigned i = 0; i < clang_getNumDiagnostics(unit) && errors < MOST_ERRORS; i++) {
        const CXDiagnostic diagnostic = clang_getDiagnostic(unit, i);
        if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error && length < sizeof text - 1) {
            const CXString line = clang_formatDiagnostic(diagnostic, CXDiagnostic_DisplaySourceLocation | CXDiagnostic_DisplayColumn);
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", errors++ > 0 ? "\n" : "", clang_getCString(line));
            clang_disposeString(line);
        }
        clang_disposeDiagnostic(diagnostic);
    }
    if (errors > 0)
        bytes_give(messages, text, strlen(text));
    return errors > 0;
}

static int add_words(const char **words, int count, const char *const *more)
{
    for (; *more != NULL; more++)
        words[count++] = *more;
    return count;
}

static CXTranslationUnit parse(CXIndex index, const char *const *flags, const char *path, const char *text, size_t length)
{
    enum { MOST_FLAGS = 100 };
    /* first, in front of CPATH's folders, which no option takes out */
    const char *words[MOST_FLAGS] = {"-I" TULLE_CLANG_HEADERS "/include"};
    struct CXUnsavedFile file = {path, text, (unsigned long)length};
    const int count = add_words(words, add_words(words, 1, clang_flags), flags);
    return clang_parseTranslationUnit(index, path, words, count, &file, 1, CXTranslationUnit_None);
}

/* A step that is worked out from constants alone would be written as one. */
static void set_bound(const Sources *sources, const LoopCells *cells, JitFact *fact)
{
    const bool endless = (source_from(sources, cells->fault) & FROM_ELSEWHERE) != 0 || (cells->worked_out && source_from(sources, cells->step) == 0);
    fact->trips = endless ? -1 : fact->trips;
    fact->from = endless ? FROM_ELSEWHERE : fact->trips >= 0 ? 0 : source_from(sources, cells->bound) | source_from(sources, cells->step);
}

static void read_unit(Reader *reader)
{
    JitReading *reading = reader->reading;
    reader->elsewhere = source_cell(reader->sources, FROM_ELSEWHERE);
    source_point(reader->sources, reader->elsewhere, reader->elsewhere);
    clang_visitChildren(clang_getTranslationUnitCursor(reader->unit), read_top, reader);
    set_all_parameters(reader);
    sources_solve(reader->sources);
    for (int i = 0; i < reading->count; i++)
        if (reading->facts[i].kind == FACT_LOOP)
            set_bound(reader->sources, &reader->cells[i], &reading->facts[i]);
}

static bool read_parsed(CXTranslationUnit unit, const char *path, const char *text, size_t length, JitReading *reading, JitBytes *messages)
{
    Reader reader = {.unit = unit, .file = clang_getFile(unit, path), .text = text, .length = length, .reading = reading, .function = -1,
                     .sources = sources_new()};
    read_unit(&reader);
    sources_free(reader.sources);
    free(reader.declared);
    free(reader.children);
    free(reader.arguments);
    free(reader.cells);
    static const char too_deep[] = "it is nested too deep to be read";
    if (reader.too_deep)
        bytes_give(messages, too_deep, strlen(too_deep));
    return !reader.too_deep;
}

int text_read(const char *const *flags, const char *path, const char *text, size_t length, JitReading *reading, JitBytes *messages)
{
    static const char failed[] = "libclang does not read it";
    *reading = (JitReading){0};
    setenv("LIBCLANG_NOTHREADS", "1", 1);    /* a thread of its own would have no stack to tell of a full one */
    const CXIndex index = clang_createIndex(0, 0);
    clang_toggleCrashRecovery(0);      /* which the index has begun with handlers of its own: signals are the program's */
    const CXTranslationUnit unit = parse(index, flags, path, text, length);
    bool good = unit != NULL;
    if (!good)
        bytes_give(messages, failed, strlen(failed));
    else
        good = !has_errors(unit, messages) && read_parsed(unit, path, text, length, reading, messages);
    clang_disposeTranslationUnit(unit);
    clang_disposeIndex(index);
    return good;
}

void reading_free(JitReading *reading)
{
    free(reading->facts);
    for (struct JitTexts *next, *texts = reading->texts; texts != NULL; texts = next) {
        next = texts->next;
        free(texts);
    }
    *reading = (JitReading){0};
}
