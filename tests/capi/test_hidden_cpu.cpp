// SPDX-License-Identifier: MIT
// test_hidden_cpu.cpp - what the library does on CPUs that have less than this one.
#include <algorithm>
#include <cstdlib>

#include "tests/support/bound_weights.hpp"

using namespace densq::test;

namespace {

// Hides features (support/cpu_masked.cpp), besides those that are hidden already, while it lives.
class HiddenCpu {
public:
    explicit HiddenCpu(const std::string &features) {
        const char *outer = std::getenv(kVariable);
        had_outer = outer;
        if (outer) before = outer;
        set((outer ? before + "," : "") + features);
    }
    ~HiddenCpu() {
        if (had_outer)
            set(before);
        else
            unsetenv(kVariable);
    }
    HiddenCpu(const HiddenCpu &) = delete;
    HiddenCpu &operator=(const HiddenCpu &) = delete;

private:
    static constexpr const char *kVariable = "DENSQ_TEST_HIDE_CPU";
    static void set(const std::string &value) { setenv(kVariable, value.c_str(), 1); }

    bool had_outer;
    std::string before;
};

// With its parts hidden, a CPU has these backends alone.
void check_names_are(const std::vector<std::string> &expected, const std::string &lost) {
    CHECK(backend_names() == expected);
    CHECK(densq_backend_name(make_backend(backend_options()).get()) == expected[0]);
    CHECK(refuse(DENSQ_ERR_UNSUPPORTED, backend_options(lost.c_str())) ==
          "this CPU cannot run the backend '" + lost + "'");
}

void check_scalar_multiplies() {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    const std::vector<float> x = random_vector(matrix.cols);
    const auto product = [&](const char *name) {
        const Backend backend = make_backend(backend_options(name));
        const Weights weights = make_weights(backend, file, 0);
        std::vector<float> y(matrix.rows);
        std::vector<uint8_t> workspace(densq_workspace_size(weights.get(), 1));
        require_ok(densq_matmul(weights.get(), 1, x.data(), 0, y.data(), 0, workspace.data(),
                                workspace.size()));
        return y;
    };
    CHECK(product(nullptr) == product("scalar"));
}

}  // namespace

#if defined(__x86_64__)

TEST_CASE("without AVX-512") {
    std::vector<std::string> expected = backend_names();
    expected.erase(std::remove(expected.begin(), expected.end(), "avx512"), expected.end());
    const HiddenCpu hidden("avx512");
    check_names_are(expected, "avx512");
}

TEST_CASE("with AVX-512 but without VNNI its name stays") {
    const std::vector<std::string> expected = backend_names();
    const HiddenCpu hidden("avx512vnni");
    CHECK(backend_names() == expected);
}

TEST_CASE("a CPU that has nothing falls back to scalar") {
    const HiddenCpu hidden("avx2");
    check_names_are({"scalar"}, "avx2");
    check_names_are({"scalar"}, "avx512");
    check_scalar_multiplies();
}

#elif defined(__aarch64__)

TEST_CASE("without dot products the name of NEON stays") {
    const std::vector<std::string> expected = backend_names();
    const HiddenCpu hidden("dotproducts");
    CHECK(backend_names() == expected);
}

TEST_CASE("a CPU that has nothing falls back to scalar") {
    const HiddenCpu hidden("neon");
    check_names_are({"scalar"}, "neon");
    check_scalar_multiplies();
}

#endif

TEST_CASE("checksums without the CPU's instructions") {
    const std::string text = "123456789";
    const uint32_t crc = densq_crc32c(0, text.data(), text.size());
    CHECK(crc == 0xE3069283);
    const HiddenCpu hidden("crc32c");
    CHECK(densq_crc32c(0, text.data(), text.size()) == crc);
    CHECK(open_file(kGolden + "small.densq").status == DENSQ_OK);
}
