/* A small writer of SVG. Looks are classes of one style sheet; numbers have two digits, so that the bytes are the same everywhere. */
#include <string.h>

#include "compiler/cli/svg.h"

#define CHARACTER_WIDTH 6.7          /* of an average letter at 11 pixels in the widest of the common fonts */
#define IDEOGRAPH_WIDTH 11.0         /* and of the characters of East Asia, among those of three bytes and more */

static const char style[] =
    "text { font-family: Helvetica, Arial, 'Liberation Sans', sans-serif; font-size: 11px; fill: black }\n"
    ".small { font-size: 9.5px } .bold { font-weight: bold; font-size: 13px } .middle { text-anchor: middle } .end { text-anchor: end }\n"
    ".rim { stroke: white; stroke-width: 4px; stroke-linejoin: round; fill: white }\n"
    ".thin { stroke: black; stroke-width: 0.5 } .grid { stroke: #c4c4c4; stroke-width: 0.6 } .fine { stroke: #e4e4e4; stroke-width: 0.5 }\n"
    ".solid { stroke: black; stroke-width: 1.6 } "
    ".dash { stroke: black; stroke-width: 1.2; stroke-dasharray: 8 3 } .dots { stroke: black; stroke-width: 1.3; stroke-dasharray: 1.5 3 }\n"
    ".dashdot { stroke: black; stroke-width: 1.2; stroke-dasharray: 9 3 2 3 }\n"
    ".black { fill: black; stroke: black; stroke-width: 0.8 } .white { fill: white; stroke: black; stroke-width: 0.9 }\n"
    ".hatch { fill: url(#hatch); stroke: black; stroke-width: 0.8 } .paper { fill: white }\n"
    ".fill { fill: black } .frame { fill: none; stroke: black; stroke-width: 0.8 } .shade1 { fill: #e6e6e6 } .shade2 { fill: #cdcdcd } "
    ".shade3 { fill: #b0b0b0 } .shade4 { fill: #939393 } .shade5 { fill: #767676 } .shade6 { fill: #595959 } .shade7 { fill: #333333 } "
    ".shade8 { fill: black }\n";

/* ---- characters ---- */

static void add_character(FILE *stream, const char *at, size_t length)
{
    switch (*at) {
    case '&': fputs("&amp;", stream); break;
    case '<': fputs("&lt;", stream); break;
    case '>': fputs("&gt;", stream); break;
    case '"': fputs("&quot;", stream); break;
    case '\'': fputs("&#39;", stream); break;
    default: fwrite(at, 1, length, stream);
    }
}

/* XML has no place for most control characters, nor for U+FFFE and U+FFFF, escaped or not. */
static size_t xml_character(const char *at, size_t length)
{
    size_t taken = text_character(at, length);
    bool no_character = taken == 3 && (memcmp(at, "\xef\xbf\xbe", 3) == 0 || memcmp(at, "\xef\xbf\xbf", 3) == 0);
    return no_character ? 0 : taken;
}

static void add_escaped(FILE *stream, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        const size_t taken = xml_character(text, left), step = taken > 0 ? taken : 1;
        if (taken > 0)
            add_character(stream, text, taken);
        else
            fputs("&#xFFFD;", stream);
        text += step;
        left -= step;
    }
}

double svg_width(const char *text)
{
    double width = 0;
    for (size_t left = strlen(text); left > 0;) {
        const size_t taken = text_character(text, left), step = taken > 0 ? taken : 1;
        const bool narrow = taken == 1 && strchr("iljtf.,:;|!'()[]/ ", *text);
        width += taken > 2 ? IDEOGRAPH_WIDTH : narrow ? 0.6 * CHARACTER_WIDTH : CHARACTER_WIDTH;
        text += step;
        left -= step;
    }
    return width;
}

/* ---- elements ---- */

void svg_open(FILE *stream, double width, double height, const char *title)
{
    fprintf(stream, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                    "viewBox=\"0 0 %.0f %.0f\">\n<title>", width, height, width, height);
    add_escaped(stream, title);
    fprintf(stream, "</title>\n<style>\n%s</style>\n", style);
    fputs("<defs><pattern id=\"hatch\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><rect width=\"4\" height=\"4\" fill=\"white\"/>"
          "<path d=\"M-1,1 l2,-2 M0,4 l4,-4 M3,5 l2,-2\" stroke=\"black\" stroke-width=\"0.8\"/></pattern></defs>\n", stream);
    svg_box(stream, "paper", 0, 0, width, height);
}

void svg_close(FILE *stream)
{
    fputs("</svg>\n", stream);
}

void svg_line(FILE *stream, const char *look, double x1, double y1, double x2, double y2)
{
    fprintf(stream, "<line class=\"%s\" x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\"/>\n", look, x1, y1, x2, y2);
}

void svg_box(FILE *stream, const char *look, double x, double y, double width, double height)
{
    fprintf(stream, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n", look, x, y, width, height);
}

void svg_circle(FILE *stream, const char *look, double x, double y, double radius)
{
    fprintf(stream, "<circle class=\"%s\" cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\"/>\n", look, x, y, radius);
}

void svg_text(FILE *stream, const char *look, double x, double y, double degrees, const char *text)
{
    fprintf(stream, "<text class=\"%s\" x=\"%.2f\" y=\"%.2f\"", look, x, y);
    if (degrees != 0)
        fprintf(stream, " transform=\"rotate(%.2f %.2f %.2f)\"", degrees, x, y);
    fputs(">", stream);
    add_escaped(stream, text);
    fputs("</text>\n", stream);
}

void svg_text_over(FILE *stream, const char *look, double x, double y, double degrees, const char *text)
{
    char rim[64];
    snprintf(rim, sizeof rim, "%s rim", look);
    svg_text(stream, rim, x, y, degrees, text);
    svg_text(stream, look, x, y, degrees, text);
}
