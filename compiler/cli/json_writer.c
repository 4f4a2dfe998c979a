/* JSON as it is written: commas and braces by themselves. */
#include <assert.h>

#include "compiler/cli/cli.h"

static void add_name(JsonWriter *json, const char *name)
{
    if (json->more)
        fputs(", ", json->stream);
    json->more = true;
    if (!name)
        return;
    report_json_string(json->stream, name);
    fputs(": ", json->stream);
}

void json_open(JsonWriter *json, const char *name, char opener)
{
    assert(json->depth < COUNT(json->closers));
    add_name(json, name);
    fputc(opener, json->stream);
    json->closers[json->depth++] = opener == '{' ? '}' : ']';
    json->more = false;
}

void json_close(JsonWriter *json)
{
    fputc(json->closers[--json->depth], json->stream);
    json->more = true;
    if (json->depth == 0)
        fputc('\n', json->stream);
}

void json_add_string(JsonWriter *json, const char *name, const char *text)
{
    add_name(json, name);
    if (text)
        report_json_string(json->stream, text);
    else
        fputs("null", json->stream);
}

void json_add_number(JsonWriter *json, const char *name, double number)
{
    add_name(json, name);
    report_json_number(json->stream, number);
}

void json_add_bool(JsonWriter *json, const char *name, bool truth)
{
    add_name(json, name);
    fputs(truth ? "true" : "false", json->stream);
}
