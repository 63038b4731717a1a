// SPDX-License-Identifier: MIT
#include "every_word.hpp"

int launch_every_word(const densq::test::EveryWordBuffers &buffers, void *stream);

int launch_every_word(const densq::test::EveryWordBuffers &buffers, void *stream) {
    using namespace densq::test;
    return launch<every_word<1>>(kEveryWordShape, stream, buffers, 100u);
}
