# The fonts that the images are drawn with: a row a family. Every one is a package of Debian 12:
#     sudo apt-get install $(/usr/bin/python3 samples/glyphs/fonts.py)
import glob
import re
import sys

SEEN = [  # family, Debian package, files under /usr/share/fonts
    ("DejaVu Sans", "fonts-dejavu-extra fonts-dejavu-core", "truetype/dejavu/DejaVuSans*.ttf"),
    ("DejaVu Serif", "fonts-dejavu-extra fonts-dejavu-core", "truetype/dejavu/DejaVuSerif*.ttf"),
    ("Liberation Mono", "fonts-liberation2", "truetype/liberation2/LiberationMono*.ttf"),
    ("Liberation Sans", "fonts-liberation2", "truetype/liberation2/LiberationSans*.ttf"),
    ("Liberation Serif", "fonts-liberation2", "truetype/liberation2/LiberationSerif*.ttf"),
    ("FreeSerif", "fonts-freefont-ttf", "truetype/freefont/FreeSerif*.ttf"),
    ("FreeMono", "fonts-freefont-ttf", "truetype/freefont/FreeMono*.ttf"),
    ("Open Sans", "fonts-open-sans", "truetype/open-sans/*.ttf"),
    ("Lato", "fonts-lato", "truetype/lato/*.ttf"),
    ("Roboto", "fonts-roboto-unhinted", "truetype/roboto/unhinted/*/*.ttf"),
    ("Inconsolata", "fonts-inconsolata", "truetype/inconsolata/*.otf"),
    ("Hack", "fonts-hack", "truetype/hack/*.ttf"),
    ("EB Garamond", "fonts-ebgaramond", "opentype/ebgaramond/*.otf"),
    ("Linux Libertine", "fonts-linuxlibertine", "opentype/linux-libertine/LinLibertine_*.otf"),
    ("Linux Biolinum", "fonts-linuxlibertine", "opentype/linux-libertine/LinBiolinum_*.otf"),
    ("Comic Neue", "fonts-comic-neue", "opentype/comic-neue/*.otf"),
    ("Cantarell", "fonts-cantarell", "opentype/cantarell/*.otf"),
    ("Courier Prime", "fonts-courier-prime", "opentype/courier-prime/*.otf"),
    ("Quicksand", "fonts-quicksand", "truetype/quicksand/*.ttf"),
    ("Dosis", "fonts-dosis", "opentype/dosis/*.otf"),
    ("Old Standard", "fonts-oldstandard", "truetype/fonts-oldstandard/*.ttf"),
    ("Humor Sans", "fonts-humor-sans", "truetype/humor-sans/*.ttf"),
    ("Gentium", "fonts-sil-gentium-basic", "truetype/gentium-basic/*.ttf"),
    ("Andika", "fonts-sil-andika", "truetype/andika/*.ttf"),
    ("URW Bookman", "fonts-urw-base35", "opentype/urw-base35/URWBookman*.otf"),
    ("URW Gothic", "fonts-urw-base35", "opentype/urw-base35/URWGothic*.otf"),
    ("URW Chancery", "fonts-urw-base35", "opentype/urw-base35/Z003*.otf"),
    ("Cabin", "fonts-cabin", "opentype/cabin/*.otf"),
    ("Comfortaa", "fonts-comfortaa", "truetype/comfortaa/*.ttf"),
    ("Breip", "fonts-breip", "truetype/breip/Breip.ttf"),
    ("Yanone Kaffeesatz", "fonts-yanone-kaffeesatz", "opentype/yanone-kaffeesatz/*.otf"),
    ("Go", "fonts-go", "fonts-go/Go*.ttf"),
]
UNSEEN = [  # never trained on: how well the net does on these is reported apart
    ("Tuffy", "fonts-tuffy", "truetype/tuffy/Tuffy*.ttf"),
    ("Play", "fonts-play", "truetype/play/*.ttf"),
    ("Anonymous Pro", "fonts-anonymous-pro", "truetype/anonymous-pro/*.ttf"),
    ("Clear Sans", "fonts-clear-sans", "truetype/clear-sans/*.ttf"),
    ("Junicode", "fonts-junicode", "opentype/junicode/JunicodeTwoBeta-[BRISM]*.otf"),
]
# Too thin for 28 pixels, or not letters.
NOT_WANTED = re.compile(r"Thin|Hairline|ExtraLight|Smallcaps|Math|_K\.|_I\.|Initials|Minus")


def files(families):
    """The font files of each family, sorted; says which packages are missing."""
    found = []
    missing = []
    for family, package, pattern in families:
        paths = [path for path in sorted(glob.glob("/usr/share/fonts/" + pattern)) if not NOT_WANTED.search(path)]
        if paths:
            found.append(paths)
        else:
            missing.append(package)
    if missing:
        sys.exit("fonts are missing: apt-get install " + " ".join(missing))
    return found


if __name__ == "__main__":
    print(" ".join(sorted({name for _, packages, _ in SEEN + UNSEEN for name in packages.split()})))
