// The same from C++: two models in one program, `shrink` halves a picture, `glyphs` reads the letter on it.
#include <algorithm>
#include <array>
#include <iostream>

#include "glyphs.h"
#include "shrink.h"

namespace {
alignas(TULLE_ALIGNMENT) std::array<char, std::max(SHRINK_WORKSPACE_BYTES(1), GLYPHS_WORKSPACE_BYTES(1))> workspace;

template <typename Run>
void run(Run model, const float *input, float *output)
{
    const void *inputs[] = {input};
    void *outputs[] = {output};
    if (int status = model(inputs, outputs, workspace.data(), workspace.size(), 1); status != TULLE_OK)
        throw status;
}
}

int main()
try {
    static float picture[56][56];
    for (int y = 10; y < 46; y++)       // a bright T on black
        for (int x = 12; x < 44; x++)
            picture[y][x] = y < 16 || (x > 24 && x < 31) ? 0.9f : 0;

    std::array<float, GLYPHS_INPUT_0_COUNT> small;
    std::array<float, GLYPHS_OUTPUT_0_COUNT> scores;
    run(shrink_run, picture[0], small.data());
    run(glyphs_run, small.data(), scores.data());
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    std::cout << "C++ reads " << "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghnqrt"[best] << '\n';
} catch (int status) {
    std::cerr << "failed with status " << status << '\n';
    return 1;
}
