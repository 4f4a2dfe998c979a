/* What an expression is, apart from where its value comes from. */
#include "codegen/jit/reader.h"

CXCursor expression_bare(Reader *reader, CXCursor expression)
{
    for (;;) {
        const enum CXCursorKind kind = clang_getCursorKind(expression);
        if (kind != CXCursor_UnexposedExpr && kind != CXCursor_ParenExpr && kind != CXCursor_CStyleCastExpr)
            return expression;
        int count;
        const int first = reader_children(reader, expression, &count);
        const CXCursor inner = count > 0 ? reader->children[first + count - 1] : clang_getNullCursor();
        reader_drop(reader, first);
        if (count == 0)
            return expression;
        expression = inner;
    }
}

bool expression_number(CXCursor expression, long long *number)
{
    if (!clang_isExpression(clang_getCursorKind(expression)))
        return false;
    const CXEvalResult result = clang_Cursor_Evaluate(expression);
    bool known = result != NULL && clang_EvalResult_getKind(result) == CXEval_Int;
    if (known)
        *number = clang_EvalResult_getAsLongLong(result);
    known = known && (!clang_EvalResult_isUnsignedInt(result) || *number >= 0);
    if (result != NULL)
        clang_EvalResult_dispose(result);
    return known;
}

Declared *expression_variable(Reader *reader, CXCursor expression)
{
    const CXCursor bare = expression_bare(reader, expression), named = clang_getCursorReferenced(bare);
    const enum CXCursorKind kind = clang_getCursorKind(named);
    if (clang_getCursorKind(bare) != CXCursor_DeclRefExpr || (kind != CXCursor_VarDecl && kind != CXCursor_ParmDecl))
        return NULL;
    return reader_declared(reader, named);
}

Declared *expression_base(Reader *reader, CXCursor expression)
{
    for (;;) {
        expression = expression_bare(reader, expression);
        const enum CXCursorKind kind = clang_getCursorKind(expression);
        if (kind != CXCursor_ArraySubscriptExpr && kind != CXCursor_MemberRefExpr &&
            clang_getCursorUnaryOperatorKind(expression) != CXUnaryOperator_Deref)
            return expression_variable(reader, expression);
        int count;
        const int first = reader_children(reader, expression, &count);
        expression = count > 0 ? reader->children[first] : clang_getNullCursor();
        reader_drop(reader, first);
    }
}
