/* svg.c: pictures as SVG text that every viewer shows: no scripts, no colours that carry meaning, one common font. Includes base. */
#ifndef TULLE_SVG_H
#define TULLE_SVG_H

#include "compiler/base/base.h"

/* Lengths are in pixels, y grows downwards. `look` is a class of the list in svg.c. Lines: "thin", "solid", "dash", "dashdot", "dots", "grid",
   "fine"; shapes: "hatch", "black", "white", "fill", "frame", "shade1" to "shade8"; texts: "", "small", "bold", with "middle" or "end" behind it for where x is. */

void svg_open(FILE *stream, double width, double height, const char *title);
void svg_close(FILE *stream);
void svg_line(FILE *stream, const char *look, double x1, double y1, double x2, double y2);
void svg_box(FILE *stream, const char *look, double x, double y, double width, double height);
void svg_circle(FILE *stream, const char *look, double x, double y, double radius);
/* Any bytes: what XML or a reader cannot take becomes U+FFFD. Turned by `degrees` around its beginning. */
void svg_text(FILE *stream, const char *look, double x, double y, double degrees, const char *text);
void svg_text_over(FILE *stream, const char *look, double x, double y, double degrees, const char *text);    /* with a white rim: over lines */
double svg_width(const char *text);                              /* about what it takes at the ordinary size */

#endif
